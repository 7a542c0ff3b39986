"""Faults that most cases hide: each is caught in a case made for it, and shown to hide in the case
beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Case, Format, Gradients, Variant, assert_holds, float32
from gruverify.invariants import INVARIANTS

from ._built import SATURATED, case_of, cell_at
from ._faults import FAULTS
from ._faulty import Faulty, gates, with_gates

HALF_OPEN = {"kept": [0.5, -0.5], "r": [0.25, -1.0]}


def fails(invariant: str, backend: Any, case: Case) -> bool:
    """Whether assert_holds raises, with the statement in its message."""
    try:
        assert_holds(invariant, backend, case)
    except AssertionError as failure:
        return INVARIANTS[invariant].statement in str(failure)
    return False


def test_catches_biases_ignored() -> None:
    case = case_of(cell_at(float32, Variant(), **HALF_OPEN))
    silent = replace(case.cell, bias_ih=0 * case.cell.bias_ih, bias_hh=0 * case.cell.bias_hh)
    faulty = FAULTS["biases-ignored"].build()
    assert not fails("agreement/step", faulty, replace(case, cell=silent))
    assert fails("agreement/step", faulty, case)


def test_catches_reset_on_the_other_side() -> None:
    """With one unit and no recurrent bias both sides are the same function."""
    faulty = FAULTS["reset-on-the-other-side"].build()
    two = case_of(cell_at(float32, Variant(), **HALF_OPEN))
    one = case_of(cell_at(float32, Variant(), kept=[0.5], r=[0.25]))
    one = replace(one, cell=replace(one.cell, bias_hh=0 * one.cell.bias_hh))
    assert not fails("agreement/step", faulty, one)
    assert fails("agreement/step", faulty, two)


def test_catches_recurrent_candidate_bias_outside_the_reset_product() -> None:
    faulty = FAULTS["candidate-bias-outside-the-reset-product"].build()
    assert not fails(
        "agreement/step",
        faulty,
        case_of(cell_at(float32, Variant(), kept=[0.5, 1], r=[SATURATED] * 2)),
    )
    assert fails("agreement/step", faulty, case_of(cell_at(float32, Variant(), **HALF_OPEN)))


def test_catches_only_the_last_step_differentiated() -> None:
    faulty, cell = (
        FAULTS["only-the-last-step-differentiated"].build(),
        cell_at(float32, Variant(), **HALF_OPEN),
    )
    assert not fails("agreement/gradient-of-last", faulty, case_of(cell, T=1))
    assert fails("agreement/gradient-of-last", faulty, case_of(cell, T=2))


def test_catches_last_bit_beyond_one() -> None:
    """No tolerance covers it: the box is exact."""
    cell = cell_at(float32, Variant(), kept=[-SATURATED], r=[0])
    saturated = replace(cell, bias_ih=with_gates(cell.bias_ih, c=float32.cast([SATURATED])))
    faulty = FAULTS["last-bit-beyond-one"].build()
    assert not fails("bounds/box", faulty, case_of(cell))
    assert fails("bounds/box", faulty, case_of(saturated))
    assert not fails("agreement/step", faulty, case_of(saturated))


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_catches_update_gradient_never_quite_zero(format: Format) -> None:
    smallest = format.cast(format.min_subnormal)

    def kept_from_zero(g: Gradients, *_: Any) -> Gradients:
        return replace(g, weight_hh=np.where(g.weight_hh == 0, smallest, g.weight_hh))

    faulty = Faulty(sequence_vjp=kept_from_zero)
    for shut, caught in ((-4.0, False), (2 * format.sigmoid_underflows, True)):
        case = case_of(cell_at(format, Variant(), kept=[shut, shut], r=[0, 0]))
        assert fails("regimes/closed-update-gate", faulty, case) == caught


@pytest.mark.parametrize("invariant", ["bounds/gradient-sign", "regimes/forget-update-gradient"])
def test_catches_update_gradient_flushed_to_zero_too_early(invariant: str) -> None:
    """A derivative that a format can still hold: every other bound of it allows 0 here."""

    def flushed(g: Gradients, *_: Any) -> Gradients:
        z = gates(g.weight_hh)[1]
        return replace(
            g,
            weight_hh=with_gates(
                g.weight_hh, z=np.where(np.abs(z) < float32.unit_roundoff, 0 * z, z)
            ),
        )

    faulty = Faulty(sequence_vjp=flushed)
    shut = [-2 * float32.sigmoid_saturates] * 2
    assert not fails(invariant, faulty, case_of(cell_at(float32, Variant(), **HALF_OPEN)))
    assert fails(invariant, faulty, case_of(cell_at(float32, Variant(), kept=shut, r=[0, 0])))


def test_catches_gradient_lost_where_the_state_is_carried() -> None:
    faulty = FAULTS["no-gradient-of-the-state"].build()
    forgotten = cell_at(float32, Variant(), kept=[-SATURATED] * 2, r=[-SATURATED] * 2)
    carried = cell_at(float32, Variant(), kept=[SATURATED] * 2, r=[0, 0])
    assert not fails("regimes/carry-gradient", faulty, case_of(forgotten, T=3))
    assert fails("regimes/carry-gradient", faulty, case_of(carried, T=3))
