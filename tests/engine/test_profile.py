"""How often each invariant is asked."""

from __future__ import annotations

import gruverify
from gruverify import float32
from gruverify.backends import CELL_METHODS, EVERY_METHOD, OPTIONAL_METHODS, STACK_OPTIONS
from gruverify.engine import PROFILES
from gruverify.engine._profile import DUTIES, TOPICS, topic
from gruverify.invariants import INVARIANTS


def _asked(profile: str, id: str) -> list[int]:
    """The cases of a profile that an invariant is asked of, by number."""
    return [n for n in range(PROFILES[profile].cases) if PROFILES[profile].asks(INVARIANTS[id], n)]


def test_what_reads_the_first_answers_alone_is_asked_of_every_case() -> None:
    for id in (
        "agreement/step",
        "agreement/gradient-state",
        "contract/finite-values",
        "stack/outputs",
        "bounds/box",
    ):
        assert len(_asked("default", id)) == PROFILES["default"].cases, id


def of_masks(id: str) -> bool:
    masked = (*OPTIONAL_METHODS, *STACK_OPTIONS)
    return any(method in masked for method in INVARIANTS[id].needs)


def test_what_asks_for_more_takes_turns() -> None:
    default = PROFILES["default"]
    taking = [
        id
        for id, invariant in INVARIANTS.items()
        if topic(invariant) and topic(invariant) not in DUTIES
    ]

    assert {topic(INVARIANTS[id]) for id in taking} == set(TOPICS)
    for id in taking:
        each = default.stack_turns if INVARIANTS[id].of_stacks else default.turns
        each *= 1 + of_masks(id)
        assert len(_asked("default", id)) in (default.cases // each, default.cases // each + 1), id


def test_the_duties_of_a_method_take_turns_of_their_own() -> None:
    default = PROFILES["default"]
    owed = [id for id, invariant in INVARIANTS.items() if topic(invariant) in DUTIES]

    assert {topic(INVARIANTS[id]) for id in owed} == {
        f"duties of {method}"
        for method in (*CELL_METHODS, *OPTIONAL_METHODS, *STACK_OPTIONS, "reloaded")
    }
    for id in owed:
        each = default.duties
        if INVARIANTS[id].of_stacks:
            each = each * default.stack_turns // default.turns
        each *= 1 + of_masks(id)
        assert len(_asked("default", id)) in (default.cases // each, default.cases // each + 1), id


def test_derivatives_along_a_direction_are_taken_on_the_same_cases_whoever_reads_them() -> None:
    readers = (
        "contract/shape-sequence-hvp",
        "second-order/hvp",
        "gradient/adjoint",
        "second-order/symmetric",
    )
    assert len({tuple(_asked("quick", id)) for id in readers}) == 1


def test_a_malformed_answer_is_met_first_by_the_invariant_of_its_shape() -> None:
    for number in range(PROFILES["quick"].cases):
        asked = [i for i in INVARIANTS.values() if PROFILES["quick"].asks(i, number)]
        needed = {
            method for invariant in asked for method in invariant.needs if method in EVERY_METHOD
        }
        ids = {invariant.id for invariant in asked}
        assert {f"contract/shape-{method.replace('_', '-')}" for method in needed} <= ids


def test_no_case_is_without_a_turn_and_the_deep_profile_has_none() -> None:
    taking = [invariant for invariant in INVARIANTS.values() if topic(invariant)]
    assert all(any(PROFILES["quick"].asks(i, number) for i in taking) for number in range(25))
    assert all(PROFILES["deep"].asks(i, number) for i in taking for number in range(7))


def test_where_the_number_of_cases_is_asked_for_every_invariant_is_asked_of_each() -> None:
    only = ["symmetry", "agreement/step"]
    asked = {
        row[0]: tally.cases
        for row, tally in gruverify.check(
            "numpy", formats=[float32], max_cases=1, only=only
        ).tallies.items()
    }

    assert set(asked.values()) == {1}
    assert len(asked) > 5
