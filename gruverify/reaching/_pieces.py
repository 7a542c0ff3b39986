"""Boxes cut in halves along the numbers on which the outputs depend most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gruverify.formulas import stack, stack_bptt
from gruverify.reaching._boxes import Boxes, CannotReach, Floats
from gruverify.reaching._run import Model


def bisected(model: Model, boxes: Boxes, pieces: int) -> Boxes:
    """Every box cut into `pieces`, one after the other: box b becomes members b·pieces and on.

    Raises:
        CannotReach: the number of pieces is not a power of 2.
    """
    if pieces < 1 or pieces & (pieces - 1):
        raise CannotReach(f"split={pieces} must be 1, 2, 4, 8, … pieces")
    if pieces == 1:
        return boxes
    ends = [np.repeat(end, pieces, axis=1) for end in _ends(boxes)]
    influence = _influence(model, boxes)
    cuts = pieces.bit_length() - 1
    number = np.arange(pieces)
    for b in range(boxes.members):
        # A heuristic: whatever is cut, the pieces together are the box, and what is proved is
        # proved.
        order = np.argsort(-influence[b], kind="stable")[:cuts]
        for bit, which in enumerate(order):
            upper = (number >> bit & 1).astype(bool)
            _halve(ends, slice(b * pieces, (b + 1) * pieces), int(which), upper)
    return replace(boxes, low=ends[0], high=ends[1], state_low=ends[2], state_high=ends[3])


def _ends(boxes: Boxes) -> tuple[Floats, Floats, Floats, Floats]:
    return boxes.low, boxes.high, boxes.state_low, boxes.state_high


def _halve(ends: list[Floats], members: slice, which: int, upper: npt.NDArray[np.bool_]) -> None:
    """Keep one half of a number's range in each of the members: inputs are counted first."""
    T, _, I = ends[0].shape
    low, high = ends[:2] if which < T * I else ends[2:]
    row, column = divmod(which if which < T * I else which - T * I, low.shape[2])
    below, above = low[row, members, column], high[row, members, column]
    # Halved before they are added: the sum of two ends may overflow.
    middle = below / 2 + above / 2
    low[row, members, column] = np.where(upper, middle, below)
    high[row, members, column] = np.where(upper, above, middle)


def _influence(model: Model, boxes: Boxes) -> Floats:
    """By how much each input and initial state, (B, T·I + L·D·H), moves the last outputs: its range
    times Σ|derivative| in the middle of the box.
    """
    order = slice(None, None, -1) if model.backward else slice(None)
    low, high, state_low, state_high = _ends(boxes)
    n, B = model.width, boxes.members
    rows = model.stack.each(lambda cell: cell.parameters(lambda a: a.astype(np.float64)))
    # A copy of each box for each output, so that one pass back gives all n rows of derivatives.
    xs = np.repeat((low / 2 + high / 2)[order], n, axis=1)
    hs = np.repeat(state_low / 2 + state_high / 2, n, axis=1)
    run = stack(model.stack.variant, rows, list(xs), list(hs))
    d_outputs = np.zeros((boxes.steps, B * n, n))
    d_outputs[-1] = np.tile(np.eye(n), (B, 1))
    back = stack_bptt(run, list(d_outputs[order]), None)
    found = list[Floats]()
    for derivatives, width in (
        (np.stack(back.inputs)[order], high - low),
        (np.stack(back.states), state_high - state_low),
    ):
        each = np.abs(derivatives).reshape(len(derivatives), B, n, -1).sum(2) * width
        found.append(each.swapaxes(0, 1).reshape(B, -1))
    return np.concatenate(found, axis=1)
