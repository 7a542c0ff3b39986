"""What becomes of a fault: by what it is caught, when, and in how small a case."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest

from gruverify import VARIANTS, float32, float64
from gruverify.engine import Plan, Profile, judge
from gruverify.faults import EQUIVALENTS, FAULTS, Fault
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty
from gruverify.invariants import INVARIANTS
from gruverify.matrix import Fate, entries, fate, kill_matrix
from gruverify.reporting.matrix import decode_matrix, matrix_document

from ..invariants._drawn import drawn

pytestmark = [pytest.mark.uncounted, pytest.mark.slow]

AFTER = tuple(variant for variant in VARIANTS if variant.reset == "after")
PLAN = Plan(profile="quick", max_cases=2)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Fault]:
    """Two entries of the bank that it should not have: a fault that is none, and a rewrite that is
    a fault.
    """
    faults: dict[str, Fault] = {}
    rewrites: dict[str, Fault] = {}

    def no_fault() -> Faulty:
        """Right."""
        return Faulty()

    def no_rewrite() -> Faulty:
        """Wrong."""
        return Faulty(step=lambda h, *_: h + h.dtype.type(0.5))

    fault("forward", "h", touches="FWD", into=faults)(no_fault)
    fault("forward", "h", touches="", into=rewrites)(no_rewrite)
    for bank, entry in ((FAULTS, faults["no-fault"]), (EQUIVALENTS, rewrites["no-rewrite"])):
        monkeypatch.setitem(bank, entry.id, entry)
    return {**faults, **rewrites}


def test_fate_agrees_with_judging_case_by_case() -> None:
    backend = FAULTS["jacobian-transposed"].build(AFTER)
    plan = replace(PLAN, max_cases=4)
    cases = [
        case
        for format in (float32, float64)
        for case in drawn(format, backend.variants, plan.cases)
    ]
    turns = Profile("every third", plan.cases, turns=3, duties=3, stack_turns=1)
    expected: dict[str, int] = {}
    for number, case in enumerate(cases, 1):
        asked = [i for i in INVARIANTS.values() if turns.asks(i, (number - 1) % plan.cases)]
        failed = (j.invariant.id for j in judge(case, backend, asked) if j.failed)
        expected = dict.fromkeys(failed, number) | expected
    found = fate("jacobian-transposed", "after", plan, columns=8)
    assert found.kills == expected
    assert found.cases == min(expected.values()) == found.kills[found.first]
    assert found.sizes == {"H": 2, "I": 1, "B": 1, "T": 1}


def test_survivor_and_false_alarm_are_told(planted: dict[str, Fault]) -> None:
    matrix = kill_matrix(entries(list(planted)), PLAN, jobs=1)
    assert [f.fault for f in matrix.survivors] == ["no-fault"] * 2
    assert {f.fault for f in matrix.false_alarms} == {"no-rewrite"}
    assert matrix.summary()["caught"] == 0
    assert matrix.summary()["false alarms"] == 2
    assert matrix.cover.invariants == ()


def test_seed_and_processes_decide_nothing_but_the_time() -> None:
    wanted = entries(["outputs-reversed-in-time", "update-gate-ignored"])
    seen: list[str] = []
    one = kill_matrix(wanted, PLAN, 1, lambda f: seen.append(f.fault))
    two = kill_matrix(wanted, PLAN, jobs=2)
    assert len(seen) == len(wanted) == 4
    assert [(f.fault, f.reset, f.kills, f.sizes) for f in one.fates] == [
        (f.fault, f.reset, f.kills, f.sizes) for f in two.fates
    ]


def test_what_an_invariant_catches_alone() -> None:
    matrix = kill_matrix(entries(["step-as-lists", "update-gate-above-one"]), PLAN, jobs=1)
    assert matrix.alone()["contract/shape-step"] == ["step-as-lists"]
    assert "bounds/between" in matrix.catches()


def test_entries_have_the_sides_that_their_variants_have() -> None:
    assert entries(["reset-slope-of-the-state"]) == [("reset-slope-of-the-state", "after")]
    with pytest.raises(ValueError, match="fault 'nothing' is unknown"):
        entries(["nothing"])


def test_an_interrupted_matrix_has_what_was_done_and_leaves_no_process_behind() -> None:
    def listener(fate: Fate) -> None:
        raise KeyboardInterrupt

    wanted = entries(["step-as-lists", "update-gate-above-one"])
    matrix = kill_matrix(wanted, PLAN, 2, listener)

    assert not matrix.complete
    assert len(matrix.fates) == 1
    assert decode_matrix(matrix_document(matrix)).complete is False
    for process in multiprocessing.active_children():  # they were told to end, and do
        process.join(60)
    assert multiprocessing.active_children() == []
