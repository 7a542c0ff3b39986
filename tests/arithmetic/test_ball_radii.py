"""Every radius is its formula (theory.md 9), rounded outward and no farther: here evaluated without roundings."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import TypeAlias

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruverify.arithmetic import (
    KAPPA,
    Ball,
    Format,
    Rounding,
    bfloat16,
    blend,
    combined_rows,
    float16,
    float32,
    float64,
)
from gruverify.arithmetic import sigmoid as sigmoid_of
from gruverify.arithmetic import tanh as tanh_of

pytestmark = pytest.mark.uncounted

Real: TypeAlias = "Fraction | mpmath.mpf"
#: A number and its radius.
Known: TypeAlias = tuple[Fraction, Fraction]

formats = pytest.mark.parametrize("fmt", [float16, bfloat16, float32, float64], ids=str)
#: Products of a few such numbers are exact in float64, and far from the ends of every format.
sixteenths = st.integers(-64, 64).map(lambda k: Fraction(k, 16))
widths = st.integers(0, 8).map(lambda k: Fraction(k, 64))
known = st.tuples(sixteenths, widths)


def single(mode: Rounding, number: Known) -> Ball:
    mid, rad = number
    return Ball(mode, np.array([float(mid)]), np.array([float(rad)])) if rad else Ball.exact(mode, [float(mid)])


def is_formula(ball: Ball, formula: Real) -> bool:
    """Never below, as radii are rounded too, and hardly above: but for what is smaller than any number."""
    found, least = ball.radius.item(), Fraction(float64.min_subnormal)
    if isinstance(formula, mpmath.mpf):
        return bool(formula <= found <= formula * (1 + 2.0**-40))
    return formula - least <= Fraction(found) <= formula * (1 + Fraction(1, 2**40)) + least


def u(mode: Rounding) -> Fraction:
    return Fraction(mode.format.unit_roundoff) + Fraction(1, 2**53)


def eta(mode: Rounding) -> Fraction:
    return Fraction(mode.format.min_subnormal) + Fraction(float64.min_subnormal)


def growth(mode: Rounding, k: int) -> Fraction:
    """1 + γ_k."""
    return 1 + k * u(mode) / (1 - k * u(mode))


def sum_radius(mode: Rounding, terms: Sequence[Fraction], inside: Fraction) -> Fraction:
    """The last addition yields the sum; each before it a partial sum, at most the mean of |Σ t| and Σ|t|."""
    T, total = len(terms), sum(terms)
    partial = (sum(map(abs, terms)) + abs(total)) / 2
    return (u(mode) * (abs(total) + (T - 2) * partial) + inside) * growth(mode, T)


def product_error(mode: Rounding, factors: Sequence[Known]) -> Fraction:
    """Of every factor's own, and of a rounding for each product."""
    mids, tops = [abs(mid) for mid, _ in factors], [abs(mid) + rad for mid, rad in factors]
    return prod(tops, start=Fraction(1)) * (1 + u(mode)) ** (len(factors) - 1) - prod(mids, start=Fraction(1))


def underflow(mode: Rounding, factors: Sequence[Known]) -> Fraction:
    return (len(factors) - 1) * eta(mode) * prod((max(abs(mid) + rad, Fraction(1)) for mid, rad in factors))


@formats
def test_so_many_roundings_that_nothing_is_left(fmt: Format) -> None:
    mode = Rounding(fmt)
    most = 2 ** (fmt.precision - 2)

    assert growth(mode, most) - 1 == pytest.approx(mode.gamma(most))
    assert mode.gamma(4 * most) == mode.gamma(6 * most) == np.inf


@formats
@given(numbers=st.lists(known, min_size=2, max_size=6))
def test_sums(fmt: Format, numbers: list[Known]) -> None:
    mode = Rounding(fmt)
    formula = sum_radius(mode, [mid for mid, _ in numbers], sum(rad for _, rad in numbers) + Fraction())
    balls = [single(mode, number) for number in numbers]
    chain, difference = balls[0], -balls[0]
    for ball in balls[1:]:
        chain, difference = chain + ball, difference - ball
    along = Ball(mode, np.array([b.mid.item() for b in balls]), np.array([b.radius.item() for b in balls])).sum(0)

    assert is_formula(chain, formula)
    assert is_formula(difference, formula)
    assert is_formula(along[None], formula)


@formats
@given(rows=st.lists(st.lists(known, min_size=3, max_size=3), min_size=1, max_size=2), axis=st.sampled_from([0, 1]))
def test_sums_along_an_axis(fmt: Format, rows: list[list[Known]], axis: int) -> None:
    mode = Rounding(fmt)
    mids, rads = (np.array([[float(number[part]) for number in row] for row in rows]) for part in (0, 1))
    found = Ball(mode, mids, rads).sum(axis)
    columns = rows if axis else [list(column) for column in zip(*rows, strict=True)]
    for i, numbers in enumerate(columns):
        inside = sum((rad for _, rad in numbers), Fraction())

        assert is_formula(found[i : i + 1], sum_radius(mode, [mid for mid, _ in numbers], inside))


@formats
@given(factors=st.lists(known, min_size=2, max_size=4))
def test_products(fmt: Format, factors: list[Known]) -> None:
    mode = Rounding(fmt)
    ball = single(mode, factors[0])
    for factor in factors[1:]:
        ball = ball * single(mode, factor)

    assert is_formula(ball, product_error(mode, factors) + underflow(mode, factors))


@formats
@given(one=st.tuples(known, known), other=st.tuples(known, known), more=known)
def test_sums_of_products(fmt: Format, one: tuple[Known, Known], other: tuple[Known, Known], more: Known) -> None:
    mode = Rounding(fmt)
    a, b, c, d, e = (single(mode, number) for number in (*one, *other, more))
    inside = product_error(mode, one) + product_error(mode, other) + more[1]
    terms = [one[0][0] * one[1][0], -other[0][0] * other[1][0], more[0]]
    floor = underflow(mode, one) + underflow(mode, other)

    assert is_formula(a * b - c * d + e, sum_radius(mode, terms, inside) + floor)


@formats
@given(one=known, other=known, factor=known)
def test_products_of_sums(fmt: Format, one: Known, other: Known, factor: Known) -> None:
    """A sum is rounded before it is multiplied; so is the difference from a plain number."""
    mode = Rounding(fmt)
    added = (one[0] + other[0], sum_radius(mode, [one[0], other[0]], one[1] + other[1]))
    rest = (1 - one[0], sum_radius(mode, [Fraction(1), -one[0]], one[1]))
    a, b, c = (single(mode, number) for number in (one, other, factor))
    for found, inner in (((a + b) * c, added), ((1 - a) * c, rest)):
        factors = [inner, factor]

        assert is_formula(found, product_error(mode, factors) + underflow(mode, factors))


@formats
@given(pairs=st.lists(st.tuples(known, known), min_size=1, max_size=5))
def test_dot_products(fmt: Format, pairs: list[tuple[Known, Known]]) -> None:
    """As sums of products; but a product's own rounding counts without the radii of its factors."""
    mode = Rounding(fmt)
    left, right = (
        Ball(mode, np.array([float(mid) for mid, _ in side]), np.array([float(rad) for _, rad in side]))
        for side in zip(*pairs, strict=True)
    )
    inside = sum((product_error(mode, pair) for pair in pairs), Fraction())
    terms = [a * b for (a, _), (b, _) in pairs]
    # Every product is of numbers below 1 or above: one unit each is granted, whatever their size.
    floor = len(pairs) * eta(mode)

    assert is_formula(left[None] @ right[:, None], sum_radius(mode, terms, inside) + floor)


@formats
@given(rows=st.lists(st.tuples(known, sixteenths), min_size=1, max_size=3), on=known, placed=st.booleans())
def test_rows(fmt: Format, rows: list[tuple[Known, Fraction]], on: Known, placed: bool) -> None:
    """Σ D(d_k)W_k, and D(on) maybe: a sum of products of vectors that are known to a radius with exact matrices."""
    mode = Rounding(fmt)
    products = [(d, (W, Fraction())) for d, W in rows]
    inside = sum((product_error(mode, pair) for pair in products), Fraction())
    terms = [d[0] * W for d, W in rows]
    floor = sum((underflow(mode, pair) for pair in products), Fraction())
    if placed:
        inside, terms = inside + on[1], [*terms, on[0]]
    pairs = [(single(mode, d)[None], Ball.exact(mode, [[float(W)]])) for d, W in rows]
    found = combined_rows(*pairs, on_diagonal=single(mode, on)[None] if placed else None)

    assert is_formula(found, sum_radius(mode, terms, inside) + floor)


gates = st.integers(0, 64).map(lambda k: Fraction(k, 64))


@formats
@given(gate=gates, width=widths, one=known, zero=known)
def test_blends(fmt: Format, gate: Fraction, width: Fraction, one: Known, zero: Known) -> None:
    """The gate's error meets the distance of the ends; roundings are those of the worst of the three forms."""
    mode = Rounding(fmt)
    z, rest = min(gate + width, Fraction(1)), min(1 - gate + width, Fraction(1))
    distance = abs(one[0] - zero[0])
    a, b, gap = abs(one[0]) + one[1], abs(zero[0]) + zero[1], distance + one[1] + zero[1]
    result = z * a + rest * b
    # Products once and the result; 1 - z, its product and the result; the difference, its product and the result.
    forms = [result + z * a + 2 * rest * b, result + 2 * z * gap, result + 3 * rest * gap]
    inherited = z * one[1] + rest * zero[1] + width * distance
    rounded = u(mode) * (1 + 4 * u(mode)) * max(forms) + 3 * eta(mode)

    assert is_formula(blend(*(single(mode, n) for n in ((gate, width), one, zero))), inherited + rounded)


arguments = st.tuples(
    st.integers(-200 * 16, 40 * 16).map(lambda k: Fraction(k, 16)), st.one_of(widths, st.just(Fraction(10**6)))
)


def exactly(number: Fraction) -> mpmath.mpf:
    return mpmath.mpf(number.numerator) / number.denominator


def logistic(a: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-a))


@formats
@pytest.mark.parametrize("kappa", [KAPPA, 1.0])
@given(argument=arguments)
def test_sigmoids(fmt: Format, kappa: float, argument: Known) -> None:
    """The steepest slope within reach carries the error on; κu of the result, and a flush to 0 where exp overflows."""
    mode = Rounding(fmt, kappa)
    with mpmath.workprec(400):
        mid, rad = map(exactly, argument)
        near = max(abs(mid) - rad, mpmath.mpf(0))
        carried = min(rad * logistic(near) * logistic(-near), mpmath.mpf(1))
        flushed = logistic(mid) + carried if mid - rad < fmt.sigmoid_flushes else 0
        own = kappa * exactly(u(mode)) * (logistic(mid) + carried) + exactly(eta(mode))

        assert is_formula(sigmoid_of(single(mode, argument)), carried + own + flushed)


@formats
@pytest.mark.parametrize("kappa", [KAPPA, 1.0])
@given(argument=arguments)
def test_tanhs(fmt: Format, kappa: float, argument: Known) -> None:
    mode = Rounding(fmt, kappa)
    with mpmath.workprec(400):
        mid, rad = map(exactly, argument)
        near = max(abs(mid) - rad, mpmath.mpf(0))
        carried = min(rad * (1 - mpmath.tanh(near) ** 2), mpmath.mpf(2))

        assert is_formula(tanh_of(single(mode, argument)), carried + kappa * exactly(u(mode)))


def test_an_order_of_additions_that_overflows_leaves_nothing_known() -> None:
    mode = Rounding(float16)
    most = float16.max
    for values in ([most, most / 2], [most, -most, most, most]):
        balls = [Ball.exact(mode, [value]) for value in values]
        assert sum(balls[1:], balls[0]).radius.item() == np.inf
    product, bounded = (
        Ball.exact(mode, [most / 2]) * Ball.exact(mode, [by]) * Ball.exact(mode, [0.5]) for by in (2.0, 0.5)
    )
    assert product.radius.item() == np.inf
    assert np.isfinite(bounded.radius).all()
    for one, other in pairwise([Ball.exact(mode, [most / 2]), Ball.exact(mode, [most / 4]), Ball.exact(mode, [1.0])]):
        assert np.isfinite((one + other).radius).all()


def test_ends_whose_difference_overflows_leave_nothing_known_of_a_blend() -> None:
    one, other = Ball.exact(Rounding(bfloat16), [2.0**127, 1.0]), Ball.exact(Rounding(bfloat16), [-(2.0**127), 1.0])
    blended = blend(Ball.exact(Rounding(bfloat16), [0.0, 0.0]), one, other)
    assert np.isinf(blended.radius).tolist() == [True, False]


def test_one_entry_that_overflows_leaves_the_others_known() -> None:
    mode = Rounding(float16)
    ball = Ball.exact(mode, [float16.max, 1.0]) + Ball.exact(mode, [float16.max, 2.0])

    assert ball.radius[0] == np.inf
    assert ball.radius[1] == (Ball.exact(mode, [1.0]) + Ball.exact(mode, [2.0])).radius.item()


def test_rows_that_may_overflow_on_the_way_are_not_known() -> None:
    mode = Rounding(float16)

    def rows(d: float, W: float, on: float) -> Ball:
        return combined_rows((Ball.exact(mode, [[d]]), Ball.exact(mode, [[W]])), on_diagonal=Ball.exact(mode, [[on]]))

    for d, W, on in (
        (float16.max / 2, 4.0, 0.0),
        (float16.max / 2, 2.0**-24, float16.max),
        (float16.max, 1.0, -60000.0),
    ):
        assert rows(d, W, on).radius.item() == np.inf
    fine = rows(float16.max / 4, 1.0, 1.0)
    assert np.isfinite(fine.radius).all()
    assert fine.mode is mode
