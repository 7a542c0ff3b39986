"""Runs of a store: entered, found again, ended."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gruverify.engine import CasesJudged, JudgedCase, Plan
from gruverify.store import BadStore, File, Kept, OtherRun, document_of, runs_of

HEADER: dict[str, Any] = {
    "target": "mine:step",
    "backend": "step",
    "methods": ["step"],
    "declarations": {},
    "variants": [],
    "versions": {"numpy": "2"},
    "formats": ["float32"],
    "replayed": {"tried": 0, "left_out": []},
}
CONFORMS = {"verdict": "conforms", "timing": {"seconds": 1.0}}
INTERRUPTED = {"verdict": "interrupted", "timing": {"seconds": 0.5}}
SOURCES = {"mine": "digest"}
PLAN = Plan()


@pytest.fixture
def file(tmp_path: Path) -> File:
    """A store."""
    return File(tmp_path / "runs.db", writable=True)


def begun(file: File, plan: Plan = PLAN, *, resume: bool = False, **sources: str) -> Kept:
    """A run that has begun."""
    kept = Kept(file, resume=resume)
    kept.begin(plan, HEADER, sources or SOURCES)
    return kept


def case(number: int, found: bytes = b"") -> CasesJudged:
    """A case that was judged in half a second."""
    return CasesJudged("float32", (JudgedCase("f00", number, found, 0.5),))


def test_each_run_is_one_of_its_own_and_keeps_its_cases(file: File) -> None:
    one, other = begun(file), begun(file)
    one.keep(case(0))
    other.keep(case(0))
    other.keep(case(1))

    assert [(run.number, run.verdict, run.cases, run.cpu) for run in runs_of(file)] == [
        (1, None, {"float32": 1}, 0.5),
        (2, None, {"float32": 2}, 1.0),
    ]


def test_what_is_judged_again_takes_the_place_of_what_was(file: File) -> None:
    kept = begun(file)
    kept.keep(case(0, b"old"))
    kept.keep(case(0, b"new"))

    taken = Kept(file, resume=True).begin(Plan(), HEADER, SOURCES)

    assert taken.judged == {"float32": {("f00", 0): b"new"}}
    assert taken.header == HEADER


def test_the_newest_run_that_is_not_finished_is_gone_on_with(file: File) -> None:
    for ended in (INTERRUPTED, INTERRUPTED, CONFORMS):
        begun(file).end(ended, {})

    assert begun(file, resume=True).number == 2


def test_a_finished_run_stays_finished_when_it_is_taken_over_and_interrupted(file: File) -> None:
    begun(file).end(CONFORMS, {"cpu_seconds": 1.0})
    begun(file, resume=True).end(INTERRUPTED, {})

    [run] = runs_of(file)
    assert (run.verdict, run.figures) == ("conforms", {"cpu_seconds": 1.0})
    assert document_of(file, -1) == CONFORMS


def test_a_run_of_other_sources_is_begun_anew(file: File) -> None:
    begun(file).keep(case(0))

    kept = begun(file, resume=True, mine="another digest", helping="digest")

    [said] = kept.said
    assert kept.number == 2
    assert said.endswith("everything is run again: changed since: the source of mine, helping")


def test_catches_other_options(file: File) -> None:
    begun(file)

    with pytest.raises(
        OtherRun,
        match=r"^run 1 \(.* UTC\) of mine:step in .* has --seed 0, not --seed 4; no --time-b",
    ):
        begun(file, Plan(seed=4, time_budget=2.5), resume=True)


def test_catches_what_cannot_be_read(file: File) -> None:
    begun(file)
    with closing(sqlite3.connect(file.path)) as connection:
        connection.execute("UPDATE run SET options = '{'")
        connection.commit()

    with pytest.raises(BadStore, match="is damaged or was cut short"):
        begun(file, resume=True)
    with pytest.raises(BadStore, match="is damaged or was cut short"):
        runs_of(file)
