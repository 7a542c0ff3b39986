"""Each step of a stack of one layer from the state that was returned before it, in both directions.

The outputs of one layer are its states, so each of its steps can be held alone: a bound that does
not grow with the length. What the inner layers of a higher stack return nobody sees.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.cell import StackCase
from gruverify.formulas import step
from gruverify.invariants.core._local import flat, lost, returned, stacked, unknown
from gruverify.invariants.core._registry import ALWAYS, invariant
from gruverify.invariants.core._residual import STATES, Residual, compare, nothing_claimed
from gruverify.invariants.core._stack_trial import StackTrial


@invariant(
    "stack/each-step",
    "of one layer: h_t is the step from the h_{t-1} that was returned, backward from h_{t+1}, "
    "and 0 at padding",
    source="theory 2, (2.1); 11, M37; docs/tolerances.md, along time",
    since="0.2",
    needs=["stack"],
    lengths=ALWAYS,
)
def each_step(trial: StackTrial) -> Iterator[Residual]:
    case = trial.case
    if case.stack.layers > 1:
        yield nothing_claimed("inner layers do not show their states")
        return
    outputs, last = trial.observed.stack
    H = case.stack.hidden_size
    for direction in range(case.stack.directions):
        found = outputs[..., direction * H : (direction + 1) * H]
        allowed = _allowed(trial, direction, found)
        name = ", backward" * direction
        yield compare(f"outputs{name}", "tbi", found, allowed, scale=STATES)
        yield compare(
            f"last{name}",
            "bi",
            last[direction],
            _at_the_end(case, direction, allowed),
            scale=STATES,
        )


def _allowed(trial: StackTrial, direction: int, outputs: NDArray) -> Ball:
    """What the steps of a direction allow, (T, B, H), given its outputs (T, B, H)."""
    case, mode = trial.case, trial.exact.mode
    given = Ball.exact(mode, np.broadcast_to(case.states[direction], outputs.shape))
    starts, real = _starts(case, direction)[..., None], case.real[..., None]
    # The row that wraps round is one that starts, and is not used.
    before = np.roll(outputs, -1 if direction else 1, axis=0)
    seen = returned(mode, before)
    h = Ball(
        mode,
        np.where(starts, given.mid, seen.mid),
        np.where(starts, given.radius, seen.radius),
    )
    parameters = case.stack.cells[0][direction].parameters(lambda array: Ball.exact(mode, array))
    x = Ball.exact(mode, flat(case.inputs))
    after = stacked(
        step(case.variant, parameters, x, Ball(mode, flat(h.mid), flat(h.radius))), len(outputs)
    )
    after = Ball(mode, np.where(real, after.mid, 0.0), np.where(real, after.radius, 0.0))
    return unknown(after, real & ~starts & lost(before)[..., None])


def _starts(case: StackCase, direction: int) -> NDArray:
    """Where a direction begins, (T, B): at the first step, or backward at each member's last."""
    steps = np.arange(len(case.inputs))[:, None]
    return np.asarray(steps == (case.real.sum(0) - 1 if direction else 0))


def _at_the_end(case: StackCase, direction: int, states: Ball) -> Ball:
    """The states where a direction ends, (B, H): of a member without steps, the initial one."""
    lengths, members = case.real.sum(0), np.arange(case.real.shape[1])
    if direction:
        at = np.zeros_like(lengths)
    else:
        at = np.maximum(lengths - 1, 0)
    stays, first = (lengths == 0)[:, None], Ball.exact(states.mode, case.states[direction])
    mid, radius = states.mid[at, members], states.radius[at, members]
    return Ball(states.mode, np.where(stays, first.mid, mid), np.where(stays, first.radius, radius))
