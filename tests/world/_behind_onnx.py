"""A backend over NumPy behind the adapter of ONNX, as a runtime that computes as it does."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import onnx
from onnx import helper

from gruverify.arithmetic import float32
from gruverify.backends._onnx import OnnxBackend
from gruverify.backends.contract import NDArray
from gruverify.cell import LAYOUTS, Stack, Variant

_WEIGHTS = ("W", "R", "B")


def behind_onnx(backend: Any) -> OnnxBackend:
    """The backend as what runs models of one GRU node."""

    def loaded(model: onnx.ModelProto) -> Any:
        (node,) = model.graph.node
        meant = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        return partial(_run, backend, meant)

    return OnnxBackend(backend.name, (float32,), loaded)


def _run(backend: Any, meant: dict[str, Any], given: dict[str, NDArray]) -> tuple[NDArray, NDArray]:
    """Y and Y_h, by the attributes that the node has and not by what the adapter was asked."""
    reset = "after" if meant["linear_before_reset"] else "before"
    variant = Variant(reset, "keep", "B" in given)
    directions = {b"forward": 1, b"bidirectional": 2}[meant["direction"]]
    arrays = {name: given[name] for name in _WEIGHTS if name in given}
    cells = []
    for at in range(directions):
        own = {name: array[at : at + 1] for name, array in arrays.items()}
        cells.append(LAYOUTS["onnx"].cell(own, variant))
    batch_first = bool(meant["layout"])
    start = given.get("initial_h")
    if batch_first and start is not None:
        start = np.array(start.swapaxes(0, 1), order="C")
    with np.errstate(all="ignore"):
        outputs, last = backend.stack(
            Stack((tuple(cells),)), given["X"], start, given.get("sequence_lens"), batch_first
        )
    # Directions side by side become an axis: last but one, or behind the steps.
    Y = outputs.reshape(*outputs.shape[:2], directions, meant["hidden_size"])
    if batch_first:
        return Y, last.swapaxes(0, 1)
    return Y.swapaxes(1, 2), last
