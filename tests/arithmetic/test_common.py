"""What several results are made of: they differ by how each multiplies, and not by what is wrong
with the factors.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruverify.arithmetic import FORMATS, Ball, Format, Rounding, float16, float32

from ._operands import numbers

pytestmark = pytest.mark.uncounted

formats = pytest.mark.parametrize("fmt", FORMATS, ids=str)


def ball(fmt: Format, mid: float, rad: float = 0.0) -> Ball:
    return Ball(Rounding(fmt), np.array([mid]), np.array([rad]))


@formats
@given(data=st.data())
def test_products_of_the_same_wrong_factors_lie_around_one_number(
    fmt: Format, data: st.DataObject
) -> None:
    factors = [data.draw(numbers(fmt)) for _ in range(3)]
    with np.errstate(all="ignore"):
        # Each factor is twice what it should be.
        one, other, third = (ball(fmt, factor / 2, abs(factor)) for factor in factors)
        radius = (one * other * third).common().radius.item()
        found = [float(fmt.cast(float(fmt.cast(a * b)) * c)) for a, b, c in permutations(factors)]

    assert np.isinf(radius) or max(found) - min(found) <= 2 * radius


def test_a_wrong_factor_makes_it_large_and_no_less_certain() -> None:
    exact, wrong = (
        ball(float32, 1.0) * ball(float32, 1.0, rad) * ball(float32, 1.0) for rad in (0.0, 3.0)
    )

    assert wrong.common().mid.item() == pytest.approx(4)
    assert wrong.common().radius.item() == pytest.approx(4 * exact.common().radius.item())
    assert exact.common().radius.item() == pytest.approx(2 * float32.unit_roundoff)


def test_a_sum_is_one_number() -> None:
    total = ball(float32, 1.0, 0.5) + ball(float32, 2.0)
    assert total.common().mid.item() == total.magnitude.item()
    assert total.common().radius.item() == 0


def test_underflow_on_the_way_is_allowed_for() -> None:
    tiny = ball(float16, float16.min_subnormal) * ball(float16, 0.5) * ball(float16, 1.0)
    assert tiny.common().radius.item() >= 2 * float16.min_subnormal


def test_nothing_is_claimed_where_an_order_overflows() -> None:
    huge = ball(float16, 60000.0) * ball(float16, 4.0) * ball(float16, 0.0)
    assert huge.common().radius.item() == np.inf
