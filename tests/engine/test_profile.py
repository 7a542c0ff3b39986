"""How often each family is asked."""

from __future__ import annotations

from collections import Counter

import gruverify
from gruverify import float32
from gruverify.engine import PROFILES
from gruverify.engine._profile import RELATIONS
from gruverify.invariants import INVARIANTS


def test_relations_take_turns_and_all_others_are_asked_of_every_case() -> None:
    profile = PROFILES["default"]
    asked = Counter(
        invariant.family
        for number in range(profile.cases)
        for invariant in {i.family: i for i in INVARIANTS.values()}.values()
        if profile.asks(invariant.family, number)
    )

    assert set(asked) >= {*RELATIONS, "agreement", "contract", "regimes", "bounds", "stack"}
    assert {family: profile.cases // (3 if family in RELATIONS else 1) for family in asked} == asked


def test_no_case_is_without_a_turn_and_the_deep_profile_has_none() -> None:
    assert all(any(PROFILES["quick"].asks(family, number) for family in RELATIONS) for number in range(25))
    assert all(PROFILES["deep"].asks(family, number) for family in RELATIONS for number in range(7))


def test_where_the_number_of_cases_is_asked_for_every_invariant_is_asked_of_each() -> None:
    only = ["symmetry", "agreement/step"]
    asked = {
        row[0]: tally.cases
        for row, tally in gruverify.check("numpy", formats=[float32], max_cases=1, only=only).tallies.items()
    }

    assert set(asked.values()) == {1}
    assert len(asked) > 5
