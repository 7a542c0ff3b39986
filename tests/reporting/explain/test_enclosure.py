"""Enclosures: they hold the true number, and show no digit that they do not know."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruverify.arithmetic import Ball, Rounding, float64
from gruverify.reporting.explain._enclosure import (
    Enclosure,
    largest,
    largest_row_sum,
    total_of,
    worst_of,
)

numbers = st.floats(0, 1e100)
enclosures = st.tuples(numbers, numbers).map(sorted).map(lambda ends: Enclosure(*ends))


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        pytest.param(0.0, 0.0, "0", id="exactly 0"),
        pytest.param(0.012345, 0.012345, "0.0123", id="known"),
        pytest.param(1.23e-7, 1.23e-7, "1.23e-7", id="small"),
        pytest.param(1.0, 1.0, "1", id="whole"),
        pytest.param(0.9999, 1.00015, "1.00", id="about one"),
        pytest.param(0.123, 0.124, "0.12", id="two digits"),
        pytest.param(0.4, 0.6, "≤ 0.6", id="no digit"),
        pytest.param(0.0, 2.3e-16, "≤ 3e-16", id="may be 0, bound rounded up"),
        pytest.param(0.0, 5e-324, "≤ 5e-324", id="smallest bound"),
        pytest.param(0.0, math.inf, "unknown", id="unbounded"),
    ],
)
def test_shows_the_digits_that_the_radius_supports(low: float, high: float, text: str) -> None:
    assert str(Enclosure(low, high)) == text


@given(enclosures, enclosures)
def test_quotients_lie_within(a: Enclosure, b: Enclosure) -> None:
    quotient = a / b
    if b.low > 0:
        assert Fraction(quotient.low) <= Fraction(a.low) / Fraction(b.high)
        assert quotient.high == math.inf or Fraction(a.high) / Fraction(b.low) <= Fraction(
            quotient.high
        )
    else:
        assert quotient.high in (0.0, math.inf)


@given(st.lists(enclosures, min_size=1))
def test_sums_and_maxima_lie_within(parts: list[Enclosure]) -> None:
    total, worst = total_of(parts), worst_of(parts)
    assert Fraction(total.low) <= sum(Fraction(part.low) for part in parts)
    assert sum(Fraction(part.high) for part in parts) <= Fraction(total.high)
    assert (worst.low, worst.high) == (
        max(part.low for part in parts),
        max(part.high for part in parts),
    )


@given(st.lists(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3), min_size=1, max_size=4))
def test_sizes_of_exact_matrices_lie_within(rows: list[list[float]]) -> None:
    ball = Ball.exact(Rounding(float64), np.array(rows))
    entry, norm = largest(ball), largest_row_sum(ball)
    sums = [sum(abs(Fraction(x)) for x in row) for row in rows]
    assert entry.low <= max(abs(x) for row in rows for x in row) <= entry.high
    assert Fraction(norm.low) <= max(sums) <= Fraction(norm.high)


def test_zeros_stay_exactly_zero() -> None:
    zero = Ball.exact(Rounding(float64), np.zeros((2, 2)))
    assert largest(zero).is_zero
    assert largest_row_sum(zero).is_zero
    assert (largest(zero) / Enclosure(1.0, 2.0)).is_zero
