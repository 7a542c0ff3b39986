"""An ONNX model for inputs of given shapes, for runtimes that set none by themselves."""

from __future__ import annotations

from collections.abc import Mapping

import onnx


def sizes_of(each: onnx.ValueInfoProto) -> tuple[int, ...]:
    """The shape of an input; 2 of what it does not fix, to find out whether it loads at all."""
    return tuple(size.dim_value or 2 for size in each.type.tensor_type.shape.dim)


def sized(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> onnx.ModelProto:
    """The model for inputs of these shapes, also where its own sizes are names."""
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
