"""Which declaration would explain what is answered, refused and failed."""

from __future__ import annotations

import pytest

from gruverify.engine._suggestions import SUGGESTIONS, Fact, Outcome, suggested

STATE = "an initial state of 0"
CANDIDATE = "a recurrent bias of the candidate of 0"


def facts(feature: str, value: bool, outcome: Outcome, count: int) -> list[Fact]:
    """As many cases, alike."""
    return [Fact({feature: value}, outcome)] * count


def test_refusals_of_every_other_initial_state_name_the_declaration() -> None:
    every = facts(STATE, True, "answered", 23) + facts(STATE, False, "refused", 77)

    assert suggested(every) == (
        "answered only where the initial state is 0, 23 of 23 times: declare initial_state=False?"
    )


def test_failures_with_a_recurrent_bias_name_the_declaration() -> None:
    every = facts(CANDIDATE, False, "failed", 40) + facts(CANDIDATE, True, "answered", 60)

    assert suggested(every) == (
        "failed in 40 of 40 cases with a recurrent bias of the candidate, in 0 of 60 without: "
        'declare biases="input"?'
    )


def test_a_failure_may_come_out_right_now_and_then_and_a_refusal_may_not() -> None:
    some = facts(CANDIDATE, False, "answered", 5) + facts(CANDIDATE, True, "answered", 60)

    assert suggested(some + facts(CANDIDATE, False, "failed", 35)).startswith(
        "failed in 35 of 40 cases"
    )
    assert suggested(some + facts(CANDIDATE, False, "refused", 35)) == ""


def test_a_failure_that_does_not_bear_a_declaration_out_names_none() -> None:
    right = facts(CANDIDATE, True, "answered", 60)

    assert suggested(facts(CANDIDATE, False, "failed", 40) + right, lambda _: False) == ""
    assert suggested(facts(CANDIDATE, False, "refused", 40) + right, lambda _: False) != ""


@pytest.mark.parametrize("suggestion", SUGGESTIONS, ids=lambda suggestion: suggestion.feature)
def test_each_is_named_by_its_own_feature(suggestion: object) -> None:
    assert isinstance(suggestion, type(SUGGESTIONS[0]))
    feature, fits = suggestion.feature, suggestion.fits
    sentence = suggested(
        facts(feature, fits, "answered", 20) + facts(feature, not fits, "refused", 20)
    )

    assert sentence.endswith(f": declare {suggestion.declaration}?")


@pytest.mark.parametrize(
    "every",
    [
        [],
        facts(STATE, True, "answered", 50),
        facts(STATE, False, "refused", 50),
        facts(STATE, True, "answered", 1) + facts(STATE, False, "refused", 1),
        facts(STATE, True, "answered", 40)
        + facts(STATE, True, "refused", 1)
        + facts(STATE, False, "refused", 40),
        facts(STATE, True, "answered", 20)
        + facts(STATE, False, "answered", 40)
        + facts(STATE, False, "failed", 20),
    ],
    ids=[
        "no cases",
        "no trouble",
        "nothing to compare with",
        "chance",
        "trouble elsewhere too",
        "mostly right there",
    ],
)
def test_nothing_is_named_without_evidence(every: list[Fact]) -> None:
    assert suggested(every) == ""
