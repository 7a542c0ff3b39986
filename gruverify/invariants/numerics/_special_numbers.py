"""Numbers at the ends of a format: exact values, σ and tanh as a cell shows them, NaN, other
formats (theory.md 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import TypeVar

import numpy as np

from gruverify.arithmetic import FORMATS, Format, NDArray
from gruverify.cell import Case, Cell, Parameters
from gruverify.invariants.core._blocks import letters, pairs
from gruverify.invariants.core._changes import (
    SATURATED,
    cycled,
    edited,
    pinned,
    resized,
    short,
    single,
    update_preactivation,
)
from gruverify.invariants.core._first_step import with_loss_of_first_step
from gruverify.invariants.core._obstacle import Declined
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import (
    Residual,
    agree_within,
    equal,
    overlooked,
    worst,
)
from gruverify.invariants.core._trial import Change, Trial

Answer = TypeVar("Answer")

# -- values that every format holds ----------------------------------------------------------------

#: Pre-activations of gates that are exactly 1/2, 1 and 0.
_LEVELS = (0.0, SATURATED, -SATURATED)


def probed(case: Case) -> Case:
    """One step from 1/2 with kept shares and reset gates of 1/2, 1 and 0, and candidates of
    tanh(2048(2r - 1)).

    W_hc = 8192 is all there is of the candidate, next to a constant of -2048: whichever side of the
    product is reset, its pre-activation is -2048 + 4096 r.
    """
    z = update_preactivation(case.cell.variant, cycled(case, *np.repeat(_LEVELS, 3)))
    driven = pinned(single(case), r=cycled(case, *_LEVELS), z=z, c=-SATURATED)
    # 8192·½·r: r = ½ cancels the constant of -2048 exactly, r = 0 and 1 leave -2048 and 2048.
    recurrent = np.eye(case.cell.hidden_size) * (4 * SATURATED)
    driven = edited(driven, lambda p: replace(p, W_hc=recurrent.astype(p.W_hc.dtype)))
    return replace(driven, state=np.full_like(driven.state, 0.5))


@invariant(
    "numerics/exact-values",
    "gates of 0, 1/2 and 1 and candidates of -1, 0 and 1 are exact, and so is the blend of such "
    "a candidate with 1/2",
    source="theory 11, M28",
    bound="exact",
    needs=["step"],
    unless={"initial_state": False},
)
def exact_values(trial: Trial) -> Iterator[Residual]:
    probe = trial.on(probed)
    shares = {0.0: 0.5, SATURATED: 1.0, -SATURATED: 0.0}
    keep, r = (
        np.array([shares[at] for at in cycled(probe.case, *levels)])
        for levels in (np.repeat(_LEVELS, 3), _LEVELS)
    )
    expected = keep / 2 + (1 - keep) * (2 * r - 1)
    yield equal(
        "h",
        "bi",
        probe.observed.step,
        np.broadcast_to(expected, probe.case.state.shape),
        probe.declared_slack,
    )


# -- σ and tanh ------------------------------------------------------------------------------------

#: At most that many pre-activations on each side of 0.
_SHOWN = 24


def _pre_activations(case: Case) -> NDArray:
    """The format's thresholds and numbers of the case, and their negatives, in order: (B',)."""
    f = case.format
    marks = [
        f.sigmoid_saturates,
        f.sigmoid_rounds_to_one,
        f.sigmoid_flushes,
        f.sigmoid_underflows,
        f.tanh_saturates,
    ]
    drawn = np.concatenate(
        [case.inputs.ravel(), case.state.ravel(), case.cell.weight_ih.ravel()]
    ).astype(np.float64)
    sizes = np.unique(
        np.abs(
            f.cast(np.concatenate([marks, np.unique(drawn)[: _SHOWN - len(marks)]])).astype(
                np.float64
            )
        )
    )
    return f.cast(np.concatenate([-sizes[::-1], sizes]))


def _shown(case: Case, state: float, **block: NDArray) -> Case:
    """One step of a cell whose only parameters are the weights of input 0 in one gate; members are
    pre-activations.
    """
    nothing = Parameters(*(0 * b for _, b in case.cell.parameters().items()))
    cell = edited(case, lambda p: replace(nothing, **block)).cell
    a = _pre_activations(case)
    inputs = np.zeros((1, len(a), cell.input_size), a.dtype)
    inputs[0, :, 0] = a
    return resized(cell, inputs, np.full((len(a), cell.hidden_size), state, a.dtype))


def _first_column(case: Case, weight: float) -> NDArray:
    W_x = np.zeros((case.cell.hidden_size, case.cell.input_size), case.format.dtype)
    W_x[:, 0] = weight
    return W_x


def update_shown(case: Case) -> Case:
    """From 1 towards a candidate of 0: what is kept is the next state."""
    return _shown(
        case, 1.0, W_xz=_first_column(case, float(update_preactivation(case.cell.variant, 1.0)))
    )


def candidate_shown(case: Case) -> Case:
    """From 0 with a gate of 1/2: half the candidate is the next state."""
    return _shown(case, 0.0, W_xc=_first_column(case, 1.0))


@invariant(
    "numerics/update-gate",
    "σ stays in [0, 1], never decreases, and σ(a) + σ(-a) = 1, as an update gate shows it",
    source="theory 5; M29",
    needs=["step"],
    unless={"initial_state": False},
)
def update_gate(trial: Trial) -> Iterator[Residual]:
    yield from _is_shown(trial.on(update_shown), low=0.0, high=1.0)


@invariant(
    "numerics/candidate",
    "tanh stays in [-1, 1], never decreases, and tanh(a) + tanh(-a) = 0, as a candidate shows it",
    source="theory 5; M29",
    needs=["step"],
)
def candidate(trial: Trial) -> Iterator[Residual]:
    yield from _is_shown(trial.on(candidate_shown), low=-0.5, high=0.5)


def _is_shown(trial: Trial, low: float, high: float) -> Iterator[Residual]:
    """In range without any tolerance; monotone and complementary but for what rounding allows each
    value.
    """
    h, radius = trial.observed.step.astype(np.float64), trial.exact.next_state.radius
    outside = np.maximum(np.maximum(low - h, h - high), 0.0)
    yield worst("range of h", "bi", h, np.clip(h, low, high), outside, trial.declared_slack)
    fall, allowed = np.maximum(h[:-1] - h[1:], 0.0), radius[:-1] + radius[1:]
    yield worst("fall of h", "bi", h[1:], h[:-1], fall, allowed)
    # The pre-activations are in ascending order and symmetric: reversed, each meets its negative.
    yield agree_within("h(a) against h(-a)", "bi", low + high - h[::-1], h, radius + radius[::-1])


# -- gates at their ends ---------------------------------------------------------------------------


def saturated(case: Case) -> Case:
    """Update and reset gates that are exactly 0 or 1, all four in turn."""
    z = update_preactivation(
        case.cell.variant, cycled(case, SATURATED, SATURATED, -SATURATED, -SATURATED)
    )
    return pinned(case, r=cycled(case, SATURATED, -SATURATED), z=z)


@invariant(
    "numerics/saturated-gates",
    "where gates are exactly 0 or 1 their gradients are exactly 0, and every gradient is finite",
    source="theory 4, (4.1); 5; M70",
    bound="exact",
    needs=["sequence_vjp"],
)
def saturated_gates(trial: Trial) -> Iterator[Residual]:
    shut = with_loss_of_first_step(trial).on(saturated)
    found, balls = shut.observed.sequence_vjp, shut.exact.gradients.parameters
    for block, gradient, ball in pairs(shut.case.cell.variant, found, balls):
        values, unknown = gradient.astype(np.float64), overlooked(np.isinf(ball.radius))
        if block[-1] in "rz":
            target = np.zeros_like(values)
        else:
            target = np.where(np.isfinite(values), values, 0.0)
        yield equal(f"dL/d{block}", letters(block), values, target, unknown)


# -- two formats -----------------------------------------------------------------------------------


@cache
def cast_to(format: Format) -> Change:
    """The change to another format: numbers too large for it are cut off."""

    def cast(array: NDArray) -> NDArray:
        return format.cast(np.clip(array.astype(np.float64), -format.max, format.max))

    def change(case: Case) -> Case:
        cell = Cell(case.cell.variant, *map(cast, case.cell.packed().values()))
        return Case(
            cell, cast(case.inputs), cast(case.state), cast(case.d_outputs), cast(case.d_last)
        )

    return change


@invariant(
    "numerics/formats",
    "the same numbers in two formats have the same outputs, to within what both may round",
    source="theory 9, two implementations; M45",
    needs=["sequence"],
)
def formats(trial: Trial) -> Iterator[Residual]:
    narrow, wide = _narrow_and_wide(trial.on(short))
    (one, other), allowed = (
        (t.observed.sequence[0] for t in (narrow, wide)),
        narrow.exact.outputs_radius,
    )
    what = f"outputs in {narrow.case.format.name} and {wide.case.format.name}"
    yield agree_within(what, "tbi", one, other, allowed + wide.exact.outputs_radius)


def _narrow_and_wide(trial: Trial) -> tuple[Trial, Trial]:
    """The case and the same in a wider format that the backend claims; the widest is rounded to a
    narrower first.
    """
    own, claimed = trial.case.format, [f for f in FORMATS if f in trial.backend.formats]
    # Neither of float16 and bfloat16 holds all numbers of the other.
    wider = [f for f in claimed if f.precision > own.precision and f.max > own.max]
    if wider:
        return trial, trial.on(cast_to(wider[0]))
    narrower = [f for f in claimed if f.precision < own.precision and f.max < own.max]
    if not narrower:
        raise Declined(
            "sequence", f"the backend has no format that is wider or narrower than {own.name}"
        )
    narrow = trial.on(cast_to(narrower[-1]))
    return narrow, narrow.on(cast_to(own))
