"""A campaign on a terminal, while it goes on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from gruverify.campaigning import Progress, Total
from gruverify.coverage import Coverage
from gruverify.engine import Result
from gruverify.reporting.campaign import CampaignView

HEADER = {"target": "numpy", "formats": ["float32"]}


@pytest.fixture
def progress() -> Progress:
    """One of four units is done."""
    coverage = {"float32": Coverage({"z×r×c": np.ones((8, 8, 6), np.int64)})}
    result = Result(HEADER, {}, {}, True, 0.0, coverage=coverage)
    total = Total({}, {"numpy": result}, cases=1200, judgements=34567, failures=2, cpu=5.0)
    return Progress(total, 1, 4, 0, {"tcp://one": (1, 5.0)})


def shown(progress: Progress, *, terminal: bool) -> str:
    """What is written."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200)
    with CampaignView(console) as view:
        view(progress)
        if view._status is not None:
            view._status.stop()
            console.print(view._status.status)
    return out.getvalue()


def test_a_terminal_shows_what_was_found_and_each_worker(progress: Progress) -> None:
    said = shown(progress, terminal=True)

    assert "1 of 4 units, 1,200 cases, 34,567 judgements, 2 failures, gates 100.0 %" in said
    assert "tcp://one: 1 units, 5.0 CPU s" in said


def test_elsewhere_there_is_a_line_now_and_then(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(progress, terminal=False) == ""
    monkeypatch.setattr("gruverify.reporting.campaign._console._SELDOM", -1.0)
    assert shown(progress, terminal=False).startswith("1 of 4 units, 1,200 cases,")


def test_a_target_that_dies_at_once_has_covered_nothing() -> None:
    total = Total({}, {"mine": Result(HEADER, {}, {}, True, 0.0)})

    said = shown(Progress(total, 1, 4, 0, {}), terminal=True)

    assert "gates 0.0 %, sizes 0.0 %" in said
