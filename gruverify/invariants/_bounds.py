"""What the state can never leave, and the sign that a gradient cannot miss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, NDArray, blend_rounding
from gruverify.invariants.core._blocks import letters, pairs
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Residual, at_most, overlooked, vague, worst
from gruverify.invariants.core._trial import Trial


@invariant(
    "bounds/box",
    "|h| ≤ max(1, |h'|), and |h'| ≤ 1 implies |h| ≤ 1 without any tolerance",
    source="theory 5, the box is exact; M01; Jordan, Sokół and Park 2019",
    bound="inequality",
    needs=["step"],
)
def box(trial: Trial) -> Iterator[Residual]:
    before = np.abs(trial.case.state.astype(np.float64))
    size = np.abs(trial.observed.step.astype(np.float64))
    radius = trial.exact.next_state.radius
    if trial.exact.mode.stays_in_box:
        slack = np.where(before <= 1, trial.declared_slack, radius)
    else:  # the two gates of form D may add up to more than 1
        slack = radius
    yield at_most("|h|", "bi", size, np.maximum(before, 1.0), slack)


@invariant(
    "bounds/between",
    "min(h', c) ≤ h ≤ max(h', c)",
    source="theory 5; M02",
    bound="inequality",
    needs=["step"],
)
def between(trial: Trial) -> Iterator[Residual]:
    h, c = trial.case.state.astype(np.float64), trial.exact.step.c
    low, high = np.minimum(h, c.mid - c.radius), np.maximum(h, c.mid + c.radius)
    one, zero = np.abs(h), c.magnitude
    rounding = (
        blend_rounding(trial.exact.mode, 1.0, 1.0, one, zero, high - low) + trial.declared_slack
    )
    actual = trial.observed.step.astype(np.float64)
    outside = np.maximum(np.maximum(low - actual, actual - high), 0.0)
    # A NaN lies in no interval.
    outside = np.where(np.isnan(actual), np.inf, outside)
    # A candidate known to no better than this leaves no interval to speak of.
    rounding = rounding + overlooked(vague(c.radius, STATES))
    yield worst(
        "h outside [min(h', c), max(h', c)]",
        "bi",
        actual,
        np.clip(actual, low, high),
        outside,
        np.asarray(rounding),
    )


@invariant(
    "bounds/gradient-sign",
    "wherever the enclosure of a gradient excludes 0, the gradient has its sign",
    source="theory 0, point 3; 13",
    bound="inequality",
    needs=["sequence_vjp"],
)
def gradient_sign(trial: Trial) -> Iterator[Residual]:
    found, expected = trial.observed.sequence_vjp, trial.exact.gradients
    for block, actual, ball in pairs(trial.case.cell.variant, found, expected.parameters):
        yield _sign(f"dL/d{block}", letters(block), actual, ball)
    for t, (actual, ball) in enumerate(zip(found.inputs, expected.inputs, strict=True)):
        yield _sign(f"dL/dx[t={t}]", "bj", actual, ball)
    if found.state is not None:
        yield _sign("dL/dh_0", "bi", found.state, expected.state)


def _sign(what: str, axes: str, actual: NDArray, ball: Ball) -> Residual:
    values = actual.astype(np.float64)
    # No tolerance: where the enclosure excludes 0 every implementation has that sign. A NaN has
    # none, and is wrong.
    wrong = (np.sign(values) != np.sign(ball.mid)).astype(np.float64)
    return worst(
        f"sign of {what}",
        axes,
        values,
        ball.mid,
        wrong,
        np.zeros(values.shape),
        about=ball.mignitude > 0,
    )
