"""A wrong GRU is told at once, and nothing found is lost with the console."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gruverify import check as checked
from gruverify.engine import CaseJudged, Event, FirstFailure, FormatStarted

from ._invoke import check

FAULT = "gruverify.faults:inverted-update-gate"
ONLY = ("--only", "agreement", "--max-cases", "6")


@pytest.mark.uncounted
def test_the_first_failure_of_a_format_comes_before_the_next_case() -> None:
    events = list[Event]()
    plan: Any = {"formats": "f32,f64", "max_cases": 4, "only": "agreement", "shrink": False}
    checked(FAULT, **plan, listener=events.append)

    told = [i for i, event in enumerate(events) if isinstance(event, FirstFailure)]
    assert [events[i].format for i in told] == ["float32", "float64"]  # type: ignore[union-attr]
    for i in told:
        first = events[i]
        assert isinstance(first, FirstFailure)
        before = [
            event.number
            for event in events[:i]
            if isinstance(event, CaseJudged) and event.format == first.format
        ]
        assert first.number == len(before) + 1
        assert first.text.startswith("agreement/")
        assert any(isinstance(event, FormatStarted) for event in events[:i])


@pytest.mark.slow
@pytest.mark.uncounted
def test_the_first_failure_is_printed_with_its_numbers(here: Path) -> None:
    printed = check(FAULT, *ONLY, "--no-shrink").stdout
    first = printed[printed.index("failed in float32, case ") :]
    assert "\n  must be " in first
    assert printed.index("failed in float32") < printed.index("worst margin")


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("-x",), 1),
        pytest.param(("--max-failures", "3"), 3, marks=pytest.mark.slow),
        # With the likely cause.
        ((), 6),
        pytest.param(("--keep-going",), None, marks=pytest.mark.slow),
    ],
)
def test_a_format_ends_after_so_many_failures_or_goes_on(
    here: Path, options: tuple[str, ...], count: int | None
) -> None:
    result = check(FAULT, *ONLY, "--format", "f32,f64", *options, "--json", "found.json")
    document = json.loads(Path("found.json").read_text())

    assert result.exit_code == 1
    failed = [row for row in document["invariants"] if row["status"] == "falsified"]
    assert len(failed) >= (count or 6)
    assert ("--keep-going draws the rest" in result.stdout) == (options == ())
    drawn = [each for each in document["drawn"] if each["kind"] == "cells"]
    assert all((each["judged"] < each["planned"]) == (count is not None) for each in drawn)


@pytest.mark.parametrize(
    "options", [("-x", "--max-failures", "3"), ("-x", "--keep-going")], ids=" ".join
)
def test_options_that_contradict_each_other_are_an_error(options: tuple[str, ...]) -> None:
    result = check(FAULT, *options)

    assert result.exit_code == 2
    assert "give one of them" in result.stderr


@pytest.mark.slow
@pytest.mark.uncounted
def test_without_shrinking_the_witness_is_a_case_that_was_drawn() -> None:
    drawn = checked(
        FAULT, formats="f32", max_cases=5, only="agreement/step", shrink=False
    ).witnesses
    small = checked(FAULT, formats="f32", max_cases=5, only="agreement/step").witnesses

    assert set(small["agreement/step", "float32"].case.sizes.values()) == {1}
    assert max(drawn["agreement/step", "float32"].case.sizes.values()) > 1


@pytest.mark.uncounted
@pytest.mark.slow
def test_what_a_cause_explains_folds_under_it(here: Path) -> None:
    printed = check(FAULT, *ONLY).stdout
    assert " more, all explained by the likely cause: -v prints them" in printed
    assert printed.count("  replay: ") == 1

    few = (*ONLY, "--no-shrink")
    assert check(FAULT, *few, "-v").stdout.count("  replay: ") > 5
    assert check(FAULT, *few, "--max-witnesses", "3").stdout.count("  replay: ") == 3


def test_bad_counts_are_one_line(here: Path) -> None:
    assert "0 is not in the range" in check(FAULT, "--max-failures", "0").stderr
    assert "0 is not in the range" in check(FAULT, "--max-witnesses", "0").stderr
    with pytest.raises(ValueError, match="max_failures=0 must be at least 1"):
        checked(FAULT, max_failures=0)


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("target", "code"), [pytest.param("numpy", 0, marks=pytest.mark.slow), (FAULT, 1)]
)
def test_a_closed_console_changes_no_exit_code_and_loses_nothing(
    tmp_path: Path, target: str, code: int
) -> None:
    options = (
        "--format",
        "f32",
        "--max-cases",
        "5",
        "--jobs",
        "1",
        "--only",
        "agreement",
        "--no-shrink",
        "--json",
        "found.json",
    )
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "gruverify", "check", target, *options]
    run = subprocess.run(
        command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)

    assert (run.returncode, run.stderr) == (code, "")
    verdict = json.loads((tmp_path / "found.json").read_text())["verdict"]
    assert verdict == {0: "conforms", 1: "falsified"}[code]


@pytest.mark.slow
@pytest.mark.uncounted
def test_a_console_that_cannot_encode_changes_no_exit_code(tmp_path: Path) -> None:
    options = ("--format", "f32", "--max-cases", "5", "--jobs", "1", "--only", "agreement")
    command = [sys.executable, "-m", "gruverify", "check", "numpy", *options]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert "seed 0 \\xb7 profile default" in run.stdout
