"""Campaigns come to the same whoever works on them, in whatever order, and how often they are
killed.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gruverify.arithmetic import float32
from gruverify.backends import resolve
from gruverify.campaigning import Campaign, Ending, Progress, Subject, Task, Total, Unit, work
from gruverify.engine import Result, merge, run
from gruverify.store import KeptUnit
from tests.campaigning._serial import PLAN, WRONG, Serial, campaign, kept

pytestmark = pytest.mark.uncounted


def found(ending: Ending, subjects: dict[str, Subject]) -> list[Result]:
    """The results, without their times."""
    return [timeless(ending.total.result(target)) for target in subjects]


def timeless(result: Result) -> Result:
    """The result without its times."""
    from dataclasses import replace

    return replace(result, seconds=0.0, cpu=None)


def test_a_unit_is_a_check_with_a_seed_of_its_own(
    both: dict[str, Subject], workers: Serial, tmp_path: Path
) -> None:
    ending = campaign(workers, kept(tmp_path), {"numpy": both["numpy"]}).run()
    results = [
        run(resolve("numpy"), unit.plan(PLAN), "numpy", lambda event: None)
        for unit in workers.worked
    ]

    header = both["numpy"].header
    from dataclasses import replace

    alone = merge([replace(result, header=header) for result in results])
    assert [unit.cases for unit in workers.worked] == [3, 3, 3, 3]
    assert timeless(ending.total.result("numpy")) == timeless(alone)


def test_a_unit_is_a_pure_function_of_its_key(both: dict[str, Subject], workers: Serial) -> None:
    task = Task(Unit(WRONG, float32, 1, 3), PLAN, both[WRONG], 60.0, 1 << 32)

    first = work(task)

    assert work(task).content == first.content
    workers.known[task.unit] = first
    assert len(first.content) < 200_000


def test_the_order_of_the_units_changes_nothing(
    both: dict[str, Subject], workers: Serial, known: dict[Unit, KeptUnit], tmp_path: Path
) -> None:
    forwards = campaign(workers, kept(tmp_path), both).run()
    other = Serial(known, backwards=True)
    backwards = campaign(other, kept(tmp_path, "other.db"), both).run()

    assert other.worked != workers.worked
    assert found(forwards, both) == found(backwards, both)
    shuffled = Total(both)
    for unit in random.Random(0).sample(workers.worked, len(workers.worked)):
        shuffled.add(unit, known[unit].content, 0.0)
    assert timeless(shuffled.result(WRONG)) == timeless(forwards.total.result(WRONG))
    assert (shuffled.first, shuffled.judgements) == (
        forwards.total.first,
        forwards.total.judgements,
    )


@pytest.mark.parametrize("guided", [False, True])
def test_a_campaign_that_is_interrupted_goes_on(
    both: dict[str, Subject], known: dict[Unit, KeptUnit], tmp_path: Path, guided: bool
) -> None:
    whole = campaign(Serial(known), kept(tmp_path, "whole.db"), both, guided=guided).run()
    first = Serial(known, stop_after=3)
    interrupted = campaign(first, kept(tmp_path), both, guided=guided).run()
    second, again = Serial(known), kept(tmp_path)
    told = list[Progress]()
    resumed = campaign(second, again, both, guided=guided)
    resumed.say = told.append
    ending = resumed.run()

    assert (interrupted.how, len(interrupted.missing)) == ("interrupted", 5)
    assert (ending.how, len(second.worked), told[-1].taken) == ("done", 5, 3)
    assert again.said.endswith("3 units from it")
    assert not set(first.worked) & set(second.worked)
    assert found(ending, both) == found(whole, both)


def test_a_campaign_that_is_done_asks_nothing_again(
    both: dict[str, Subject], workers: Serial, tmp_path: Path
) -> None:
    campaign(workers, kept(tmp_path), both).run()
    again = Serial()

    ending = campaign(again, kept(tmp_path), both).run()

    assert (again.worked, ending.how, ending.missing) == ([], "done", ())


def test_time_that_is_up_leaves_the_rest_and_says_so(
    both: dict[str, Subject], workers: Serial, tmp_path: Path
) -> None:
    late = campaign(workers, kept(tmp_path), both)
    late.hours = 1e-9

    ending = late.run()

    assert ending.how == "time was up"
    assert len(ending.missing) == 8
    result = ending.total.result("numpy", missing=ending.missing)
    assert result.verdict == "inconclusive"
    assert "no case was judged" in result.doubts[0]


def test_a_unit_that_nobody_can_work_on_is_told_and_missing(
    both: dict[str, Subject], known: dict[Unit, KeptUnit], tmp_path: Path
) -> None:
    lame = Serial(known, fails=(2,))

    ending = campaign(lame, kept(tmp_path), {"numpy": both["numpy"]}).run()

    assert [(each.unit.block, each.why) for each in ending.failed] == [(2, "nobody can")]
    assert [unit.block for unit in ending.missing] == [2]
    doubts = ending.total.result("numpy", missing=ending.missing).doubts
    assert "float32: 9 of 12 cases of cells judged: time was up" in doubts


def test_the_last_unit_has_what_is_left(both: dict[str, Subject], tmp_path: Path) -> None:
    odd = Campaign(both, PLAN, 8, 3, False, Serial(), kept(tmp_path), 60.0)

    assert [unit.cases for unit in odd._all() if unit.target == "numpy"] == [3, 3, 2]
    assert [task.unit.target for task in odd.tasks()] == ["numpy", WRONG]
