"""Residuals: the worst entry, its error in units of what is allowed, and what no number can be compared with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gruverify import Format, bfloat16, float16, float32, float64
from gruverify.arithmetic import Ball, Rounding
from gruverify.invariants._residual import at_most, compare, equal, holds, violated, worst

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
    [("bi", (2, 3), "h[b=1, i=2]"), ("tbi", (1, 2, 3), "h[t=0, b=1, i=2]"), ("i", (6,), "h[i=5]"), ("", (), "h")],
)
def test_place_is_named_with_the_letters_of_the_axes(letters: str, shape: tuple[int, ...], where: str) -> None:
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
    [(1.0, 2.0, 0.0, 0.5), (2.0, 2.0, 0.0, 1.0), (3.0, 2.0, 0.0, 1.5), (3.0, 2.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0)],
)
def test_at_most_allows_limit_and_slack(actual: float, limit: float, slack: float, margin: float) -> None:
    found = at_most("|h|", "i", array(actual), array(limit), slack)
    assert (found.margin, found.relation, found.expected, found.bound) == (margin, "≤", limit, limit + slack)


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
    assert holds("arguments").margin == 0
    broken = violated("state changed by a call")
    assert (broken.where, broken.margin) == ("state changed by a call", INF)
    assert math.isnan(broken.actual)
