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
from gruverify.backends.world._onnx_sizes import sized, sizes_of


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
    """What runs a model, made afresh for the sizes of each call."""
    whole = onnx.load_from_string(model)
    _runnable(sized(whole, {each.name: sizes_of(each) for each in whole.graph.input}))
    made = dict[tuple[tuple[int, ...], ...], Runs]()

    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        shapes = tuple(given[each.name].shape for each in whole.graph.input)
        if shapes not in made:
            sizes = {name: array.shape for name, array in given.items()}
            made[shapes] = _runnable(sized(whole, sizes))
        return made[shapes](given)

    return run


def _runnable(model: onnx.ModelProto) -> Runs:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gru.onnx"
        path.write_bytes(model.SerializeToString())
        runnable = tract.onnx().load(path).into_model().into_runnable()
    names = [each.name for each in model.graph.input]

    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        if not all(array.size for array in given.values()):
            raise NotImplementedError(
                "tract is not called with sequences or batches that are empty"
            )
        return [each.to_numpy().copy() for each in runnable.run([given[name] for name in names])]

    return run
