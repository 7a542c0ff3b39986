"""Changed cases: each meets its condition whatever was drawn, and symmetries are true of the
mathematics itself.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from gruverify import FORMATS, VARIANTS, Case, Format, float64
from gruverify.arithmetic import Rounding
from gruverify.cell import contraction_rate
from gruverify.invariants import Exact
from gruverify.invariants._conventions import reset_absorbed, reset_elsewhere, reset_fixed
from gruverify.invariants._sequence import crowded
from gruverify.invariants._symmetry import SYMMETRIES, Symmetry
from gruverify.invariants.core._changes import (
    SATURATED,
    cycled,
    pinned,
    short,
    single,
    stretched,
    update_preactivation,
)
from gruverify.invariants.dynamics._fixed_points import at_a_fixed_point, contractive
from gruverify.invariants.regimes._constant_gates import STEPS, constant_gates
from gruverify.invariants.regimes._hard_reset import RESET, hard_reset

from ._drawn import drawn

pytestmark = pytest.mark.uncounted

CASES = 12
in_every_format = pytest.mark.parametrize("format", FORMATS, ids=str)


def in_double(case: Case) -> Exact:
    """The case in float64's own roundings, whatever its format."""
    return Exact(case, Rounding(float64))


def cases(format: Format) -> list[Case]:
    return drawn(format, VARIANTS, CASES)


@in_every_format
@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=lambda symmetry: symmetry.name)
def test_symmetry_is_exact_of_the_mathematics(symmetry: Symmetry, format: Format) -> None:
    """Nothing is rounded on the way to the changed case: the two agree to the last bits of
    float64.
    """
    for case in map(short, cases(format)):
        if symmetry.applies(case.cell.variant):
            one, other = in_double(case), in_double(symmetry.change(case))
            for view in symmetry.views:
                allowed = (
                    one.outputs_radius
                    + np.abs(view(case, other.outputs_radius))
                    + format.min_subnormal
                )
                assert (np.abs(view(case, other.outputs) - one.outputs) <= allowed).all()


@in_every_format
def test_pinned_gates_are_at_their_ends_whatever_was_drawn(format: Format) -> None:
    for case in cases(format):
        keep = in_double(
            pinned(case, z=update_preactivation(case.cell.variant, SATURATED), r=-SATURATED)
        ).step
        assert (keep.keep.mid == 1).all()
        assert (keep.r.mid == 0).all()


@in_every_format
def test_a_unit_that_is_not_pinned_stays_as_it_is(format: Format) -> None:
    for case in cases(format):
        some = pinned(case, z=cycled(case, math.nan, 0.0))
        free = np.isnan(cycled(case, math.nan, 0.0))
        own, new = (c.cell.parameters() for c in (case, some))
        assert np.array_equal(own.W_hz[free], new.W_hz[free])
        assert not new.W_hz[~free].any()


@in_every_format
def test_flag_closes_both_gates_at_its_step_alone(format: Format) -> None:
    open_elsewhere = 0
    for case in cases(format):
        steps = in_double(hard_reset(case)).run.steps
        assert not steps[RESET].keep.mid.any()
        assert not steps[RESET].r.mid.any()
        open_elsewhere += steps[0].keep.mid.any()
    assert open_elsewhere > CASES / 2


@in_every_format
def test_gates_without_recurrence_are_constant(format: Format) -> None:
    for case in cases(format):
        steps = in_double(constant_gates(case)).run.steps
        assert len(steps) == STEPS
        assert all(np.array_equal(a.z.mid, steps[0].z.mid) for a in steps)


@in_every_format
def test_scaled_cells_are_certified(format: Format) -> None:
    for case in cases(format):
        small = contractive(case)
        assert (
            contraction_rate(small.cell, float(np.abs(small.inputs.astype(np.float64)).max())) < 1
        )
        assert (np.abs(small.state.astype(np.float64)) <= 1).all()


@in_every_format
def test_fixed_points_are_candidates_up_to_the_rounding_of_a_bias(format: Format) -> None:
    near = 0
    for case in cases(format):
        a = in_double(at_a_fixed_point(case)).step
        near += (np.abs((a.c - a.h).mid) < 64 * format.unit_roundoff).all()
    assert near > CASES / 2


@in_every_format
def test_reset_gates_absorbed_by_the_weights_leave_the_candidate(format: Format) -> None:
    for case in cases(format):
        fixed = reset_fixed(case)
        for other in (reset_absorbed(fixed), reset_elsewhere(reset_absorbed(fixed))):
            one, beside = in_double(fixed).next_state, in_double(other).next_state
            assert (
                np.abs(one.mid - beside.mid) <= one.radius + beside.radius + format.min_subnormal
            ).all()


def test_sizes_are_made_large_enough_and_no_larger() -> None:
    for case in cases(float64):
        assert len(single(case).inputs) == 1
        assert len(short(case).inputs) == min(2, case.sizes["T"])
        assert len(stretched(case).inputs) == max(2, case.sizes["T"])
        assert len(crowded(case).state) == max(2, case.sizes["B"])
        assert stretched(case) is case or case.sizes["T"] == 1
