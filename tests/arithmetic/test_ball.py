"""What makes a radius a tolerance: always a number, wider for a coarser format, and no wider than
it must be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruverify.arithmetic import (
    FORMATS,
    Ball,
    Format,
    Rounding,
    blend,
    float16,
    float32,
    float64,
    sigmoid,
    tanh,
)
from tests.arithmetic._experiments import EXPERIMENTS, Experiment, at
from tests.arithmetic._operands import Operand, ball_of, numbers

pytestmark = pytest.mark.uncounted

Floats: TypeAlias = npt.NDArray[np.float64]


def unchecked(size: int, ball: Callable[[Ball], Ball]) -> Experiment:
    """An experiment of which only the radius is looked at."""
    return Experiment(size, ball, lambda arithmetic, operands: [])


OPERATIONS = {
    **EXPERIMENTS,
    "sigmoid": unchecked(1, sigmoid),
    "tanh": unchecked(1, tanh),
    "tanh of a sum of products": unchecked(3, lambda v: tanh(v[:1] * v[1:2] + v[2:])),
    "product with an activation": unchecked(2, lambda v: sigmoid(v[:1]) * v[1:]),
}


def radius(name: str, mode: Rounding, operands: list[Operand]) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        return OPERATIONS[name].ball(ball_of(mode, operands)).radius


def exact(fmt: Format, values: list[float]) -> Ball:
    return Ball.exact(Rounding(fmt), np.array(values))


@pytest.mark.thinned
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=10)
@given(data=st.data())
def test_a_radius_is_a_number_whatever_the_operands(
    name: str, fmt: Format, data: st.DataObject
) -> None:
    found = radius(name, Rounding(fmt), data.draw(OPERATIONS[name].operands(fmt)))

    assert not np.isnan(found).any()
    assert (found >= 0).all()


@pytest.mark.thinned
@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=20)
@given(data=st.data())
def test_a_coarser_format_has_wider_balls(name: str, data: st.DataObject) -> None:
    operands = data.draw(OPERATIONS[name].operands(float16))
    fine, coarse = (radius(name, Rounding(fmt), operands) for fmt in (float32, float16))

    assert (fine <= coarse).all()


@pytest.mark.thinned
@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=20)
@given(data=st.data())
def test_a_less_accurate_library_has_wider_balls(name: str, data: st.DataObject) -> None:
    operands = data.draw(OPERATIONS[name].operands(float32))
    accurate, loose = (
        radius(name, Rounding(float32, kappa_sigma=kappa, kappa_tanh=kappa), operands)
        for kappa in (1.0, 16.0)
    )

    assert (accurate <= loose).all()


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@settings(max_examples=20)
@given(data=st.data())
def test_what_is_exact_has_no_radius(fmt: Format, data: st.DataObject) -> None:
    ball = exact(fmt, data.draw(st.lists(numbers(fmt), min_size=3, max_size=3)))

    assert not ball.radius.any()
    assert not ball[1:].radius.any()
    assert not (-ball).radius.any()
    assert not ball.diag_embed().radius.any()
    assert ball.diag_embed().T.exactly


def test_a_sum_of_two_is_wrong_by_half_an_ulp() -> None:
    ball = exact(float32, [1.0])[:1] + exact(float32, [2.0**-24])

    assert ball.radius.item() == pytest.approx(float32.unit_roundoff, rel=2.0**-20)


@pytest.mark.parametrize("terms", [2, 5, 40])
def test_positive_terms_add_up_to_a_rounding_each(terms: int) -> None:
    ball = exact(float32, [1.0] * terms).sum(0)

    bound = (terms - 1) * float32.unit_roundoff * terms
    assert bound <= ball.radius.item() <= bound * (1 + 2.0**-16)


def test_where_terms_cancel_only_the_partial_sums_count() -> None:
    ball = exact(float32, [1.0, -1.0]).sum(0)

    assert (ball.mid.item(), ball.radius.item()) == (0.0, 0.0)


@pytest.mark.parametrize("form", ["B", "C"])
def test_one_form_alone_allows_for_the_midpoint_that_is_found_in_another(form: str) -> None:
    # Of ends close to each other forms B and C round once, where A rounds three times.
    random, mode = np.random.default_rng(0), Rounding(float64, blend=form)
    z, zero = random.uniform(0.3, 0.4, 10**5), random.uniform(0.75, 0.8, 10**5)
    one = zero + random.uniform(-1, 1, 10**5) * 1e-9
    if form == "B":
        found = zero + z * (one - zero)
    else:
        found = one + (1 - z) * (zero - one)
    ball = blend(*(Ball.exact(mode, end) for end in (z, one, zero)))

    assert (np.abs(found - ball.mid) <= ball.radius).all()


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_a_complement_that_is_a_gate_of_its_own_is_inside_form_d_alone(fmt: Format) -> None:
    a, end = np.linspace(-12, 12, 97), 1.0
    own = Rounding(fmt, blend="D")
    off = own.kappa_sigma * own.u
    above = (1 + off) / (1 + np.exp(-a)) * end + (1 + off) / (1 + np.exp(a)) * end

    for form, inside in (("D", True), ("A", False)):
        mode = Rounding(fmt, blend=form)
        blended = blend(sigmoid(Ball.exact(mode, a)), Ball.exact(mode, end), Ball.exact(mode, end))
        assert bool(np.all(np.abs(above - blended.mid) <= blended.radius)) is inside


def test_a_wide_gate_between_equal_ends_blends_to_the_same_end() -> None:
    mode = Rounding(float64)
    gate = Ball(mode, np.array([0.5]), np.array([0.5]))
    end = Ball.exact(mode, np.array([3.0]))

    # The gate's error meets the difference of the ends, which is zero.
    assert blend(gate, end, end).radius.item() <= 16 * mode.u


@pytest.mark.parametrize("activation", [sigmoid, tanh])
def test_an_activation_of_nothing_known_is_not_known(activation: Callable[[Any], Ball]) -> None:
    unknown = Ball(Rounding(float32), np.array([0.0]), np.array([math.inf]))

    assert activation(unknown).radius.item() == math.inf


def test_a_saturated_sigmoid_may_have_flushed_to_zero() -> None:
    ball = sigmoid(exact(float32, [float32.sigmoid_flushes - 1]))

    assert ball.mid.item() - ball.radius.item() <= 0.0


def test_magnitude_and_mignitude_are_the_ends_of_absolute_values() -> None:
    ball = Ball(Rounding(float64), np.array([-3.0, 0.5]), np.array([1.0, 2.0]))

    assert ball.magnitude.tolist() == [4.0, 2.5]
    assert ball.mignitude.tolist() == [2.0, 0.0]


def test_a_ball_shows_its_radius_and_format() -> None:
    assert repr(exact(float32, [1.0])) == "Ball(array([1.]) ± array([0.]), float32)"


#: Operands that a radius with less in it would lose: each with what was forgotten.
FORGETFUL = {
    "the order of additions": (
        "chain of sums from the left",
        [1.0, 2.0**-11, 2.0**-11, 2.0**-11],
        lambda v: sum(abs(e.mid) for e in at(v)) * Rounding(float16).u,
    ),
    "the rounding of a product": ("product", [1 + 2.0**-10, 1 + 2.0**-10], lambda v: np.zeros(1)),
    "underflow": (
        "product",
        [2.0**-24, 0.75],
        lambda v: v.mid[:1] * v.mid[1:] * Rounding(float16).u,
    ),
    "the subtraction from 1": ("blend", [2.0**-12, 0.0, 1.0], lambda v: np.zeros(1)),
}


@pytest.mark.parametrize("forgotten", FORGETFUL)
def test_catches_a_radius_that_forgets(forgotten: str) -> None:
    name, values, short = FORGETFUL[forgotten]
    experiment = EXPERIMENTS[name]
    operands = [Operand(v, 0.0, v, Fraction(v)) for v in values]
    assert list(experiment.escapees(Rounding(float16), operands)) == []

    def forgetful(v: Ball) -> Ball:
        return Ball(v.mode, experiment.ball(v).mid, np.asarray(short(v)))

    lossy = type(experiment)(experiment.size, forgetful, experiment.values, experiment.gate)
    assert list(lossy.escapees(Rounding(float16), operands)) != []
    assert ball_of(Rounding(float16), operands).exactly


def test_a_factor_may_meet_the_terms_of_a_difference_one_by_one() -> None:
    mode = Rounding(float16)
    g, h, c = (Ball.exact(mode, np.array([x])) for x in (22000.0, 3.9, 0.98))

    assert 22000 * 2.92 < float16.max < 22000 * 3.9
    assert np.isinf((g * ((h - c) * Ball.exact(mode, np.array([0.01])))).radius).all()
    assert np.isfinite((g * (1 - Ball.exact(mode, np.array([0.9])))).radius).all()
