"""The question's three cases, carry, forget and Elman, as inequalities that hold everywhere and
bite at extreme gates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from operator import add

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.formulas import (
    Activations,
    Magnitudes,
    carry_gap,
    carry_growth,
    carry_rate,
    elman_gap,
    forget_gap,
    magnitudes,
)
from gruverify.invariants.core._blocks import block_of, blocks_of, letters, state_of
from gruverify.invariants.core._reference import float64_error, float64_error_of_answers
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import (
    STATES,
    Floats,
    Residual,
    at_most,
    equal,
    nonzero_where_required,
)
from gruverify.invariants.core._trial import Trial


def _first_step(trial: Trial) -> Magnitudes:
    return magnitudes(trial.case.cell, trial.exact.step)


#: Roundings, and products, of a limit besides those of its sums.
_DEEP = 8


def _own(limit: Floats, terms: int) -> Floats | float:
    """What finding a limit that is a sum of that many terms may err by in float64."""
    return float64_error(limit, terms + _DEEP, _DEEP * terms)


def _row_sums(trial: Trial, target: Floats, gap: Floats, what: str) -> Residual:
    """Σ_j |J_ij - target_ij| ≤ gap_i, with what rounding allows the row."""
    jacobian = trial.observed.step_jacobian[0].astype(np.float64)
    distance, H, ball = (
        np.abs(jacobian - target).sum(2),
        jacobian.shape[2],
        trial.exact.jacobian_of_state,
    )
    reach = float((np.abs(ball.mid) + np.abs(target)).sum(2).max())
    # An inequality in exact numbers: its limit and both sides round, so that at ε ~ u a slack is
    # needed (theory.md 3, last line).
    slack = ball.radius.sum(2) + _own(gap, H) + float64_error_of_answers(distance, H, 0)
    return at_most(what, "bi", distance, gap, slack, scale=reach)


@invariant(
    "regimes/carry-jacobian",
    "Σ_j|J_ij - δ_ij| ≤ take_i·C_i: at z = 1 the Jacobian is I",
    source="theory 3, (3.1), (3.10)",
    bound="inequality",
    needs=["step_jacobian"],
)
def carry_jacobian(trial: Trial) -> Iterator[Residual]:
    eye = np.eye(trial.case.cell.hidden_size)
    yield _row_sums(trial, eye, carry_gap(_first_step(trial)), "Σ_j|J - I|")


@invariant(
    "regimes/carry-jacobian-is-the-gate",
    "Σ_j|J_ij - keep_i δ_ij| ≤ take_i·(C_i - 1): towards z = 1 the Jacobian is D(z)",
    source="theory 3, (3.1)",
    bound="inequality",
    needs=["step_jacobian"],
)
def carry_jacobian_is_the_gate(trial: Trial) -> Iterator[Residual]:
    m = _first_step(trial)
    keep: Ball = trial.exact.step.keep
    gate = keep.mid[..., None] * np.eye(trial.case.cell.hidden_size)
    yield _row_sums(trial, gate, m.take * carry_rate(m) + keep.radius, "Σ_j|J - D(keep)|")


@invariant(
    "regimes/carry-copies-state",
    "|h - h'| ≤ take∘(1 + |h'|)",
    source="theory 3, (3.4); M03",
    bound="inequality",
    needs=["step"],
)
def carry_copies_state(trial: Trial) -> Iterator[Residual]:
    m = _first_step(trial)
    moved = np.abs(trial.observed.step.astype(np.float64) - trial.case.state.astype(np.float64))
    yield at_most(
        "|h - h'|", "bi", moved, m.take * (1 + m.h), trial.exact.next_state.radius, scale=STATES
    )


@invariant(
    "regimes/carry-gradient",
    "‖dL/dh_0 - g‖₁ ≤ (Π(1 + ε_t C_t) - 1) ‖g‖₁ over the T steps, for a loss on h_T",
    source="theory 3, (3.6); M57",
    bound="inequality",
    needs=["sequence_vjp"],
    unless={"state_gradient": False},
)
def carry_gradient(trial: Trial) -> Iterator[Residual]:
    g = trial.case.d_last.astype(np.float64)
    growth = carry_growth([magnitudes(trial.case.cell, a) for a in trial.exact.run.steps])
    changed = np.abs(state_of(trial.observed.sequence_vjp_of_last).astype(np.float64) - g).sum(1)
    ball = trial.exact.gradients_of_last.state
    reach = float((np.abs(ball.mid) + np.abs(g)).sum(1).max())
    limit, terms = growth * np.abs(g).sum(1), g.shape[1] * (len(trial.case.inputs) + 1)
    yield at_most(
        "‖dL/dh_0 - g‖₁", "b", changed, limit, ball.radius.sum(1) + _own(limit, terms), scale=reach
    )


@invariant(
    "regimes/forget-jacobian",
    "Σ_j|J_ij| ≤ keep_i(1 + (1+|h'_i|)N_z) + what r lets through: at z = r = 0 the Jacobian is 0",
    source="theory 3, (3.2)",
    bound="inequality",
    needs=["step_jacobian"],
)
def forget_jacobian(trial: Trial) -> Iterator[Residual]:
    yield _row_sums(trial, np.zeros(()), forget_gap(_first_step(trial)), "Σ_j|J|")


@invariant(
    "regimes/forget-takes-candidate",
    "|h - c| ≤ keep∘(1 + |h'|)",
    source="theory 3, (3.4)",
    bound="inequality",
    needs=["step"],
)
def forget_takes_candidate(trial: Trial) -> Iterator[Residual]:
    m, c = _first_step(trial), trial.exact.step.c
    distance = np.abs(trial.observed.step.astype(np.float64) - c.mid)
    slack = c.radius + trial.exact.next_state.radius
    yield at_most("|h - c|", "bi", distance, m.keep * (1 + m.h), slack, scale=STATES)


@invariant(
    "regimes/forget-candidate-gradient",
    "|∂⁺(W_xc, b_xc) - Σ_b g(1-c²)·(x, 1)| ≤ Σ_b keep|g|·(|x|, 1): O(1), and not 0, as z and r "
    "close",
    source="theory 4, table 4.1; section 0, point 3",
    bound="inequality",
    needs=["step_vjp"],
)
def forget_candidate_gradient(trial: Trial) -> Iterator[Residual]:
    g, x, c = trial.exact.d_last, trial.exact.step.x, trial.exact.step.c
    # take (1-c²) = (1-c²) - keep (1-c²): the second is at most keep, whatever c is.
    elman, kept = g * (1 - c * c), _first_step(trial).keep * g.magnitude
    limits = {"W_xc": (elman.T @ x, kept.T @ x.magnitude), "b_xc": (elman.sum(0), kept.sum(0))}
    for block in blocks_of(trial.case.cell.variant):
        if block in limits:
            limit, gap = limits[block]
            actual, expected = (
                block_of(trial.observed.step_vjp, block),
                getattr(trial.exact.pullback.parameters, block),
            )
            distance = np.abs(actual.astype(np.float64) - limit.mid)
            slack = expected.radius + limit.radius + _own(gap, len(x.mid))
            yield at_most(f"|∂⁺{block} - limit|", letters(block), distance, gap, slack)
            yield nonzero_where_required(f"∂⁺{block}", actual, expected)


@invariant(
    "regimes/forget-update-gradient",
    "|dL_T/dU_z| ≤ Σ_k |dL_T/dh_k|(1+|h'|) z(1-z) |h'|: O(z) at any length, and not 0 where its "
    "enclosure excludes 0",
    source="theory 4, (4.3); section 0, points 1 and 2",
    bound="inequality",
    needs=["sequence_vjp"],
)
def forget_update_gradient(trial: Trial) -> Iterator[Residual]:
    actual = block_of(trial.observed.sequence_vjp_of_last, "W_hz")
    expected = trial.exact.gradients_of_last.parameters.W_hz
    limit = reduce(add, (_outer(a, h) for a, h in _update_paths(trial)))
    terms = len(trial.case.state) * len(trial.case.inputs)
    slack = expected.radius + _own(limit, terms)
    yield at_most("|dL_T/dW_hz|", "ij", np.abs(actual.astype(np.float64)), limit, slack)
    yield nonzero_where_required("dL_T/dW_hz", actual, expected)


def _update_paths(trial: Trial) -> Iterator[tuple[Floats, Floats]]:
    """For each k: bounds of |dL_T/dh_k|(1+|h'|) z(1-z) and of |h_{k-1}|, (B, H) each."""
    for term, a in zip(trial.exact.terms_of_last, reversed(trial.exact.run.steps), strict=True):
        m = magnitudes(trial.case.cell, a)
        # z(1-z) is at most the smaller of the two.
        yield term.cotangent.magnitude * (1 + m.h) * np.minimum(m.z, m.not_z), m.h


def _outer(units: Floats, states: Floats) -> Floats:
    return units.T @ states


@invariant(
    "regimes/closed-update-gate",
    "dL_T/dU_z is exactly 0 once z is too small for the format",
    source="theory 5; M70",
    bound="exact",
    needs=["sequence_vjp"],
)
def closed_update_gate(trial: Trial) -> Iterator[Residual]:
    actual = block_of(trial.observed.sequence_vjp_of_last, "W_hz")
    yield equal("dL_T/dW_hz", "ij", actual, np.zeros_like(actual), about=_vanishes(trial))


def _vanishes(trial: Trial) -> NDArray:
    """Where every implementation must return 0: (H, H).

    The gate is so small that it rounds to 0, and so is, for one that carries it in a wider format,
    the gradient itself; and nothing overflows on the way, which would leave ∞·0.
    """
    gates = [_update_gate_in_subnormals(trial, a) for a in reversed(trial.exact.run.steps)]
    largest = reduce(
        add,
        (
            _outer(z * term.cotangent.magnitude * (1 + a.h.magnitude), a.h.magnitude)
            for z, term, a in zip(
                gates, trial.exact.terms_of_last, trial.exact.run.steps[::-1], strict=True
            )
        ),
    )
    # A sixteenth of what would round up to the smallest number.
    shut = np.max([z.max(0) for z in gates], axis=0) < 1 / 32
    bounded = np.isfinite(trial.exact.gradients_of_last.parameters.W_hz.radius)
    return np.asarray(shut[:, None] & (largest < 1 / 4) & bounded)


def _update_gate_in_subnormals(trial: Trial, a: Activations) -> Floats:
    """A bound of z, (B, H), in units of the format's smallest number, next to which float64 itself
    has no smaller one.

    σ(a) ≤ e^a, divided by that number in the exponent; what is far too large is cut off.
    """
    # Where large summands cancel, the pre-activation may be off by more than the gate is small.
    most = a.a_z.mid + a.a_z.radius
    return np.asarray(np.exp(np.minimum(most - math.log(trial.case.format.min_subnormal), 1.0)))


@invariant(
    "regimes/elman-jacobian",
    "Σ_j|J_ij - (1-c_i²)W_hc,ij| ≤ keep_i(1 + (1+|h'_i|)N_z + N_c) + what 1-r holds back: Elman "
    "at z = 0, r = 1",
    source="theory 3, (3.3)",
    bound="inequality",
    needs=["step_jacobian"],
)
def elman_jacobian(trial: Trial) -> Iterator[Residual]:
    c = trial.exact.step.c
    slope = 1 - c * c
    W_hc = np.split(trial.case.cell.weight_hh.astype(np.float64), 3)[2]
    m = _first_step(trial)
    gap = elman_gap(m) + slope.radius * m.row_c
    yield _row_sums(trial, slope.mid[..., None] * W_hc, gap, "Σ_j|J - D(1-c²)W_hc|")


# -- table 4.1: which immediate gradients vanish, and with what order ------------------------------


@invariant(
    "regimes/order-update",
    "|∂⁺(W_xz, W_hz, b_z)| ≤ Σ_b |g|(1+|h'|) z(1-z)·(|x|, |h'|, 1): O(z) and O(1-z)",
    source="theory 4, table 4.1; M58",
    bound="inequality",
    needs=["step_vjp"],
)
def order_update(trial: Trial) -> Iterator[Residual]:
    m, g = _first_step(trial), trial.exact.d_last.magnitude
    yield from _orders(
        trial, g * (1 + m.h) * np.minimum(m.z, m.not_z), "W_xz", "W_hz", "b_xz", "b_hz"
    )


@invariant(
    "regimes/order-reset",
    "|∂⁺(W_xr, W_hr, b_r)| ≤ Σ_b |g| take·|q| r(1-r)·(|x|, |h'|, 1), |W_hcᵀ(g take)| |h'| for "
    "|q| before: O(r), O(1-z)",
    source="theory 4, table 4.1; M58",
    bound="inequality",
    needs=["step_vjp"],
)
def order_reset(trial: Trial) -> Iterator[Residual]:
    m, g = _first_step(trial), trial.exact.d_last.magnitude
    if m.variant.reset == "after":
        reached = g * m.take
    else:
        # RB: the cotangent passes W_hc before it meets the reset gate (2.4).
        reached = (g * m.take) @ m.W_hc
    yield from _orders(
        trial, reached * m.q * np.minimum(m.r, m.not_r), "W_xr", "W_hr", "b_xr", "b_hr"
    )


@invariant(
    "regimes/order-candidate",
    "|∂⁺(W_xc, b_xc)| ≤ Σ_b |g| take·(|x|, 1): O(1-z), and O(1) in r",
    source="theory 4, table 4.1, (4.2); M58",
    bound="inequality",
    needs=["step_vjp"],
)
def order_candidate(trial: Trial) -> Iterator[Residual]:
    yield from _orders(
        trial, trial.exact.d_last.magnitude * _first_step(trial).take, "W_xc", "b_xc"
    )


@invariant(
    "regimes/order-recurrent-candidate",
    "|∂⁺(W_hc, b_hc)| ≤ Σ_b |g| take·(r|h'|, r) after the product, ·(|r∘h'|, 1) before it: O(r), "
    "but for b_hc before",
    source="theory 4, table 4.1; M58",
    bound="inequality",
    needs=["step_vjp"],
)
def order_recurrent_candidate(trial: Trial) -> Iterator[Residual]:
    m = _first_step(trial)
    taken = trial.exact.d_last.magnitude * m.take
    if m.variant.reset == "after":
        yield from _orders(trial, taken * m.r, "W_hc", "b_hc")
    else:
        yield from _orders(trial, taken, "b_hc")
        yield from _orders(trial, taken, "W_hc", states=m.r * m.h)


def _orders(
    trial: Trial, units: Floats, *blocks: str, states: Floats | None = None
) -> Iterator[Residual]:
    """|∂⁺block| ≤ Σ_b units ⊗ (what the block is multiplied with), for each block."""
    exact = trial.exact
    reach = {
        "W_x": exact.step.x.magnitude,
        "W_h": exact.step.h.magnitude if states is None else states,
    }
    for block in blocks:
        if block not in blocks_of(trial.case.cell.variant):
            continue
        if block[0] == "W":
            limit = units.T @ reach[block[:3]]
        else:
            limit = units.sum(0)
        actual = np.abs(block_of(trial.observed.step_vjp, block).astype(np.float64))
        slack = getattr(exact.pullback.parameters, block).radius + _own(limit, len(units))
        yield at_most(f"|∂⁺{block}|", letters(block), actual, limit, slack)
