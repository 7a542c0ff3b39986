"""An xfails file that is brought up to date: what fails is in it, and what its author wrote
stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gruverify import Result, check
from gruverify.backends import NumpyBackend
from gruverify.engine import EVERYTHING, Drawn, Flaky, Tally, read_entries, updated_xfails

PASSES, FAILS = Tally(passed=4, largest=0.5), Tally(passed=1, falsified=3, largest=12.5)
RAISED, SKIPPED = (
    Tally(error=2, reason="step raised ZeroDivisionError: no\n gate"),
    Tally(mark="skip"),
)
BLOCKED, LACKING, NOTHING = (
    Tally(blocked=2),
    Tally(reason="the backend has no sequence"),
    Tally(unclaimed=4),
)
STEP, VJP, BOX = "agreement/step", "agreement/step-vjp", "bounds/box"
NUMPY = NumpyBackend()


def result(tallies: dict[tuple[str, str], Tally], *, judged: int = 4, **changes: Any) -> Result:
    """A result of float32 and float64."""
    header = {
        "target": "mine",
        "formats": ["float32", "float64"],
        "selection": EVERYTHING.values(),
        "methods": [],
    }
    keyed = {(id, fmt, "-"): tally for (id, fmt), tally in tallies.items()}
    return Result(
        header, keyed, {}, True, 1.0, drawn={("float32", "cells"): Drawn(4, judged)}, **changes
    )


def both(tally: Tally, id: str = STEP) -> dict[tuple[str, str], Tally]:
    """It in both formats."""
    return {(id, "float32"): tally, (id, "float64"): tally}


def updated(text: str, found: Result, **options: Any) -> list[str]:
    """The lines of a file that had this text."""
    return updated_xfails(text, found, **options)[0].splitlines()


def test_what_fails_is_a_line_with_its_formats_and_why() -> None:
    tallies = {**both(FAILS), (BOX, "float32"): PASSES, (BOX, "float64"): RAISED}

    head, *lines = updated("", result(tallies))

    assert head.startswith("# ")
    assert lines == [
        "agreement/step f32,f64  # error up to 12.5 times the bound in float32",
        "bounds/box f64  # step raised ZeroDivisionError: no gate",
    ]


def test_what_does_not_repeat_is_said_to_be_flaky() -> None:
    flaky = {(STEP, "float32"): Flaky(2, 5, "random", "so")}

    *_, line = updated("", result({(STEP, "float32"): FAILS}, flaky=flaky))

    assert line.startswith(
        "agreement/step f32  # flaky: failed in 2 of 5 calls with the same arguments"
    )


@pytest.mark.parametrize(
    "reason", ["a\nb\u2028c\x1dd\x85e", "\ud800", "x" * 5000, "# ##", "\x1b[2J"]
)
def test_any_reason_is_one_line_that_can_be_written_and_read_again(
    tmp_path: Path, reason: str
) -> None:
    text, _ = updated_xfails("", result({(STEP, "float32"): Tally(error=1, reason=reason)}))
    file = tmp_path / "xfails.txt"
    file.write_text(text, encoding="utf-8")

    [entry] = read_entries(file)

    assert (entry.pattern, entry.formats) == (STEP, ("float32",))
    assert len(text.splitlines()[-1]) < 200
    assert "\x1b" not in text


KNOWN = """\
# Known, and why.

# the accumulator is a half
agreement/step    f32,f64   # see #12: half
"""


def test_what_still_fails_stays_as_it_was_written() -> None:
    assert updated(KNOWN, result(both(FAILS))) == KNOWN.splitlines()
    assert updated("agreement/step # always\n", result(both(FAILS))) == ["agreement/step # always"]
    assert updated("agreement", result({**both(FAILS), (VJP, "float32"): LACKING})) == ["agreement"]


def test_what_no_longer_fails_goes_with_the_comment_above_it() -> None:
    assert updated(KNOWN, result(both(PASSES))) == ["# Known, and why.", ""]
    assert updated("agreement/step\n", result(both(PASSES))) == []


def test_a_comment_stays_for_the_lines_that_are_left() -> None:
    text = "# both\nagreement/step\nbounds/box  # for now\n"

    assert updated(text, result({**both(FAILS), **both(PASSES, BOX)})) == [
        "# both",
        "agreement/step",
    ]


def test_a_line_about_more_than_fails_is_made_narrower_and_keeps_its_reason() -> None:
    tallies = {
        **both(FAILS),
        **both(PASSES, VJP),
        (BOX, "float32"): PASSES,
        (BOX, "float64"): FAILS,
    }

    assert updated("agreement/step*  # why\nbounds/box # because", result(tallies))[:1] == [
        "agreement/step f32,f64  # why"
    ]
    assert updated(
        "bounds/box  # because", result({(BOX, "float32"): PASSES, (BOX, "float64"): FAILS})
    ) == ["bounds/box f64  # because"]


def test_what_the_run_was_not_about_is_left_alone() -> None:
    known = ["bounds/box  # why", "agreement/step f16"]

    lines = updated("\n".join(known), result(both(FAILS)), all_formats=False)
    assert lines[:2] == known
    assert lines[2].startswith("agreement/step f32,f64  # error")


@pytest.mark.parametrize("tally", [SKIPPED, BLOCKED, LACKING, NOTHING])
def test_what_was_not_judged_is_left_alone(tally: Tally) -> None:
    assert updated("agreement/step  # why", result(both(tally))) == ["agreement/step  # why"]


def test_formats_that_were_not_asked_for_stay_expected() -> None:
    some = result({(STEP, "float32"): PASSES, (STEP, "float64"): PASSES})

    assert updated("agreement/step  # why", some, all_formats=False) == [
        "agreement/step f16,bf16  # why"
    ]
    assert updated("agreement/step  # why", some) == []


def test_a_run_that_did_not_come_to_all_its_cases_takes_nothing_out() -> None:
    assert updated("agreement/step", result(both(PASSES), judged=3)) == ["agreement/step"]


def test_what_fails_in_all_formats_has_none_named() -> None:
    tallies = {(STEP, fmt): FAILS for fmt in ("float16", "bfloat16", "float32", "float64")}

    assert updated("", result(tallies), all_formats=False)[1].startswith("agreement/step  # error")


def test_doing_it_twice_changes_nothing_more() -> None:
    found = result({**both(FAILS), (BOX, "float64"): RAISED})
    once, _ = updated_xfails(KNOWN, found)

    assert updated_xfails(once, found)[0] == once


def test_it_is_counted() -> None:
    assert (
        updated_xfails(KNOWN, result({**both(FAILS), **both(RAISED, BOX)}))[1]
        == "has 2 entries: 1 new, 1 before"
    )


# -- there and back --------------------------------------------------------------------------------


def inverted(cell: Any, x: Any, h: Any) -> Any:
    """A step that is wrong throughout."""
    return -NUMPY.step(cell, x, h)


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("text", ["", "agreement  # known\nbounds/b*\n", "# none\n"])
def test_a_run_that_expects_what_failed_passes(tmp_path: Path, text: str, strict: bool) -> None:
    options: dict[str, Any] = {
        "formats": "f16,f32",
        "max_cases": 3,
        "only": ["agreement", "bounds"],
    }
    first = check(inverted, shrink=False, **options)
    file = tmp_path / "xfails.txt"
    file.write_text(updated_xfails(text, first)[0], encoding="utf-8")

    again = check(inverted, xfails_files=[file], strict=strict, **options)

    assert first.verdict == "falsified"
    assert (again.verdict, again.unexpected, again.witnesses) == ("conforms", (), {})
    assert updated_xfails(file.read_text(encoding="utf-8"), again)[0] == file.read_text(
        encoding="utf-8"
    )
