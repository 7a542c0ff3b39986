"""Whether two stacks are the same function: both are run in the formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify._named import Keywords
from gruverify.arithmetic import SHARE, STATES, Ball, Rounding, float64
from gruverify.cell import Cell, Parameters, Stack, unpack
from gruverify.formulas import stack

Floats: TypeAlias = npt.NDArray[np.float64]

#: Steps and members of the run.
_STEPS, _MEMBERS = 4, 4


class NotTheSame(ValueError):
    """Two stacks are not the same function; the message says where."""


@dataclass(frozen=True)
class Proof:
    """Two runs in float64: how many numbers were compared, how many have the same bits, on how many
    bits, of 53, all of them agree compared with the largest, and of how many the enclosures claim
    something.
    """

    numbers: int
    equal: int
    bits: int
    claimed: int

    def __str__(self) -> str:
        if 2 * self.claimed < self.numbers:
            return (
                "not proved by running both: with weights so large, the enclosures claim something "
                f"of {self.claimed:,} of {self.numbers:,} numbers"
            )
        run = f"proved by running both, {_STEPS} steps of {_MEMBERS} members in float64"
        if self.equal == self.numbers:
            return f"{run}: all {self.numbers:,} numbers have the same bits"
        return (
            f"{run}: {self.equal:,} of {self.numbers:,} numbers have the same bits, and all agree "
            f"on {self.bits} of 53"
        )


def prove(before: Stack, after: Stack, losses: Sequence[Sequence[Floats]]) -> Proof:
    """Run both over the same random inputs and states, and compare outputs and last states.

    losses: of each layer and direction (3H,), by how much bias_ih of `after` was rounded when
    biases were added. Enclosures of the two must meet: each holds what its stack computes exactly,
    once biases may lie anywhere within that.

    Raises:
        NotTheSame: they do not.
    """
    # A fixed seed: a conversion that is proved once is proved each time.
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((_STEPS, _MEMBERS, before.input_size))
    # From within the range that states stay in (theory.md, M01), and not from zeros, which hide
    # the recurrent side of the first step.
    states = rng.uniform(-1, 1, (before.layers * before.directions, _MEMBERS, before.hidden_size))
    claimed = _claimed(before, after, losses, inputs, states)
    one, other = (_run(each, inputs, states) for each in (before, after))
    apart, largest = np.abs(one - other).max(), np.abs(one).max()
    if not apart:
        bits = 53
    else:
        bits = max(0, min(53, math.floor(-math.log2(apart / largest))))
    return Proof(one.size, int((one == other).sum()), bits, claimed)


def _claimed(
    before: Stack,
    after: Stack,
    losses: Sequence[Sequence[Floats]],
    inputs: Floats,
    states: Floats,
) -> int:
    """Of how many numbers the enclosures claim something.

    Raises:
        NotTheSame: two of them do not meet.
    """
    mode = Rounding(float64)
    nothing = before.each(lambda _: np.zeros(3 * before.hidden_size))
    one, other = (
        _enclosed(mode, each, slack, inputs, states)
        for each, slack in ((before, nothing), (after, losses))
    )
    claimed = 0
    for (mid, radius), (mid_, radius_) in zip(one, other, strict=True):
        apart = radius + radius_
        # The same rule of what a bound claims as in a check (docs/verdict.md).
        claims = (apart < np.abs(mid)) | (apart < STATES * SHARE)
        claimed += int(np.count_nonzero(claims))
        beyond = np.abs(mid - mid_) > apart
        if beyond.any():
            place = tuple(int(i) for i in np.argwhere(beyond)[0])
            raise NotTheSame(
                f"the converted GRU computes something else: {mid_[place]} where {mid[place]} is "
                f"right, at {list(place)}. Nothing was written; this is a fault of gruverify"
            )
    return claimed


def _enclosed(
    mode: Rounding,
    model: Stack,
    losses: Sequence[Sequence[Floats]],
    inputs: Floats,
    states: Floats,
) -> list[tuple[Floats, Floats]]:
    """Midpoints and radii of every output."""
    rows = list[list[Parameters]]()
    for row, slack in zip(model.cells, losses, strict=True):
        rows.append([_balls(mode, cell, loss) for cell, loss in zip(row, slack, strict=True)])
    xs = [Ball.exact(mode, x) for x in inputs]
    hs = [Ball.exact(mode, h) for h in states]
    run = stack(model.variant, rows, xs, hs)
    return [(ball.mid, ball.radius) for ball in (*run.outputs, *run.last)]


def _balls(mode: Rounding, cell: Cell, loss: Floats) -> Parameters:
    packed: Keywords = {}
    for name, array in cell.packed().items():
        wide = array.astype(np.float64)
        uncertain = name == "bias_ih" and loss.any()
        if uncertain:
            # The sum of two biases was rounded when they were folded: the exact one is within the
            # loss.
            packed[name] = Ball(mode, wide, loss)
        else:
            packed[name] = Ball.exact(mode, wide)
    return unpack(packed, cell.hidden_size)


def _run(model: Stack, inputs: Floats, states: Floats) -> Floats:
    """All outputs and last states, side by side."""
    rows = model.each(lambda cell: cell.parameters(lambda a: a.astype(np.float64)))
    run = stack(model.variant, rows, list(inputs), list(states))
    return np.concatenate([np.ravel(part) for part in (*run.outputs, *run.last)])
