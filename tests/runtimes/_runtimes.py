"""Runtimes for the tests, in NumPy: each is a function (model, inputs), right or wrong in one
way.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from gruverify.backends import NumpyBackend
from gruverify.cell import Cell, Stack
from gruverify.models import OnnxNode, onnx_nodes


def right(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Y and Y_h of the model's one node."""
    return _run(_node_of(model), inputs)


def before(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Resets on the wrong side."""
    node = _node_of(model)
    assert node.gru is not None
    cells = [_resets_before(cell) for cell in node.gru.stack.cells[0]]
    return _run(node, inputs, Stack((tuple(cells),)))


def late(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Starts from zeros where there are more than two steps."""
    given = dict(inputs)
    if len(given["X"]) > 2 and "initial_h" in given:
        given["initial_h"] = 0 * given["initial_h"]
    return _run(_node_of(model), given)


def all_as_long(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Takes the padding for steps, at the end of which it takes the last states."""
    given = dict(inputs)
    T, B, _ = given["X"].shape
    given["sequence_lens"] = np.full(B, T)
    return _run(_node_of(model), given)


def raises(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Takes one member alone."""
    if inputs["X"].shape[1] > 1:
        raise RuntimeError("one at a time")
    return right(model, inputs)


def unknown_at_the_end(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Has a NaN for the last output of a run, and a number for its last state."""
    Y, Y_h = right(model, inputs)
    Y[-1] = np.nan
    return [Y, Y_h]


def misshapen(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Has batch and direction the other way round."""
    Y, Y_h = right(model, inputs)
    return [Y.swapaxes(1, 2), Y_h]


def alone(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Has no last states."""
    return right(model, inputs)[:1]


def leaves(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Wants to end the process."""
    raise SystemExit(3)


def ends(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Ends the process."""
    os._exit(3)


def _node_of(model: bytes) -> OnnxNode:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "node.onnx")
        file.write_bytes(model)
        [node] = onnx_nodes(file)
    return node


def _resets_before(cell: Cell) -> Cell:
    from dataclasses import replace

    return Cell(
        replace(cell.variant, reset="before"),
        cell.weight_ih,
        cell.weight_hh,
        cell.bias_ih,
        cell.bias_hh,
    )


def _run(node: OnnxNode, inputs: dict[str, Any], stack: Stack | None = None) -> list[Any]:
    assert node.gru is not None
    stack = stack or node.gru.stack
    xs, h = inputs["X"], inputs.get("initial_h")
    if node.batch_first:
        xs, h = xs.swapaxes(0, 1), None if h is None else h.swapaxes(0, 1)
    if node.gru.backward:
        xs = xs[::-1]
    outputs, last = NumpyBackend().stack(stack, xs, h, inputs.get("sequence_lens"), False)
    if node.gru.backward:
        outputs = outputs[::-1]
    Y = outputs.reshape(*xs.shape[:2], stack.directions, -1)
    if node.batch_first:
        return [Y.swapaxes(0, 1), last.swapaxes(0, 1)]
    return [Y.swapaxes(1, 2), last]
