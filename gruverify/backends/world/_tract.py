"""`tract`: GRU of tract, read from ONNX."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
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
    """What runs a model, made afresh for the sizes of each call."""
    whole = onnx.load_from_string(model)
    _runnable(_sized(whole, {each.name: _sizes(each) for each in whole.graph.input}))
    made = dict[tuple[tuple[int, ...], ...], Runs]()

    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        shapes = tuple(given[each.name].shape for each in whole.graph.input)
        if shapes not in made:
            sizes = {name: array.shape for name, array in given.items()}
            made[shapes] = _runnable(_sized(whole, sizes))
        return made[shapes](given)

    return run


def _sizes(each: onnx.ValueInfoProto) -> tuple[int, ...]:
    """The shape of an input; 2 of what it does not fix, to find out whether it loads at all."""
    return tuple(size.dim_value or 2 for size in each.type.tensor_type.shape.dim)


def _sized(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> onnx.ModelProto:
    """The model for inputs of these shapes: tract does not set sizes that have names."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    _forget_shapes(found.graph)
    for each in found.graph.input:
        for size in shapes[each.name]:
            each.type.tensor_type.shape.dim.add().dim_value = size
    return found


def _forget_shapes(graph: onnx.GraphProto) -> None:
    """Of this graph and those inside it."""
    del graph.value_info[:]
    for each in (*graph.input, *graph.output):
        each.type.tensor_type.ClearField("shape")
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _forget_shapes(attribute.g)


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
