"""Gates that do not move: the sequence in closed form, without a reference cell (theory.md 4 and
10).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gruverify.arithmetic import Ball, NDArray, Rounding, carried, float64
from gruverify.cell import Case
from gruverify.formulas import (
    Activations,
    activations,
    candidate_slope,
    next_state,
    reset_slope,
    update_slope,
)
from gruverify.invariants.core._blocks import block_of, blocks_of, state_of
from gruverify.invariants.core._changes import (
    cycled,
    pinned,
    single,
    update_preactivation,
    with_inputs,
)
from gruverify.invariants.core._reference import float64_error
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Floats, Residual, compare, nothing_claimed
from gruverify.invariants.core._trial import Trial

#: Steps of a closed form: enough for a product, a power and a sum over k to differ.
STEPS = 3


def constant_gates(case: Case) -> Case:
    """Without recurrent weights and over a constant input, every gate is a constant of its unit and
    member.

    Every other unit has the update gate of a chrono initialisation.
    """
    still = with_inputs(case, np.repeat(case.inputs[:1], STEPS, axis=0))
    still = replace(
        still, cell=replace(case.cell, weight_hh=np.zeros_like(case.cell.weight_hh)), regimes=()
    )
    return pinned(
        still,
        z=update_preactivation(
            case.cell.variant, np.where(_chrono_units(case), _chrono_biases(case), np.nan)
        ),
    )


@dataclass(frozen=True)
class _Still:
    """A run of a cell whose gates do not move, in one arithmetic: the same activations, but for the
    state, (B, H).
    """

    trial: Trial
    mode: Rounding

    @property
    def first(self) -> Activations:
        c = self.trial.case
        p = c.cell.parameters(lambda array: Ball.exact(self.mode, array))
        return activations(
            c.cell.variant, p, Ball.exact(self.mode, c.inputs[0]), Ball.exact(self.mode, c.state)
        )

    def steps(self) -> Iterator[Activations]:
        """The activations of each step, and of one more."""
        a = self.first
        after = a.h
        for _ in range(STEPS):
            yield a
            after = next_state(self.trial.case.cell.variant, a)
            a = replace(a, h=carried(after))  # or less precise, where that is declared
        yield replace(a, h=after)

    def radii(self) -> dict[str, Floats]:
        """What rounding allows dL_T/dh_0, dL_T/db_xz and dL_T/db_xc: one factor or term a step."""
        v = self.trial.case.cell.variant
        g = back = Ball.exact(self.mode, self.trial.case.d_last)
        update = candidate = reset = Ball.exact(self.mode, 0.0)
        for a in list(self.steps())[-2::-1]:
            through = g * candidate_slope(a)
            update, candidate, reset = (
                update + g * update_slope(v, a),
                candidate + through,
                reset + through * reset_slope(a),
            )
            back = g * a.keep
            g = carried(back)
        allowed = {
            "h_0": back.radius,
            "b_xz": update.sum(0).radius,
            "b_xc": candidate.sum(0).radius,
        }
        # What overflows on its way to a gate meets a weight of 0 on its way back to the state,
        # which makes a NaN.
        if not np.isfinite(update.radius + candidate.radius + reset.radius).all():
            allowed = {name: np.full_like(radius, np.inf) for name, radius in allowed.items()}
        return allowed


def _power(keep: Ball, steps: int) -> Ball:
    power = keep
    for _ in range(steps - 1):
        power = power * keep
    return power


@invariant(
    "regimes/constant-gates",
    "with W_h = 0 and a constant input h_k = c + keep^k (h_0 - c) for every k",
    source="theory 4, (4.6); M08",
    needs=["sequence"],
)
def constant_gates_states(trial: Trial) -> Iterator[Residual]:
    still = trial.on(constant_gates)
    form, run = (
        _Still(still, Rounding(float64)).first,
        list(_Still(still, still.exact.mode).steps()),
    )
    for k, actual in enumerate(still.observed.sequence[0], start=1):
        # (4.6), without a loop: k factors and one difference.
        closed = form.c + _power(form.keep, k) * (form.h - form.c)
        yield compare(f"outputs[t={k - 1}]", "bi", actual, closed, run[k].h.radius, scale=STATES)


@invariant(
    "regimes/constant-gates-gradient",
    "with W_h = 0 and a constant input ∂h_K/∂(h_0, b_z, b_xc) = keep^K, ±K keep^K take (h_0 - "
    "c), (1 - keep^K)(1 - c²)",
    source="theory 4, (4.6); section 0, point 4",
    needs=["sequence_vjp"],
)
def constant_gates_gradient(trial: Trial) -> Iterator[Residual]:
    still = trial.on(constant_gates)
    form, allowed, found = (
        _Still(still, Rounding(float64)).first,
        _Still(still, still.exact.mode).radii(),
        still.observed.sequence_vjp_of_last,
    )
    g, power = Ball.exact(Rounding(float64), still.case.d_last), _power(form.keep, STEPS)
    if found.state is not None:
        yield compare("dL/dh_0", "bi", found.state, g * power, allowed["h_0"])
    sign = float(update_preactivation(still.case.cell.variant, 1.0))
    closed = {
        # (4.6): ∂h_K/∂b_z = K z^K (1-z)(h_0 - c), with z the share that is kept.
        "b_xz": g * (sign * STEPS) * power * form.take * (form.h - form.c),
        "b_xc": g * (1 - power) * (1 - form.c * form.c),
    }
    shown = [block for block in blocks_of(still.case.cell.variant) if block in closed]
    if found.state is None and not shown:
        yield nothing_claimed("no gradient of the initial state, and no bias_ih")
    for block in shown:
        yield compare(
            f"dL/d{block}", "i", block_of(found, block), closed[block].sum(0), allowed[block]
        )


# -- chrono initialisation -------------------------------------------------------------------------


def chrono(case: Case) -> Case:
    """One step with an update gate of the biases ±log(T_i - 1), T_i the time constant of unit i."""
    return pinned(single(case), z=update_preactivation(case.cell.variant, _chrono_biases(case)))


def _chrono_biases(case: Case) -> Floats:
    return _exponents(case) * math.log(2.0)


def _exponents(case: Case) -> Floats:
    """The k of T_i - 1 = 2^k: from 0 to past where the format's gate rounds to 1. (H,)."""
    # Past p+1 the gate rounds to 1 (theory.md 5): the unit is a latch then, and must be one.
    first, span = case.cell.hidden_size + case.cell.input_size, case.format.precision + 2
    return np.array([float((first + 3 * i) % span) for i in range(case.cell.hidden_size)])


def _chrono_units(case: Case) -> NDArray:
    return np.asarray(cycled(case, 1.0, 0.0) == 1)


def _time_constants(case: Case) -> tuple[Floats, Floats]:
    """1/T_i, and the most that rounding the bias to the format can change it by. (H,) each."""
    rate, bias = 1 / (1 + np.exp2(_exponents(case))), _chrono_biases(case)
    # The bias is k ln 2 to within two roundings of float64: of ln 2, and of the product.
    off = np.abs(
        case.format.cast(bias).astype(np.float64) - bias
    ) + 2 * float64.unit_roundoff * np.abs(bias)
    return rate, rate * np.expm1(off)


@invariant(
    "regimes/chrono",
    "the bias ±log(T - 1) takes 1/T of the candidate: h = h' + (c - h')/T",
    source="theory 10; M72; Tallec and Ollivier 2018",
    needs=["step"],
)
def chrono_step(trial: Trial) -> Iterator[Residual]:
    slow = trial.on(chrono)
    rate, rounded = _time_constants(slow.case)
    a, h = slow.exact.step, slow.case.state.astype(np.float64)
    moved = (a.c.mid - h) * rate
    expected = Ball(slow.exact.mode, h + moved, slow.exact.next_state.radius)
    own = float64_error(np.abs(h) + np.abs(moved), 5, 2)
    yield compare(
        "h", "bi", slow.observed.step, expected, rounded * (a.h - a.c).magnitude + own, scale=STATES
    )


@invariant(
    "regimes/chrono-gradient",
    "with the bias ±log(T - 1) and W_h = 0 the gradient after K steps is (1 - 1/T)^K",
    source="theory 10; M72; Tallec and Ollivier 2018",
    needs=["sequence_vjp"],
    unless={"state_gradient": False},
)
def chrono_gradient(trial: Trial) -> Iterator[Residual]:
    slow = trial.on(constant_gates)
    rate, rounded = _time_constants(slow.case)
    g, allowed = slow.case.d_last.astype(np.float64), _Still(slow, slow.exact.mode).radii()["h_0"]
    left = g * (1 - rate) ** STEPS
    expected = Ball(slow.exact.mode, left, np.where(_chrono_units(slow.case), allowed, np.inf))
    slack = np.abs(g) * STEPS * rounded + float64_error(np.abs(left), STEPS + 1, STEPS + 1)
    yield compare("dL/dh_0", "bi", state_of(slow.observed.sequence_vjp_of_last), expected, slack)
