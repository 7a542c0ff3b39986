"""Values of the question's three cases, and what moving the update gate does to them (theory.md
3).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Ball, NDArray, tanh
from gruverify.cell import Case
from gruverify.formulas import magnitudes
from gruverify.invariants.core._changes import (
    SATURATED,
    cycled,
    edited,
    pinned,
    single,
    update_preactivation,
)
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Floats, Residual, at_most, equal, worst
from gruverify.invariants.core._trial import Trial


@invariant(
    "regimes/forget-value",
    "|h - tanh(W_xc x + b_xc)| ≤ keep(1 + |h'|) + r|q| after the product; with b_hc inside and "
    "|W_hc|(r|h'|) before it",
    source="theory 3, (3.4); M06",
    bound="inequality",
    needs=["step"],
)
def forget_value(trial: Trial) -> Iterator[Residual]:
    p, x = trial.exact.parameters, trial.exact.inputs[0]
    inner = x @ p.W_xc.T + p.b_xc
    if trial.case.cell.variant.reset == "before":
        # RB adds b_hc outside of what r closes: it survives r = 0 (3.4).
        inner = inner + p.b_hc
    yield _near(trial, tanh(inner), "r")


@invariant(
    "regimes/elman-value",
    "|h - tanh(W_xc x + b_xc + W_hc h' + b_hc)| ≤ keep(1 + |h'|) + (1-r)|q|; |W_hc|((1-r)|h'|) "
    "for |q| before",
    source="theory 3, (3.3), (3.4); M05",
    bound="inequality",
    needs=["step"],
)
def elman_value(trial: Trial) -> Iterator[Residual]:
    p, x, h = trial.exact.parameters, trial.exact.inputs[0], trial.exact.state
    yield _near(trial, tanh(x @ p.W_xc.T + p.b_xc + h @ p.W_hc.T + p.b_hc), "not_r")


def _near(trial: Trial, limit: Ball, gate: str) -> Residual:
    """|h - limit| ≤ keep(1 + |h'|) and what the gate, r or 1-r, adds to or holds back from the
    candidate.
    """
    m = magnitudes(trial.case.cell, trial.exact.step)
    passed: Floats = getattr(m, gate)
    if m.variant.reset == "after":
        through = passed * m.q
    else:
        through = (passed * m.h) @ m.W_hc.T
    distance = np.abs(trial.observed.step.astype(np.float64) - limit.mid)
    slack = limit.radius + trial.exact.next_state.radius
    return at_most("|h - limit|", "bi", distance, m.keep * (1 + m.h) + through, slack, scale=STATES)


# -- moving the update gate ------------------------------------------------------------------------


def update_raised(case: Case) -> Case:
    """One step with b_xz raised by 1."""
    return edited(single(case), lambda p: replace(p, b_xz=p.b_xz + p.b_xz.dtype.type(1)))


@invariant(
    "regimes/update-moves-towards-the-state",
    "raising b_z never raises |h - h'| = take|c - h'| (keep), and never lowers it (replace)",
    source="theory 3, (3.9); M07",
    bound="inequality",
    needs=["step"],
    applies=lambda variant: variant.input_bias,
)
def update_moves_towards_the_state(trial: Trial) -> Iterator[Residual]:
    raised, before = trial.on(update_raised), trial.case.state.astype(np.float64)
    moved, moves = (np.abs(t.observed.step.astype(np.float64) - before) for t in (trial, raised))
    # There z takes the candidate, and raising it moves away from h'.
    if trial.case.cell.variant.update == "replace":
        moved, moves = moves, moved
    excess = np.maximum(moves - moved, 0.0)
    # A NaN has moved by more than any bound.
    excess = np.where(np.isnan(moves - moved), np.inf, excess)
    allowed = trial.exact.next_state.radius + raised.exact.next_state.radius
    yield worst("|h - h'| as b_z rises", "bi", moves, moved, excess, allowed, scale=STATES)


def carried_units(case: Case) -> Case:
    """One step in which every other unit keeps its state exactly."""
    return pinned(
        single(case), z=update_preactivation(case.cell.variant, cycled(case, SATURATED, math.nan))
    )


@invariant(
    "regimes/unit-eigenvalue",
    "where a gate keeps all, row i of J is e_i: an eigenvalue of exactly 1 for each such unit",
    source="theory 3, (3.10); M64; Can, Krishnamurthy and Schwab 2020",
    bound="exact",
    needs=["step_jacobian"],
)
def unit_eigenvalue(trial: Trial) -> Iterator[Residual]:
    carried = trial.on(carried_units)
    jacobian, H = carried.observed.step_jacobian[0], carried.case.cell.hidden_size
    claimed = _carried(carried.case)[:, None] & np.isfinite(carried.exact.jacobian_of_state.radius)
    eye = np.broadcast_to(np.eye(H), jacobian.shape)
    yield equal("J", "bij", jacobian, eye, about=claimed)


def _carried(case: Case) -> NDArray:
    """Which units `carried_units` pinned."""
    return ~np.isnan(cycled(case, 0.0, math.nan))
