"""Residuals: the worst entry, its error in units of what is allowed, and what no number can be
compared with.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gruverify import Format, bfloat16, float16, float32, float64
from gruverify.arithmetic import Ball, Rounding
from gruverify.invariants.core._residual import (
    STATES,
    at_most,
    compare,
    equal,
    never,
    nonzero_where_required,
    nothing_claimed,
    ok,
    overlooked,
    violated,
    worst,
)

INF, NAN = math.inf, math.nan


def array(*values: float) -> Any:
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("error", "bound", "margin"),
    [
        pytest.param(1.0, 4.0, 0.25, id="a quarter of what is allowed"),
        pytest.param(4.0, 4.0, 1.0, id="just allowed"),
        pytest.param(8.0, 4.0, 2.0, id="twice too much"),
        pytest.param(0.0, 4.0, 0.0, id="no error"),
        pytest.param(0.0, 0.0, 0.0, id="no error where none is allowed"),
        pytest.param(1.0, 0.0, INF, id="an error where none is allowed"),
        pytest.param(NAN, 4.0, INF, id="not a number"),
        pytest.param(INF, 4.0, INF, id="infinitely far"),
        pytest.param(NAN, INF, 0.0, id="not a number where nothing is claimed"),
        pytest.param(INF, INF, 0.0, id="infinitely far where nothing is claimed"),
        pytest.param(1.0, NAN, 0.0, id="no bound"),
    ],
)
def test_margin_is_error_in_units_of_the_bound(error: float, bound: float, margin: float) -> None:
    assert worst("h", "i", array(0.0), 0.0, array(error), array(bound)).margin == margin


def test_worst_entry_has_the_largest_margin_and_not_the_largest_error() -> None:
    found = worst("h", "i", array(10, 20, 30), array(1, 2, 3), array(9, 5, 7), array(9, 1, 7))
    assert (found.where, found.actual, found.expected) == ("h[i=1]", 20.0, 2.0)
    assert (found.error, found.bound, found.margin) == (5.0, 1.0, 5.0)


@pytest.mark.parametrize(
    ("letters", "shape", "where"),
    [
        ("bi", (2, 3), "h[b=1, i=2]"),
        ("tbi", (1, 2, 3), "h[t=0, b=1, i=2]"),
        ("i", (6,), "h[i=5]"),
        ("", (), "h"),
    ],
)
def test_place_is_named_with_the_letters_of_the_axes(
    letters: str, shape: tuple[int, ...], where: str
) -> None:
    error = np.zeros(shape)
    error.flat[-1] = 3
    found = worst("h", letters, error + 1, error + 2, error, np.full(shape, 2.0))
    assert (found.where, found.actual, found.expected) == (where, 4.0, 5.0)
    assert (found.error, found.bound, found.margin) == (3.0, 2.0, 1.5)


def test_entry_of_which_nothing_is_claimed_does_not_hide_another() -> None:
    found = worst("h", "i", array(NAN, 1), 0.0, array(NAN, 1), array(INF, 2))
    assert (found.where, found.margin) == ("h[i=1]", 0.5)


def test_nothing_claimed_has_no_error() -> None:
    found = worst("h", "i", array(NAN), 0.0, array(NAN), array(INF))
    assert (found.error, found.bound, found.margin) == (0.0, INF, 0.0)


def test_no_entries_hold() -> None:
    found = worst("h", "bi", np.zeros((0, 3)), 0.0, np.zeros((0, 3)), np.zeros((0, 3)))
    assert (found.where, found.margin) == ("h", 0.0)


@pytest.mark.parametrize("format", [float16, bfloat16, float32, float64], ids=lambda f: f.name)
def test_compare_allows_the_radius_of_the_ball(format: Format) -> None:
    ball = Ball(Rounding(format), array(1.0), array(4 * format.unit_roundoff))
    for step, margin in ((0, 0.0), (1, 0.5), (2, 1.0), (4, 2.0)):
        actual = format.cast(array(1 + step * 2 * format.unit_roundoff))
        assert compare("h", "i", actual, ball).margin == margin


def test_compare_of_what_is_known_exactly_allows_nothing() -> None:
    exact = Ball.exact(Rounding(float32), float32.cast([0.5, 0.0]))
    assert compare("h", "i", float32.cast([0.5, 0.0]), exact).margin == 0
    assert compare("h", "i", float32.cast([0.5, float32.min_subnormal]), exact).margin == INF
    assert compare("h", "i", float32.cast([0.5, -0.0]), exact).margin == 0


@pytest.mark.parametrize("wrong", [NAN, INF, -INF])
def test_compare_with_what_is_not_finite_is_infinitely_wrong(wrong: float) -> None:
    exact = Ball.exact(Rounding(float32), float32.cast([0.5]))
    assert compare("h", "i", float32.cast([wrong]), exact).margin == INF


@pytest.mark.parametrize(
    ("actual", "limit", "slack", "margin"),
    [
        (1.0, 2.0, 0.0, 0.5),
        (2.0, 2.0, 0.0, 1.0),
        (3.0, 2.0, 0.0, 1.5),
        (3.0, 2.0, 1.0, 1.0),
        (0.0, 0.0, 0.0, 0.0),
    ],
)
def test_at_most_allows_limit_and_slack(
    actual: float, limit: float, slack: float, margin: float
) -> None:
    found = at_most("|h|", "i", array(actual), array(limit), slack)
    assert (found.margin, found.relation, found.expected, found.bound) == (
        margin,
        "≤",
        limit,
        limit + slack,
    )


def test_at_most_refuses_what_is_not_a_number() -> None:
    assert at_most("|h|", "i", array(NAN), array(1.0)).margin == INF


@pytest.mark.parametrize(
    ("one", "other", "margin"),
    [
        pytest.param(0.5, 0.5, 0.0, id="equal"),
        pytest.param(0.5, 0.25, INF, id="different"),
        pytest.param(0.0, -0.0, 0.0, id="both zeros"),
        pytest.param(INF, INF, 0.0, id="overflowed twice"),
        pytest.param(NAN, NAN, 0.0, id="invalid twice"),
        pytest.param(INF, -INF, INF, id="overflowed to both sides"),
        pytest.param(NAN, INF, INF, id="invalid once"),
        pytest.param(1.0, NAN, INF, id="a number once"),
    ],
)
def test_equal_is_exact(one: float, other: float, margin: float) -> None:
    assert equal("h", "i", array(one), array(other)).margin == margin


def test_statement_without_numbers_holds_or_does_not() -> None:
    assert ok("arguments").margin == 0
    broken = violated("state changed by a call")
    assert (broken.where, broken.margin) == ("state changed by a call", INF)
    assert math.isnan(broken.actual)


# -- claims ----------------------------------------------------------------------------------------


def claims(bound: float, *, value: float = 0.0, scale: float | None = None) -> bool:
    """Whether one entry with this bound claims something."""
    return worst("h", "i", array(value), array(value), array(0.0), array(bound), scale=scale).claims


@pytest.mark.parametrize(
    ("bound", "value", "scale", "claimed"),
    [
        pytest.param(0.0, 0.0, None, True, id="exact"),
        pytest.param(0.9, 1.0, None, True, id="below the value"),
        pytest.param(1.0, 1.0, None, False, id="as wide as the value"),
        pytest.param(0.124, 0.0, STATES, True, id="below a sixteenth of the range"),
        pytest.param(0.125, 0.0, STATES, False, id="a sixteenth of the range"),
        pytest.param(1e-300, 0.0, None, False, id="around 0, without a range"),
        pytest.param(INF, 1.0, STATES, False, id="no bound"),
        pytest.param(NAN, 1.0, STATES, False, id="a bound that is not a number"),
    ],
)
def test_an_entry_claims_something_if_its_bound_is_narrow(
    bound: float, value: float, scale: float | None, claimed: bool
) -> None:
    assert claims(bound, value=value, scale=scale) is claimed


def test_a_comparison_of_which_fewer_than_half_the_entries_claim_something_claims_nothing() -> None:
    def found(wide: int) -> Any:
        bounds = array(*[INF] * wide, *[0.1] * (10 - wide))
        return worst("h", "i", np.ones(10), np.ones(10), np.zeros(10), bounds)

    assert [(found(wide).claimed, found(wide).claims) for wide in (5, 6)] == [(5, True), (4, False)]


def test_the_range_of_a_quantity_is_the_largest_that_is_expected_unless_it_is_given() -> None:
    expected = array(16.0, 0.0)
    found = worst("h", "i", expected, expected, np.zeros(2), array(0.9, 0.9))
    assert (found.scale, found.claimed) == (16.0, 2)
    assert worst("h", "i", expected, expected, np.zeros(2), array(0.9, 0.9), scale=1.0).claimed == 1


@pytest.mark.parametrize(
    ("limit", "slack", "scale", "claimed"),
    [
        pytest.param(1.0, 0.0, None, True, id="without rounding"),
        pytest.param(1.0, 0.5, None, True, id="rounding below the limit"),
        pytest.param(1.0, 1.0, None, False, id="rounding as large as the limit"),
        pytest.param(0.0, 0.1, STATES, True, id="rounding below a sixteenth of the range"),
        pytest.param(0.0, 0.2, STATES, False, id="rounding too large for a limit of 0"),
        pytest.param(3.0, 0.0, STATES, False, id="a limit beyond the range"),
        pytest.param(INF, 0.0, None, False, id="no limit"),
    ],
)
def test_an_inequality_claims_something_if_rounding_is_small_and_the_limit_within_the_range(
    limit: float, slack: float, scale: float | None, claimed: bool
) -> None:
    assert at_most("h", "i", array(0.0), array(limit), slack, scale=scale).claims is claimed


def test_entries_that_a_statement_is_not_about_are_not_compared() -> None:
    about = np.array([True, False])
    found = equal("h", "i", array(1, 2), array(1, 3), about=about)
    assert (found.margin, found.compared, found.claimed) == (0.0, 1, 1)
    assert equal("h", "i", array(1, 2), array(0, 2), about=about).margin == INF
    assert not equal("h", "i", array(1), array(2), about=np.array([False])).claims


def test_entries_that_may_be_anything_are_compared_and_claim_nothing() -> None:
    found = equal(
        "h", "i", array(1, NAN, 5), array(1, 2, 5), overlooked(np.array([False, True, False]))
    )
    assert (found.margin, found.compared, found.claimed) == (0.0, 3, 2)


def test_what_is_excluded_nowhere_claims_nothing() -> None:
    nowhere, somewhere = np.zeros(3, bool), np.array([False, True, False])
    assert not never("it is 0", ~nowhere, nowhere).claims
    assert never("it is 0", nowhere, somewhere).claims
    assert never("it is 0", somewhere, somewhere).margin == INF
    assert not nothing_claimed("there is one layer").claims
    assert ok("the shape").claims
    assert violated("the shape").claims


def test_an_enclosure_that_holds_0_claims_nothing_of_presence() -> None:
    around, off = (Ball(Rounding(float32), array(mid), array(1.0)) for mid in (0.5, 2.0))
    assert not nonzero_where_required("dL/dW", array(0.0), around).claims
    assert nonzero_where_required("dL/dW", array(0.0), off).margin == INF
    assert nonzero_where_required("dL/dW", array(1.0), off).claims
