"""Affine forms: whatever the symbols are, exact results lie in the forms of the results."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruverify.arithmetic import _products
from gruverify.arithmetic._curves import TANH, bend_of
from gruverify.arithmetic._form import Form
from gruverify.arithmetic._products import bent, product
from tests.arithmetic._noise import Drawn, middles, outside

pytestmark = pytest.mark.uncounted

#: Symbols of forms that are drawn, and entries.
COUNT, ENTRIES = 4, 2
NUMBERS = st.floats(-4, 4) | st.sampled_from([0.0, 1.0, 1e-160, -1e-200, 2.0**-30, 1 / 3])


@st.composite
def forms(draw: st.DrawFn) -> Form:
    """Forms (1, 2) of some of four symbols."""
    some = draw(st.sets(st.integers(0, COUNT - 1), max_size=COUNT))
    symbols = np.array(sorted(some), np.int64)
    numbers = st.lists(NUMBERS, min_size=ENTRIES, max_size=ENTRIES)
    parts = np.array([draw(numbers) for _ in some]).reshape(len(some), 1, ENTRIES)
    own = np.abs(np.array([draw(numbers)])) * draw(st.sampled_from([0.0, 0.1]))
    return Form(symbols, np.array([draw(numbers)]), parts, own)


DRAWN = st.lists(
    st.fractions(-1, 1, max_denominator=64) | st.sampled_from([Fraction(-1), Fraction(1)]),
    min_size=COUNT,
    max_size=COUNT,
).map(lambda each: dict(enumerate(each)))
SIDES = st.lists(st.sampled_from([-1, 0, 1]), min_size=2 * ENTRIES, max_size=2 * ENTRIES)


def points(form: Form, drawn: Drawn, sides: list[int]) -> list[Fraction]:
    """Numbers of a form at these values of its symbols, on one side of its own or the other."""
    own = [Fraction(float(each)) for each in form.own.ravel()]
    return [m + s * r for m, s, r in zip(middles(form, drawn), sides, own, strict=True)]


@settings(max_examples=25)
@given(a=forms(), b=forms(), drawn=DRAWN, sides=SIDES, sign=st.sampled_from([1, -1]))
def test_sums_and_differences(a: Form, b: Form, drawn: Drawn, sides: list[int], sign: int) -> None:
    xs, ys = points(a, drawn, sides[:ENTRIES]), points(b, drawn, sides[ENTRIES:])
    exact = [x + sign * y for x, y in zip(xs, ys, strict=True)]
    assert outside(a.plus(b, sign), drawn, exact) <= 0


@pytest.mark.parametrize("roots", [0, 2, 8])
@settings(max_examples=25)
@given(a=forms(), b=forms(), drawn=DRAWN, sides=SIDES)
def test_products(roots: int, a: Form, b: Form, drawn: Drawn, sides: list[int]) -> None:
    xs, ys = points(a, drawn, sides[:ENTRIES]), points(b, drawn, sides[ENTRIES:])
    exact = [x * y for x, y in zip(xs, ys, strict=True)]
    assert outside(product(a, b, roots), drawn, exact) <= 0
    squares = product(a, a, roots)
    assert outside(squares, drawn, [x * x for x in xs]) <= 0


@settings(max_examples=25)
@given(a=forms(), W=st.lists(NUMBERS, min_size=6, max_size=6), drawn=DRAWN, sides=SIDES)
def test_matrix_products(a: Form, W: list[float], drawn: Drawn, sides: list[int]) -> None:
    matrix = np.array(W).reshape(ENTRIES, 3)
    xs = points(a, drawn, sides[:ENTRIES])
    columns = [[Fraction(float(w)) for w in column] for column in matrix.T]
    exact = [sum((x * w for x, w in zip(xs, c, strict=True)), Fraction(0)) for c in columns]
    assert outside(a.matmul(matrix, None), drawn, exact) <= 0


@pytest.mark.parametrize("roots", [0, 2, 8])
@settings(max_examples=25)
@given(a=forms(), drawn=DRAWN, sides=SIDES)
def test_curves(roots: int, a: Form, drawn: Drawn, sides: list[int]) -> None:
    found = bent(a, bend_of(TANH, *a.ends, a.centre), roots)
    xs = points(a, drawn, sides[:ENTRIES])
    for i, x in enumerate(xs):
        assert outside(found[:, i : i + 1], drawn, [tanh_of(x)]) <= 0


def tanh_of(x: Fraction) -> Fraction:
    """To 400 bits, far below what any form is wrong by."""
    with mpmath.workprec(400):
        found = mpmath.tanh(mpmath.mpf(x.numerator) / x.denominator)
        return Fraction(int(mpmath.floor(found * 2**390)), 2**390)


def test_pairs_keep_what_is_of_second_order() -> None:
    """(1 + ε)(1 - ε) - (1 - ε²) is 0, and known to be where pairs are followed."""
    one = Form(np.array([0]), np.ones((1, 1)), np.ones((1, 1, 1)), np.zeros((1, 1)))
    other = Form(np.array([0]), np.ones((1, 1)), -np.ones((1, 1, 1)), np.zeros((1, 1)))

    for roots, least, most in ((0, 0.99, 1.01), (1, 0.0, 1e-12)):
        difference = product(one, other, roots).plus(product(other, one, roots), -1.0)
        assert least <= difference.radius[0, 0] <= most


def test_catches_a_product_without_its_remainder(monkeypatch: pytest.MonkeyPatch) -> None:
    def straight(a: Form, b: Form, roots: int) -> Form:
        return _products._linear(a, b)

    monkeypatch.setattr(_products, "product", straight)
    one = Form(np.array([0]), np.ones((1, 1)), np.ones((1, 1, 1)), np.zeros((1, 1)))
    drawn: dict[int, Any] = {0: Fraction(1)}
    assert outside(_products.product(one, one, 0), drawn, [Fraction(4)]) == 1


def test_catches_what_float64_does_to_a_sum() -> None:
    """1 + 2^-60 is not 1: without its rounding the form would not hold it."""
    a, b = (Form.point(np.array([[x]])) for x in (1.0, 2.0**-60))
    total = a.plus(b)
    exact = [Fraction(1) + Fraction(1, 2**60)]
    assert outside(total, {}, exact) <= 0
    assert outside(Form.point(total.centre), {}, exact) > 0
