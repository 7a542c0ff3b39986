"""gruverify check --events: JSON lines to a file or standard output, whatever becomes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ._invoke import check, one_line

ONLY = ("--only", "agreement/step")


@pytest.mark.uncounted
def test_a_file_of_events(here: Path) -> None:
    check("numpy", *ONLY, "--events", "events.jsonl")

    events = [json.loads(line) for line in Path("events.jsonl").read_text().splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["started", "finished"]
    assert events[-1]["verdict"] == "inconclusive"  # for one invariant and so few cases


@pytest.mark.uncounted
def test_events_have_standard_output_for_themselves(here: Path) -> None:
    result = check("numpy", *ONLY, "--events", "-")

    assert [json.loads(line)["event"] for line in result.stdout.splitlines()][-1] == "finished"
    assert "\ninconclusive" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_ends_the_log_and_not_the_run(here: Path) -> None:
    result = check("numpy", *ONLY, "--events", "/dev/full")

    assert result.exit_code == 6
    assert result.stderr.count("No space left on device; the run goes on") == 1


def test_what_cannot_be_is_said_at_once(here: Path) -> None:
    both = one_line(check("numpy", "--events", "-", "--json", "-"))
    assert both == "--json - and --events -: only one of them can be standard output"
    nowhere = one_line(check("numpy", "--events", "nodir/events"))
    assert nowhere == "--events nodir/events: there is no directory nodir"
