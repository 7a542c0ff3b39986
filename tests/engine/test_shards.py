"""Formats in processes of their own."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

import gruverify
from gruverify import Format, Result, UnknownTarget, bfloat16, float16, float32, float64
from gruverify.backends import Call
from gruverify.engine import (
    Alive,
    CaseJudged,
    Event,
    FormatFinished,
    Plan,
    Shrunk,
    SoFar,
    check_in_processes,
    selection,
)
from gruverify.engine._shard_process import Unread
from gruverify.engine._shards import Crew, Shard

from ._drawn import plain
from ._planted import inverted

pytestmark = pytest.mark.uncounted

FORMATS = (float16, float32)


def formats_judged(result: Result) -> set[str]:
    """The formats with cases."""
    return {fmt for (_, fmt, _), tally in result.tallies.items() if tally.passed}


@pytest.mark.slow
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
    assert result.seconds > 0
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


# -- what is left of a process that ended ----------------------------------------------------------


@dataclass
class Ended:
    """A child that has ended, in a call or outside all of them."""

    in_flight: Call | None = None
    ending: str = "was killed by signal 9 (SIGKILL)"

    def close(self, grace: float) -> None:
        """There is nothing to end."""


def buried(child: Ended, *, complete: bool = True) -> tuple[Crew, Shard, Result]:
    """A process that was told of, and the result that its end leaves: it had finished float16, was
    in float32, where something had failed, and had yet to begin float64.
    """
    found = gruverify.check(inverted, formats=[float32], max_cases=2, only="agreement/step")
    so_far = SoFar(
        "float32", found.tallies, found.witnesses, found.coverage["float32"], found.drawn
    )
    unread = Unread(pickle.dumps(so_far))
    shard = Shard((*FORMATS, float64), cast(Any, child), "float32", so_far=unread)
    plan = Plan(formats=shard.formats, max_cases=2)
    header = {**found.header, "formats": [fmt.name for fmt in shard.formats]}
    crew = Crew("mine", plan, header, lambda event: None, None, 1.0, complete=complete)
    crew.shards.append(shard)
    crew._bury(shard, child.ending)
    assert shard.result is not None
    return crew, shard, shard.result


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Format, ...]]:
    """The formats that other processes are started for, in place of starting them."""
    asked: list[tuple[Format, ...]] = []
    monkeypatch.setattr(Crew, "start", lambda self, formats: asked.append(formats))
    return asked


def test_what_failed_is_kept_of_a_format_that_nobody_begins_again(
    begun: list[tuple[Format, ...]],
) -> None:
    _, _, result = buried(Ended(in_flight=None))

    assert begun == [(float64,)]
    assert result.verdict == "died"
    assert ("agreement/step", "float32") in result.witnesses


def test_what_failed_is_found_anew_in_a_format_that_is_begun_again(
    begun: list[tuple[Format, ...]],
) -> None:
    call = Call("agreement/step", "step", "H=1, I=1")
    crew, _, result = buried(Ended(call))

    assert begun == [(float32, float64)]
    assert [death.call for death in crew.plan.deaths] == [call]
    assert not result.witnesses


def test_after_an_interrupt_no_process_is_started(begun: list[tuple[Format, ...]]) -> None:
    _, _, result = buried(Ended(Call("agreement/step", "step", "H=1, I=1")), complete=False)

    assert begun == []
    assert ("agreement/step", "float32") in result.witnesses


def test_the_command_that_repeats_a_death_draws_the_case_again() -> None:
    header = {"formats": ["float32"]}
    shard = Shard((float32,), cast(Any, Ended()), "float32", number=4)

    def obituary(plan: Plan) -> str:
        return Crew("mine", plan, header, print, None, 1.0)._obituary(shard, "ended", "")

    assert " --max-cases 5 " in obituary(Plan(max_cases=200))
    # The surveys come first where time is short, and only with so many cases.
    assert " --max-cases 200 " in obituary(Plan(max_cases=200, time_budget=9.0))
