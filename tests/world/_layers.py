"""Layers of a backend, each of them alone, as nodes of ONNX are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gruverify.backends import offers
from gruverify.backends.contract import NDArray
from gruverify.cell import Cell, Stack


def layer_by_layer(backend: Any) -> Any:
    """The method `stack` of a backend that knows one layer; of one that has none, its sequence in
    each direction.
    """

    def stack(
        stack: Stack, inputs: NDArray, states: Any, lengths: Any, batch_first: bool
    ) -> tuple[NDArray, NDArray]:
        xs, last = inputs, list[NDArray]()
        starts = [None] * stack.layers if states is None else np.split(states, stack.layers)
        for row, start in zip(stack.cells, starts, strict=True):
            if offers(backend, "stack"):
                xs, end = backend.stack(Stack((row,)), xs, start, lengths, batch_first)
            elif batch_first:
                xs, end = _layer(backend, row, xs.swapaxes(0, 1), start, lengths)
                xs = np.array(xs.swapaxes(0, 1), order="C")
            else:
                xs, end = _layer(backend, row, xs, start, lengths)
            last.append(end)
        return xs, np.concatenate(last)

    return stack


def _layer(
    backend: Any, row: Sequence[Cell], steps: NDArray, start: Any, lengths: Any
) -> tuple[NDArray, NDArray]:
    """Outputs (T, B, D·H) and last states (D, B, H) from steps (T, B, n)."""
    T, B, _ = steps.shape
    H, D = row[0].hidden_size, len(row)
    ends = np.full(B, T) if lengths is None else lengths
    outputs, last = np.zeros((T, B, D, H), steps.dtype), np.zeros((D, B, H), steps.dtype)
    if start is not None:
        last[:] = start
    for direction, cell in enumerate(row):
        order = slice(None, None, -1) if direction else slice(None)
        # Members of one length run together: it knows no others.
        for length in filter(None, np.unique(ends)):
            who = np.flatnonzero(ends == length)
            xs = np.array(steps[:length, who][order], order="C")
            state = None if start is None else np.array(start[direction, who])
            found, last[direction, who] = backend.sequence(cell, xs, state)
            outputs[:length, who, direction] = found[order]
    return outputs.reshape(T, B, D * H), last
