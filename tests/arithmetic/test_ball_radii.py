"""Every radius is its formula (docs/tolerances.md), rounded outward and no farther: here without
roundings.
"""

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
from gruverify.arithmetic._rounding import TanhAccuracy

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
    return (
        Ball(mode, np.array([float(mid)]), np.array([float(rad)]))
        if rad
        else Ball.exact(mode, [float(mid)])
    )


def is_formula(ball: Ball, formula: Real) -> bool:
    """Never below, as radii are rounded too, and hardly above: but for what is smaller than any
    number.
    """
    found, least = ball.radius.item(), Fraction(float64.min_subnormal)
    if isinstance(formula, mpmath.mpf):
        return bool(formula <= found <= formula * (1 + 2.0**-40))
    return formula - least <= Fraction(found) <= formula * (1 + Fraction(1, 2**40)) + least


def u(mode: Rounding) -> Fraction:
    return Fraction(mode.format.unit_roundoff) + Fraction(1, 2**53)


def eta(mode: Rounding) -> Fraction:
    return Fraction(mode.format.min_subnormal) + Fraction(float64.min_subnormal)


def is_rough(number: Known) -> bool:
    """Whether a product with it rounds: it is neither an exact 0 nor an exact power of two."""
    mid, rad = abs(number[0]), number[1]
    return bool(
        rad
        or (
            mid and (mid.numerator & (mid.numerator - 1) or mid.denominator & (mid.denominator - 1))
        )
    )


def counts(number: Known) -> bool:
    return bool(number[0] or number[1])


def additions(u: Fraction, numbers: Sequence[Known]) -> tuple[Fraction, Fraction, int]:
    """What a tree of additions adds to the sum's own share, what to that of Σ|number|, and how many
    there are.
    """
    N = sum(map(counts, numbers))
    half = u * max(N - 2, 0) / 2
    return (u if N >= 2 else 0) + half, half, max(N - 1, 0)


def sum_radius(
    mode: Rounding, terms: Sequence[Known], operands: Sequence[Known], inside: Fraction
) -> Fraction:
    """(14.1) where the accumulator is the format, else (14.2); `inside` is what is wrong inside the
    terms.
    """
    total = abs(sum((mid for mid, _ in terms), Fraction()))
    weight, stored = (
        sum((abs(mid) for mid, _ in numbers), Fraction()) for numbers in (terms, operands)
    )
    on_sum, half, n = additions(u(mode), operands)
    further = n * u(mode) * max(n - 1, 0) * u(mode)
    if not mode.wide:
        added, most = total * on_sum + weight * (half + further), n * u(mode) * weight
        return (min(added, most) if n * mode.u > 2.0**-7 else added) + inside * (
            1 + n * u(mode) + (n * u(mode)) ** 2
        )
    u_a = Fraction(mode.u_a)
    on_sum_a, half_a, n_a = additions(u_a, terms)
    P = sum(map(counts, operands))
    crossed = 2 * half_a * (2 * n_a * u_a + (4 * P + 2) * u(mode))
    roundings = n * u(mode) + n_a * u_a
    grown = 1 + roundings + u_a + (roundings + u_a) ** 2
    own = (
        total * (on_sum + on_sum_a) * (1 + 2 * u(mode))
        + stored * (half + further)
        + weight * (half_a + crossed)
    )
    return own + inside * grown


def product_error(mode: Rounding, factors: Sequence[Known], *, of_sum: bool = False) -> Fraction:
    """Of every factor's own, and of a rounding for each product of two that are no exact powers of
    two.

    of_sum: the first factor is a sum, which is not looked at: it counts as if it were none.
    """
    mid, error, rough = abs(factors[0][0]), factors[0][1], of_sum or is_rough(factors[0])
    for factor in factors[1:]:
        rounding = u(mode) if rough and is_rough(factor) else Fraction()
        error = (mid + error) * (abs(factor[0]) + factor[1]) * (1 + rounding) - mid * abs(factor[0])
        mid, rough = mid * abs(factor[0]), rough or is_rough(factor)
    return error


def underflow(mode: Rounding, factors: Sequence[Known], terms: Sequence[Known] = ()) -> Fraction:
    """The first factor is a sum of two terms, if they are given: the others may meet those one by
    one.
    """
    if not all(map(counts, factors)):
        return Fraction()
    reach = [max(abs(mid) + rad, Fraction(1)) for mid, rad in factors]
    reach[0] = max(reach[0], *(abs(mid) for mid, _ in terms)) if terms else reach[0]
    return (len(factors) - 1) * eta(mode) * prod(reach)


def product(mode: Rounding, factors: Sequence[Known]) -> Known:
    """A product as a term of a sum: 0 and exact where a factor is."""
    return prod((mid for mid, _ in factors), start=Fraction(1)), Fraction(
        int(all(map(counts, factors)))
    )


@formats
@pytest.mark.parametrize("own", [True, False])
@given(numbers=st.lists(known, min_size=2, max_size=6))
def test_sums(fmt: Format, own: bool, numbers: list[Known]) -> None:
    mode = Rounding(fmt, accumulates=fmt if own else None)
    formula = sum_radius(mode, numbers, numbers, sum(rad for _, rad in numbers) + Fraction())
    balls = [single(mode, number) for number in numbers]
    chain, difference = balls[0], -balls[0]
    for ball in balls[1:]:
        chain, difference = chain + ball, difference - ball

    assert is_formula(chain, formula)
    assert is_formula(difference, formula)


@formats
@pytest.mark.parametrize("in_format", [True, False])
@given(
    rows=st.lists(st.lists(known, min_size=3, max_size=3), min_size=1, max_size=2),
    axis=st.sampled_from([0, 1]),
)
def test_sums_along_an_axis(
    fmt: Format, in_format: bool, rows: list[list[Known]], axis: int
) -> None:
    """A wider accumulator stores one number, the sum; or each partial one, if the mode says so."""
    mode = Rounding(fmt, sums_in_format=in_format)
    mids, rads = (
        np.array([[float(number[part]) for number in row] for row in rows]) for part in (0, 1)
    )
    found = Ball(mode, mids, rads).sum(axis)
    columns = rows if axis else [list(column) for column in zip(*rows, strict=True)]
    for i, numbers in enumerate(columns):
        inside, total = (sum((number[part] for number in numbers), Fraction()) for part in (1, 0))
        operands, floor = numbers, Fraction()
        if mode.wide and not in_format:
            some = int(any(map(counts, numbers)))
            operands, floor = [(total, Fraction(some))], some * eta(mode)
            inside += u(mode) * abs(total)

        assert is_formula(found[i : i + 1], sum_radius(mode, numbers, operands, inside + floor))


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
def test_sums_of_products(
    fmt: Format, one: tuple[Known, Known], other: tuple[Known, Known], more: Known
) -> None:
    mode = Rounding(fmt)
    a, b, c, d, e = (single(mode, number) for number in (*one, *other, more))
    inside = product_error(mode, one) + product_error(mode, other) + more[1]
    terms = [product(mode, one), product(mode, [(-other[0][0], other[0][1]), other[1]]), more]
    floor = underflow(mode, one) + underflow(mode, other)

    assert is_formula(a * b - c * d + e, sum_radius(mode, terms, terms, inside + floor))


@formats
@given(one=known, other=known, factor=known)
def test_products_of_sums(fmt: Format, one: Known, other: Known, factor: Known) -> None:
    """A sum is rounded before it is multiplied; so is the difference from a plain number."""
    mode = Rounding(fmt)
    unit, minus = (Fraction(1), Fraction()), (-one[0], one[1])
    added = (one[0] + other[0], sum_radius(mode, [one, other], [one, other], one[1] + other[1]))
    rest = (1 - one[0], sum_radius(mode, [unit, minus], [unit, minus], one[1]))
    a, b, c = (single(mode, number) for number in (one, other, factor))
    for found, inner, terms in (
        ((a + b) * c, added, (one, other)),
        ((1 - a) * c, rest, (unit, one)),
    ):
        factors = [inner, factor]

        assert is_formula(
            found, product_error(mode, factors, of_sum=True) + underflow(mode, factors, terms)
        )


@formats
@pytest.mark.parametrize("own", [True, False])
@given(pairs=st.lists(st.tuples(known, known), min_size=1, max_size=5))
def test_dot_products(fmt: Format, own: bool, pairs: list[tuple[Known, Known]]) -> None:
    """(14.3): products round to the accumulator, and the whole, one operand, to the format."""
    mode = Rounding(fmt, accumulates=fmt if own else None)
    left, right = (
        Ball(
            mode,
            np.array([float(mid) for mid, _ in side]),
            np.array([float(rad) for _, rad in side]),
        )
        for side in zip(*pairs, strict=True)
    )
    sizes = [abs(a * b) for (a, _), (b, _) in pairs]
    wrong = sum(((abs(a) + da) * (abs(b) + db) for (a, da), (b, db) in pairs), Fraction()) - sum(
        sizes
    )
    terms = [product(mode, pair) for pair in pairs]
    N, total = sum(map(counts, terms)), sum((mid for mid, _ in terms), Fraction())
    if mode.wide:
        inside = wrong * (1 + 2 * u(mode)) + Fraction(mode.u_a) * sum(sizes) + u(mode) * abs(total)
        floor = int(N > 0) * eta(mode) + N * Fraction(mode.eta_a)
        operands = [(total, Fraction(int(N > 0)))]
    else:
        inside, floor, operands = wrong * (1 + u(mode)) + u(mode) * sum(sizes), N * eta(mode), terms

    assert is_formula(
        left[None] @ right[:, None], sum_radius(mode, terms, operands, inside + floor)
    )


@formats
@given(
    rows=st.lists(st.tuples(known, sixteenths), min_size=1, max_size=3),
    on=known,
    placed=st.booleans(),
)
def test_rows(fmt: Format, rows: list[tuple[Known, Fraction]], on: Known, placed: bool) -> None:
    """Σ D(d_k)W_k, and D(on) maybe: a sum of products of vectors that are known to a radius with
    exact matrices.
    """
    mode = Rounding(fmt)
    products = [((d[0], d[1]), (W, Fraction())) for d, W in rows]
    inside = sum((_scaled(mode, d, W) for d, (W, _) in products), Fraction())
    terms = [product(mode, pair) for pair in products]
    floor = sum((underflow(mode, pair) for pair in products), Fraction())
    if placed:
        inside, terms = inside + on[1], [*terms, on]
    pairs = [(single(mode, d)[None], Ball.exact(mode, [[float(W)]])) for d, W in rows]
    found = combined_rows(*pairs, on_diagonal=single(mode, on)[None] if placed else None)

    assert is_formula(found, sum_radius(mode, terms, terms, inside + floor))


def _scaled(mode: Rounding, d: Known, W: Fraction) -> Fraction:
    rounding = u(mode) if is_rough((W, Fraction())) else Fraction()
    return abs(W) * (abs(d[0]) * rounding + d[1] * (1 + u(mode)))


gates = st.integers(0, 64).map(lambda k: Fraction(k, 64))


@formats
@pytest.mark.parametrize("forms", ["A", "B", "C", "A+B", "A+B+C"])
@given(gate=gates, width=widths, one=known, zero=known)
def test_blends(
    fmt: Format, forms: str, gate: Fraction, width: Fraction, one: Known, zero: Known
) -> None:
    """The gate's error meets the distance of the ends; roundings are those of the worst of the
    declared forms.
    """
    mode = Rounding(fmt, blend=forms)
    z, rest = min(gate + width, Fraction(1)), min(1 - gate + width, Fraction(1))
    distance = abs(one[0] - zero[0])
    a, b, gap = abs(one[0]) + one[1], abs(zero[0]) + zero[1], distance + one[1] + zero[1]
    result, both = z * a + rest * b, counts(one) and counts(zero)
    steps = both + (
        both or is_rough(one) or is_rough(zero)
    )  # the difference of the ends, and its product
    roundings = {
        "A": is_rough(one) * z * a + (is_rough(zero) + counts(zero)) * rest * b + both * result,
        "B": steps * z * gap + counts(zero) * result,
        "C": (steps + 1) * rest * gap + counts(one) * result,
    }
    inherited = z * one[1] + rest * zero[1] + width * distance
    rounded = u(mode) * (1 + 4 * u(mode)) * max(roundings[form] for form in forms.split("+"))
    if "A" not in forms:  # in which the midpoint is found, in float64
        own = Fraction(float64.unit_roundoff)
        rounded += own * (1 + 4 * u(mode)) * roundings["A"]

    assert is_formula(
        blend(*(single(mode, n) for n in ((gate, width), one, zero))),
        inherited + rounded + 3 * eta(mode),
    )


arguments = st.tuples(
    st.integers(-200 * 16, 40 * 16).map(lambda k: Fraction(k, 16)),
    st.one_of(widths, st.just(Fraction(10**6))),
)


def exactly(number: Fraction) -> mpmath.mpf:
    return mpmath.mpf(number.numerator) / number.denominator


def logistic(a: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-a))


@formats
@pytest.mark.parametrize("kappa", [KAPPA, 1.0])
@pytest.mark.parametrize("accuracy", ["relative", "absolute"])
@given(argument=arguments)
def test_sigmoids(fmt: Format, accuracy: TanhAccuracy, kappa: float, argument: Known) -> None:
    """The steepest slope within reach carries the error on; κu of the result, or of 1, and a flush
    to 0 where exp overflows.
    """
    mode = Rounding(fmt, kappa_sigma=kappa, sigmoid=accuracy)
    with mpmath.workprec(400):
        mid, rad = map(exactly, argument)
        near = max(abs(mid) - rad, mpmath.mpf(0))
        carried = min(rad * logistic(near) * logistic(-near), mpmath.mpf(1))
        flushed = logistic(mid) + carried if mid - rad < fmt.sigmoid_flushes else 0
        size = logistic(mid) + carried if accuracy == "relative" else 1
        own = kappa * exactly(u(mode)) * size + exactly(eta(mode))

        assert is_formula(sigmoid_of(single(mode, argument)), carried + own + flushed)


@formats
@pytest.mark.parametrize("kappa", [KAPPA, 1.0])
@pytest.mark.parametrize("accuracy", ["relative", "absolute"])
@given(argument=arguments)
def test_tanhs(fmt: Format, accuracy: TanhAccuracy, kappa: float, argument: Known) -> None:
    """κu of the value, and nothing of an exact 0; or κu of 1, declared so."""
    mode = Rounding(fmt, kappa_tanh=kappa, tanh=accuracy)
    with mpmath.workprec(400):
        mid, rad = map(exactly, argument)
        near = max(abs(mid) - rad, mpmath.mpf(0))
        carried = min(rad * (1 - mpmath.tanh(near) ** 2), mpmath.mpf(2))
        size = abs(mpmath.tanh(mid)) + carried if accuracy == "relative" else 1
        own = kappa * exactly(u(mode)) * size + exactly(eta(mode))

        if accuracy == "relative" and not counts(argument):
            assert tanh_of(single(mode, argument)).radius.item() == 0
        else:
            assert is_formula(tanh_of(single(mode, argument)), carried + own)


def test_an_order_of_additions_that_overflows_leaves_nothing_known() -> None:
    mode = Rounding(float16)
    most = float16.max
    for values in ([most, most / 2], [most, -most, most, most]):
        balls = [Ball.exact(mode, [value]) for value in values]
        assert sum(balls[1:], balls[0]).radius.item() == np.inf
    product, bounded = (
        Ball.exact(mode, [most / 2]) * Ball.exact(mode, [by]) * Ball.exact(mode, [0.5])
        for by in (2.0, 0.5)
    )
    assert product.radius.item() == np.inf
    assert np.isfinite(bounded.radius).all()
    for one, other in pairwise(
        [Ball.exact(mode, [most / 2]), Ball.exact(mode, [most / 4]), Ball.exact(mode, [1.0])]
    ):
        assert np.isfinite((one + other).radius).all()


def test_ends_whose_difference_overflows_leave_nothing_known_of_a_blend() -> None:
    one, other = (
        Ball.exact(Rounding(bfloat16), [2.0**127, 1.0]),
        Ball.exact(Rounding(bfloat16), [-(2.0**127), 1.0]),
    )
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
        return combined_rows(
            (Ball.exact(mode, [[d]]), Ball.exact(mode, [[W]])), on_diagonal=Ball.exact(mode, [[on]])
        )

    for d, W, on in (
        (float16.max / 2, 4.0, 0.0),
        (float16.max / 2, 2.0**-24, float16.max),
        (float16.max, 1.0, -60000.0),
    ):
        assert rows(d, W, on).radius.item() == np.inf
    fine = rows(float16.max / 4, 1.0, 1.0)
    assert np.isfinite(fine.radius).all()
    assert fine.mode is mode
