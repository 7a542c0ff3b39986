"""Formats in processes of their own."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

import gruverify
from gruverify import Result, UnknownTarget, bfloat16, float16, float32, float64
from gruverify.engine import (
    Alive,
    CaseJudged,
    Event,
    FormatFinished,
    Plan,
    Shrunk,
    check_in_processes,
    selection,
)

from ._drawn import plain

pytestmark = pytest.mark.uncounted

FORMATS = (float16, float32)


def formats_judged(result: Result) -> set[str]:
    """The formats with cases."""
    return {fmt for (_, fmt, _), tally in result.tallies.items() if tally.passed}


@pytest.mark.parametrize("jobs", [1, 9])
def test_the_result_does_not_depend_on_the_number_of_processes(planted: str, jobs: int) -> None:
    target, plan = f"{planted}:raises", Plan(formats=FORMATS, max_cases=3, seed=2)
    events: list[Event] = []

    result = check_in_processes(target, plan, jobs, events.append)

    alone = gruverify.check(target, formats=FORMATS, max_cases=3, seed=2)
    assert plain(replace(result, seconds=0.0, cpu=0.0)) == plain(
        replace(alone, seconds=0.0, cpu=0.0)
    )
    assert result.cpu is not None
    assert result.cpu > 0
    assert sum(isinstance(event, CaseJudged) for event in events) == 6
    assert {event.format for event in events if isinstance(event, FormatFinished)} == {
        "float16",
        "float32",
    }
    assert sum(isinstance(event, Shrunk) for event in events) == len(result.witnesses) > 0


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        pytest.param("dies", "ended with code 7", id="leaves"),
        pytest.param("is_killed", "was killed by signal 9 (SIGKILL)", id="killed"),
    ],
)
def test_a_process_that_dies_takes_nothing_else_down(planted: str, fault: str, how: str) -> None:
    target = f"{planted}:{fault}"

    result = check_in_processes(
        target, Plan(formats=(*FORMATS, bfloat16), max_cases=2, seed=3), 2, lambda event: None
    )

    assert all(crash.startswith(f"the process {how} in step at H=") for crash in result.crashes)
    died = [(id, fmt) for (id, fmt, _), tally in result.tallies.items() if tally.status == "died"]
    assert {fmt for _, fmt in died} == {"float32"}
    assert all(
        any(f"asked by {id}, under {target}, in float32" in crash for crash in result.crashes)
        for id, _ in died
    )
    assert len(died) == len(result.crashes) >= 1
    assert formats_judged(result) == {"float16", "bfloat16"}
    assert result.verdict == "died"
    assert result.complete


def test_after_a_death_the_other_formats_of_the_process_are_kept_and_run(planted: str) -> None:
    formats = (float16, float32, float64)
    events: list[Event] = []

    result = check_in_processes(
        f"{planted}:dies_or_raises", Plan(formats=formats, max_cases=2), 1, events.append
    )

    alone = gruverify.check(f"{planted}:raises", formats=[float16, float64], max_cases=2)
    assert {
        key: tally for key, tally in result.tallies.items() if key[1] != "float32"
    } == alone.tallies
    assert set(result.witnesses) == set(alone.witnesses)
    assert [event.format for event in events if isinstance(event, FormatFinished)] == [
        "float16",
        "float32",
        "float64",
    ]


def test_ctrl_c_in_the_parent_brings_home_what_there_is(planted: str) -> None:
    seen: list[Event] = []

    def listener(event: Event) -> None:
        seen.append(event)
        if len(seen) == 3:
            raise KeyboardInterrupt

    result = check_in_processes(
        f"{planted}:right", Plan(formats=FORMATS, max_cases=100_000), 1, listener
    )

    assert (result.complete, result.verdict) == (False, "interrupted")
    assert 1 <= max(tally.cases for tally in result.tallies.values()) < 100_000


def test_the_threads_of_the_parent_are_not_touched(
    planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    check_in_processes(
        f"{planted}:right", Plan(formats=(float16,), max_cases=1), 1, lambda event: None
    )
    assert "OMP_NUM_THREADS" not in os.environ

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    check_in_processes(
        f"{planted}:right", Plan(formats=(float16,), max_cases=1), 1, lambda event: None
    )
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_what_cannot_run_is_refused_before_a_process_starts() -> None:
    with pytest.raises(UnknownTarget, match="did you mean numpy"):
        check_in_processes("nunpy", Plan(), 2, lambda event: None)
    with pytest.raises(ValueError, match="max_cases=0 must be at least 1"):
        check_in_processes("numpy", Plan(max_cases=0), 2, lambda event: None)


@pytest.mark.slow
def test_a_target_that_gives_no_answer_is_stopped_and_the_run_goes_on(planted: str) -> None:
    target, plan = f"{planted}:hangs", Plan(formats=(float32, float64), max_cases=2, seed=3)

    result = check_in_processes(target, plan, 1, lambda event: None, patience=6.0)

    assert all(
        crash.startswith("the process gave no answer for 6 s and was stopped in step")
        for crash in result.crashes
    )
    assert result.verdict == "died"
    assert formats_judged(result) == {"float64"}


def test_what_a_target_does_not_die_of_is_asked_all_the_same(planted: str) -> None:
    plan = Plan(
        formats=(float32,),
        max_cases=3,
        selection=selection(only=["agreement", "contract/shape-sequence"]),
    )

    result = check_in_processes(f"{planted}:Fragile", plan, 1, lambda event: None)

    statuses = {
        id: tally.status
        for (id, _, _), tally in result.tallies.items()
        if tally.status != "not applicable"
    }
    assert statuses["agreement/step"] == statuses["agreement/gradient-inputs"] == "passed"
    assert len(result.crashes) == 1
    assert [id for id, status in statuses.items() if status == "died"] == [
        "contract/shape-sequence"
    ]
    assert statuses["agreement/outputs"] == "blocked"


def test_a_slow_target_is_heard_while_it_works(planted: str) -> None:
    events: list[Event] = []

    check_in_processes(
        f"{planted}:slow",
        Plan(formats=(float32,), max_cases=1, seed=3, selection=selection(only=["agreement/step"])),
        1,
        events.append,
    )

    assert Alive("float32") in events
