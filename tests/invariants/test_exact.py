"""What the mathematics allows for a case: computed once, and wider where the format or its library
is coarser.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from gruverify import VARIANTS, Format, Variant, bfloat16, float16, float32, float64
from gruverify.arithmetic import KAPPA, Ball
from gruverify.backends import NumpyBackend, backend
from gruverify.formulas import bptt, contributions
from gruverify.invariants import Exact, Trial

from ._built import a_case

CASE = a_case()

EXACT = (
    "step",
    "next_state",
    "jacobian_of_state",
    "jacobian_of_input",
    "pullback",
    "run",
    "gradients",
    "terms_of_last",
    "gradients_of_last",
)


@pytest.mark.parametrize("quantity", EXACT)
def test_exact_quantity_is_computed_once(quantity: str) -> None:
    exact = Trial(CASE, NumpyBackend()).exact
    assert getattr(exact, quantity) is getattr(exact, quantity)


def test_exact_knows_what_it_is_given_without_error() -> None:
    exact = Trial(CASE, NumpyBackend()).exact
    given = {"state": CASE.state, "d_last": CASE.d_last}
    for name, array in given.items():
        ball: Ball = getattr(exact, name)
        assert not ball.radius.any()
        assert np.array_equal(ball.mid, array)
    assert len(exact.inputs) == len(CASE.inputs)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_exact_of_one_step_is_the_exact_of_the_sequence(variant: Variant) -> None:
    exact = Trial(a_case(variant=variant, T=1), NumpyBackend()).exact
    assert np.array_equal(exact.next_state.mid, exact.run.states[-1].mid)
    assert np.array_equal(exact.pullback.h.mid, exact.gradients_of_last.state.mid)
    assert exact.step is exact.run.steps[0]


def test_gradients_of_last_leave_the_cotangents_of_outputs_out() -> None:
    loud = replace(CASE, d_outputs=np.ones_like(CASE.d_outputs))
    quiet, loud_exact = Trial(CASE, NumpyBackend()).exact, Trial(loud, NumpyBackend()).exact
    assert np.array_equal(quiet.gradients_of_last.state.mid, loud_exact.gradients_of_last.state.mid)
    assert not np.array_equal(quiet.gradients.state.mid, loud_exact.gradients.state.mid)


def test_terms_of_last_go_from_the_last_step_to_the_first() -> None:
    exact = Trial(CASE, NumpyBackend()).exact
    assert [term.k for term in exact.terms_of_last] == [3, 2, 1]
    assert exact.terms_of_last[0].cotangent is exact.d_last
    again = bptt(exact.run, None, exact.d_last)
    assert np.array_equal(again.parameters.W_hz.mid, exact.gradients_of_last.parameters.W_hz.mid)
    assert len(list(contributions(exact.run, None, exact.d_last))) == 3


@pytest.mark.parametrize(
    ("coarse", "fine"),
    [(bfloat16, float16), (float16, float32), (float32, float64)],
    ids=lambda f: f.name,
)
def test_exact_allows_more_in_a_coarser_format(coarse: Format, fine: Format) -> None:
    radii = [
        Trial(a_case(format), NumpyBackend()).exact.next_state.radius
        / a_case(format).format.unit_roundoff
        for format in (coarse, fine)
    ]
    absolute = [
        radius * format.unit_roundoff for radius, format in zip(radii, (coarse, fine), strict=True)
    ]
    assert (absolute[0] > absolute[1]).all()


def test_declared_kappa_widens_what_is_allowed() -> None:
    right = NumpyBackend()
    silent, careless = (
        Trial(CASE, backend(step=right.step, **k)) for k in ({}, {"kappa": 8 * KAPPA})
    )
    for trial, kappa in ((silent, KAPPA), (careless, 8 * KAPPA)):
        assert (trial.exact.mode.kappa_sigma, trial.exact.mode.kappa_tanh) == (kappa, kappa)
    assert (careless.exact.next_state.radius > silent.exact.next_state.radius).all()


def test_exact_needs_no_backend() -> None:
    for format, variant in product((float16, float64), VARIANTS):
        found = a_case(format, variant)
        exact = Exact(found, Trial(found, NumpyBackend()).exact.mode)
        assert np.isfinite(exact.gradients.state.radius).all()


@pytest.mark.parametrize("variant", [Variant("after"), Variant("before")])
def test_jacobians_are_the_same_found_member_by_member(
    monkeypatch: pytest.MonkeyPatch, variant: Variant
) -> None:
    case = a_case(variant=variant)
    whole = Trial(case, NumpyBackend()).exact
    at_once = whole.jacobian_of_state, whole.jacobian_of_input
    monkeypatch.setattr("gruverify.invariants.core._exact._ENTRIES", 1)
    parts = Trial(case, NumpyBackend()).exact

    assert len(case.state) > 1
    for expected, found in zip(
        at_once, (parts.jacobian_of_state, parts.jacobian_of_input), strict=True
    ):
        # The matrix product of fewer rows may add up in another order, as both radii allow.
        assert (np.abs(found.mid - expected.mid) <= expected.radius).all()
        np.testing.assert_allclose(found.radius, expected.radius)
