"""Tallies of cases."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruverify.engine import Tally
from gruverify.engine._tally import judged

from ._drawn import tallies


@pytest.mark.uncounted
@given(tallies, tallies, tallies)
def test_adding_is_associative(a: Tally, b: Tally, c: Tally) -> None:
    assert (a + b) + c == a + (b + c)


@given(tallies, tallies)
def test_adding_is_commutative(a: Tally, b: Tally) -> None:
    assert a + b == b + a


@given(tallies)
def test_the_empty_tally_changes_nothing(a: Tally) -> None:
    assert a + Tally() == a == Tally() + a


def test_what_was_raised_says_more_than_what_was_not_asked() -> None:
    raised = Tally(error=1, reason="step raised ValueError: no", failed=True)
    not_asked = Tally(declined=1, reason="step is not checked here: declared shapes='few'")
    assert (not_asked + raised).reason == raised.reason
    assert (not_asked + Tally(blocked=1)).reason == not_asked.reason


@given(tallies, tallies)
def test_cases_add_up(a: Tally, b: Tally) -> None:
    assert (a + b).cases == a.cases + b.cases
    assert a.cases == a.passed + a.falsified + a.error + a.blocked + a.unclaimed


@pytest.mark.parametrize(
    ("tally", "status"),
    [
        (Tally(), "not applicable"),
        (Tally(passed=9), "passed"),
        (Tally(passed=9, blocked=1), "blocked"),
        (Tally(passed=9, blocked=1, error=1), "error"),
        (Tally(passed=9, blocked=1, error=1, falsified=1), "falsified"),
        (Tally(unclaimed=9), "nothing claimed"),
        (Tally(unclaimed=9, passed=1), "passed"),
        (Tally(unclaimed=9, blocked=1), "blocked"),
        (Tally(unclaimed=9, mark="xfail"), "nothing claimed"),
        (Tally(declined=3), "not applicable"),
        (Tally(declined=3, passed=1), "passed"),
        (Tally(mark="skip"), "skipped"),
        (Tally(mark="xfail", passed=9, falsified=1), "xfailed"),
        (Tally(mark="xfail", error=1), "xfailed"),
        (Tally(mark="xfail", passed=9), "xpassed"),
        (Tally(mark="xfail", blocked=1), "blocked"),
        (Tally(mark="xfail"), "not applicable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_gravest_outcome_is_the_status(tally: Tally, status: str) -> None:
    assert tally.status == status


@pytest.mark.parametrize(
    ("margin", "status"),
    [
        (0.0, "passed"),
        (0.5, "passed"),
        (1.0, "passed"),
        (math.nextafter(1, 2), "falsified"),
        (math.inf, "falsified"),
    ],
)
def test_a_margin_over_1_falsifies(margin: float, status: str) -> None:
    tally = judged(margin)

    assert tally.status == status
    assert tally.cases == 1
    assert tally.largest == margin


@given(st.lists(st.floats(2.0**-60, 2.0**60), min_size=1, max_size=30))
def test_the_median_is_within_a_bin_of_the_true_one(margins: list[float]) -> None:
    tally = sum(map(judged, margins), Tally())

    true = sorted(margins)[(len(margins) - 1) // 2]
    assert abs(math.log2(tally.median / true)) <= 1 / 8


def test_the_median_of_exact_answers_is_0() -> None:
    assert (judged(0.0) + judged(0.0) + judged(0.9)).median == 0.0
    assert Tally().median == 0.0
