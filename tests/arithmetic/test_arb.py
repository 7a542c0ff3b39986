"""Arb arithmetic: rigorous enclosures of the true value, beside which the balls are judged."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

flint = pytest.importorskip("flint")

from gruverify import FORMATS, Case, Format, bfloat16, float64
from gruverify import strategies as gst
from gruverify.arithmetic import Ball, Rounding, sigmoid, tanh
from gruverify.arithmetic.arb import BITS, arb_array
from gruverify.formulas import step
from tests.arithmetic._operands import numbers

FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sigmoid": (sigmoid, lambda a: 1 / (1 + mpmath.exp(-a))),
    "tanh": (tanh, mpmath.tanh),
    "square minus itself": (lambda a: a * a - a, lambda a: a * a - a),
}


@pytest.mark.uncounted
@pytest.mark.parametrize("name", FUNCTIONS)
@given(a=numbers(float64, lowest=-200, highest=8))
def test_the_true_value_lies_between_the_ends(name: str, a: float) -> None:
    ours, true = FUNCTIONS[name]
    found = ours(arb_array([a]))
    with mpmath.workprec(2000):
        assert (
            mpmath.mpf(float(found.lower[0]))
            <= true(mpmath.mpf(a))
            <= mpmath.mpf(float(found.upper[0]))
        )


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_a_wide_ball_holds_the_values_at_its_ends_and_hardly_more(name: str) -> None:
    ours, true = FUNCTIONS[name]
    found = ours(arb_array([0.0], radius=1.0))

    assert found.lower[0] <= float(true(-1)) < float(true(1)) <= found.upper[0]
    assert found.upper[0] - found.lower[0] < (float(true(1)) - float(true(-1))) * (1 + 2.0**-20)


@given(st.lists(numbers(float64), min_size=1, max_size=3))
def test_midpoint_and_radius_hold_what_the_ends_do(values: list[float]) -> None:
    found = arb_array(values) * arb_array(values[:1])
    with np.errstate(over="ignore", invalid="ignore"):
        known = np.isfinite(found.lower) & np.isfinite(found.upper)
        assert (found.mid - found.rad <= found.lower)[known].all()
        assert (found.mid + found.rad >= found.upper)[known].all()


def test_numbers_are_taken_exactly() -> None:
    found = arb_array(bfloat16.cast([0.1, 3.0]))

    assert found.rad.tolist() == [0.0, 0.0]
    assert found.mid.tolist() == bfloat16.cast([0.1, 3.0]).astype(float).tolist()
    for integer in (2**60 + 1, np.uint64(2**60 + 1)):
        assert arb_array([integer]).upper > 2.0**60


def test_precision_is_as_asked_and_put_back() -> None:
    before = flint.ctx.prec
    coarse, fine = (sigmoid(arb_array([0.3], bits=bits)) for bits in (30, 300))

    assert coarse.upper[0] - coarse.lower[0] > fine.upper[0] - fine.lower[0]
    assert (coarse + fine).bits == 300
    assert coarse[:1].bits == coarse.reshape(1, 1).T.bits == 30
    assert arb_array([0.3]).bits == sigmoid(arb_array([0.3])).bits == BITS
    assert arb_array([0.3], bits=2).bits == 2
    assert flint.ctx.prec == before


def test_nothing_is_known_of_a_quotient_by_zero() -> None:
    with np.errstate(all="ignore"):
        unknown = arb_array([1.0]) / arb_array([0.0])

    assert unknown.lower[0] == -math.inf
    assert unknown.upper[0] == math.inf


def test_sigmoid_beyond_the_exponents_of_arb_is_between_zero_and_hardly_more() -> None:
    huge = arb_array([-1e300]) * arb_array([1e300])

    assert 0.0 <= sigmoid(huge).upper[0] <= float64.min_subnormal
    assert sigmoid(huge).lower[0] in (0.0, -float64.min_subnormal)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        pytest.param(lambda: arb_array([1.0], bits=1), "bits=1 must be at least 2", id="bits"),
        pytest.param(
            lambda: arb_array(np.array([1j])), "dtype=complex128 is not a format", id="dtype"
        ),
    ],
)
def test_what_cannot_be_enclosed_is_said(attempt: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attempt()


def test_comparisons_are_plain_booleans() -> None:
    less = arb_array([1.0]) < arb_array([2.0])

    assert (less.dtype, less.tolist()) == (np.dtype(bool), [True])


def test_sums_are_along_the_axis_that_is_asked_for() -> None:
    found = arb_array([[1.0, 2.0], [4.0, 8.0]])

    assert found.sum(axis=1).mid.tolist() == [3.0, 12.0]
    assert found.sum(axis=0).mid.tolist() == [5.0, 10.0]


def test_balls_are_taken_as_they_are() -> None:
    wide = arb_array([0.5], radius=0.25)

    assert (arb_array(wide).lower, arb_array(wide).upper) == (wide.lower, wide.upper)


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_the_balls_midpoint_is_within_its_radius_of_the_true_step(fmt: Format) -> None:
    """The radius counts the reference's own float64 errors: they are measured here against 200
    bits.
    """

    @given(gst.cases(formats=[fmt], max_H=3, max_I=3, max_B=2, max_T=1))
    def holds(case: Case) -> None:
        v = case.cell.variant
        exactly, loosely = partial(arb_array, bits=200), partial(Ball.exact, Rounding(fmt))
        true = step(v, case.cell.parameters(exactly), exactly(case.inputs[0]), exactly(case.state))
        ball = step(v, case.cell.parameters(loosely), loosely(case.inputs[0]), loosely(case.state))
        assert (ball.mid - ball.radius <= true.lower).all()
        assert (true.upper <= ball.mid + ball.radius).all()

    holds()


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("flint", "python-flint", "arb"), ("sympy", "sympy", "symbolic")],
)
def test_without_its_package_the_way_out_is_told(module: str, package: str, extra: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; import gruverify.arithmetic.{extra}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    last = done.stderr.strip().splitlines()[-1]
    assert f"gruverify.arithmetic.{extra} needs {package}, which is not installed" in last
    assert f"pip install 'gruverify[{extra}]'" in last
