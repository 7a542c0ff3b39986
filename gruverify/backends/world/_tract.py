"""`tract`: GRU of tract, read from ONNX."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
import tract

from gruverify.arithmetic import float32
from gruverify.backends._onnx import OnnxBackend, Runs
from gruverify.backends.contract import NDArray


def build() -> OnnxBackend:
    """It wants weights and sizes in the model; sequence_lens and layout=1 are refused."""
    return OnnxBackend(
        "tract",
        (float32,),
        _runnable,
        batch_first=False,
        fixed=True,
        lengths=False,
        subnormals=False,
    )


def load(model: bytes) -> Runs:
    """What runs a model, made anew for the sizes of each call."""
    whole = onnx.load_from_string(model)
    made = dict[tuple[tuple[int, ...], ...], Runs]()

    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        shapes = tuple(given[each.name].shape for each in whole.graph.input)
        if shapes not in made:
            made[shapes] = _runnable(_sized(whole, given))
        return made[shapes](given)

    return run


def _sized(model: onnx.ModelProto, given: dict[str, NDArray]) -> onnx.ModelProto:
    """The model for inputs of these shapes."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    for each in found.graph.input:
        sizes = each.type.tensor_type.shape
        del sizes.dim[:]
        for size in given[each.name].shape:
            sizes.dim.add().dim_value = size
    del found.graph.value_info[:]
    for each in found.graph.output:
        each.type.tensor_type.ClearField("shape")
    return found


def _runnable(model: onnx.ModelProto) -> Runs:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gru.onnx"
        path.write_bytes(model.SerializeToString())
        runnable = tract.onnx().load(path).into_model().into_runnable()
    names = [each.name for each in model.graph.input]

    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        if not all(array.size for array in given.values()):
            raise NotImplementedError(
                "tract is not asked about sequences or batches that are empty"
            )
        return [each.to_numpy().copy() for each in runnable.run([given[name] for name in names])]

    return run
