"""A step at which nothing of the past gets through: the sequence starts over (theory.md 4,
(4.5)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.cell import Case, Parameters
from gruverify.invariants.core._blocks import block_of, letters, pairs
from gruverify.invariants.core._changes import (
    SATURATED,
    edited,
    unequal_state,
    update_preactivation,
    with_inputs,
)
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import (
    STATES,
    Floats,
    Residual,
    agree_within,
    equal,
    overlooked,
)
from gruverify.invariants.core._trial import Trial

#: The step, counted from 0, at which r and the kept share are exactly 0; there is one more.
RESET = 1


def hard_reset(case: Case) -> Case:
    """Three steps; input 0 is a flag that closes both gates at the second, whatever else they are
    given.
    """
    # One step before the closed one, and one after it.
    inputs = case.inputs[[0, -1, 0]]
    inputs[:, :, 0] = (np.arange(3) == RESET)[:, None]
    flagged = with_inputs(case, inputs)
    reach = (
        np.abs(inputs.astype(np.float64)).max((0, 1)),
        np.maximum(np.abs(case.state.astype(np.float64)).max(0), 1),
    )

    def close(p: Parameters) -> Parameters:
        closing = {
            "r": -2 * SATURATED,
            "z": float(update_preactivation(case.cell.variant, -2 * SATURATED)),
        }
        blocks = dict[str, NDArray]()
        for gate in "rz":
            blocks.update(_flagged(p, gate, closing[gate], *reach))
        return replace(p, **blocks)

    return edited(flagged, close)


def _flagged(
    p: Parameters, gate: str, flag: float, x: Floats, h: Floats
) -> Iterator[tuple[str, NDArray]]:
    """The gate's blocks with the flag's weight, scaled down (by powers of two) to where the flag
    outweighs them.
    """
    W_x, W_h, b_x, b_h = (
        np.asarray(getattr(p, kind + gate)) for kind in ("W_x", "W_h", "b_x", "b_h")
    )
    W_x = W_x.copy()
    W_x[:, 0] = 0
    wide = [block.astype(np.float64) for block in (W_x, W_h, b_x, b_h)]
    largest = float(
        (np.abs(wide[0]) @ x + np.abs(wide[1]) @ h + np.abs(wide[2]) + np.abs(wide[3])).max()
    )
    # At most 2048 against the flag's 4096: what is left is at least where σ is 0 in every format.
    scale = 2.0 ** -np.ceil(max(np.log2(max(largest, 1.0) / SATURATED), 0.0))
    for kind, block in zip(("W_x", "W_h", "b_x", "b_h"), (W_x, W_h, b_x, b_h), strict=True):
        scaled = (block.astype(np.float64) * scale).astype(W_x.dtype)
        if kind == "W_x":
            # 4096 = 2^12: a number of every format.
            scaled[:, 0] = flag
        yield kind + gate, scaled


def from_the_reset(case: Case) -> Case:
    """A case of a hard reset from the closed step on, started from another state."""
    return replace(with_inputs(case, case.inputs[RESET:]), state=unequal_state(case))


@invariant(
    "regimes/hard-reset",
    "a step with keep = r = 0 restarts the sequence: what follows is the same from any "
    "state and history",
    source="theory 4, (4.5); M04, M59",
    needs=["sequence"],
)
def hard_reset_states(trial: Trial) -> Iterator[Residual]:
    whole = trial.on(hard_reset)
    part = whole.on(from_the_reset)
    one, other = whole.observed.sequence[0][RESET:], part.observed.sequence[0]
    # Two runs of one function from the reset on: each is within its own radius.
    balls = zip(whole.exact.run.states[RESET + 1 :], part.exact.run.states[1:], strict=True)
    for t, (ball, beside) in enumerate(balls):
        yield agree_within(
            f"outputs[t={RESET + t}]",
            "bi",
            one[t],
            other[t],
            ball.radius + beside.radius,
            scale=STATES,
        )


@invariant(
    "regimes/hard-reset-gradient",
    "past a step with keep = r = 0 every parameter's gradient is that of the sequence "
    "started there",
    source="theory 4, (4.5); M59",
    needs=["sequence_vjp"],
)
def hard_reset_gradient(trial: Trial) -> Iterator[Residual]:
    whole = trial.on(hard_reset)
    part = whole.on(from_the_reset)
    balls, beside = whole.exact.gradients_of_last, part.exact.gradients_of_last
    one, other = whole.observed.sequence_vjp_of_last, part.observed.sequence_vjp_of_last
    for block, gradient, ball in pairs(trial.case.cell.variant, one, balls.parameters):
        allowed = ball.radius + getattr(beside.parameters, block).radius
        yield agree_within(
            f"dL/d{block}", letters(block), gradient, block_of(other, block), allowed
        )
    for t, (ball, also) in enumerate(zip(balls.inputs[RESET:], beside.inputs, strict=True)):
        yield agree_within(
            f"dL/dx[t={RESET + t}]",
            "bj",
            one.inputs[RESET + t],
            other.inputs[t],
            ball.radius + also.radius,
        )


@invariant(
    "regimes/hard-reset-cuts-gradient",
    "no gradient passes a step with keep = r = 0: dL/dh_0 and dL/dx_k before it are exactly 0",
    source="theory 4, (4.4), (4.5); M59",
    bound="exact",
    needs=["sequence_vjp"],
)
def hard_reset_cuts_gradient(trial: Trial) -> Iterator[Residual]:
    whole = trial.on(hard_reset)
    found, balls = whole.observed.sequence_vjp_of_last, whole.exact.gradients_of_last
    if found.state is not None:
        yield _zero("dL/dh_0", "bi", found.state, balls.state)
    for t in range(RESET):
        yield _zero(f"dL/dx[t={t}]", "bj", found.inputs[t], balls.inputs[t])


def _zero(what: str, axes: str, actual: NDArray, ball: Ball) -> Residual:
    """Nothing is claimed where the format may overflow on the way: ∞·0 is not a number."""
    return equal(what, axes, actual, np.zeros_like(actual), overlooked(np.isinf(ball.radius)))
