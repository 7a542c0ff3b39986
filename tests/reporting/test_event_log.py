"""What happens in a run as JSON lines: each can be read by itself, and the last has the verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest

import gruverify
from gruverify import float32
from gruverify.faults import FAULTS
from gruverify.reporting import EventLog


def logged(target: Any) -> list[dict[str, Any]]:
    """The lines of a short run."""
    lines: list[str] = []
    log = EventLog(lines.append)
    result = gruverify.check(
        target, formats=[float32], max_cases=3, only=["agreement/step"], listener=log
    )
    log.finish(result)
    return [json.loads(line) for line in lines]


def test_a_run_that_conforms() -> None:
    first, *rest, last = logged("numpy")

    assert (first["event"], first["header"]["target"]) == ("started", "numpy")
    numbers = [line["number"] for line in rest if line["event"] == "case"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 3
    assert rest[-1]["event"] == "format_finished"
    assert rest[-1]["statuses"].keys() == {"passed"}
    assert (last["event"], last["complete"]) == ("finished", True)
    assert last["verdict"] == "inconclusive"  # for one invariant and so few cases
    seconds = [line["seconds"] for line in (first, *rest, last)]
    assert seconds == sorted(seconds)


@pytest.mark.uncounted
def test_a_failure_and_its_smallest_case() -> None:
    lines = logged(FAULTS["inverted-update-gate"].build())

    failure = next(line for line in lines if line["event"] == "first_failure")
    assert failure["text"].startswith("agreement/step")
    smallest = next(line for line in lines if line["event"] == "shrunk")
    assert (smallest["invariant"], smallest["format"]) == ("agreement/step", "float32")
    assert set(smallest["sizes"]) == set("HIBT")
    assert smallest["margin"] > 1
    assert lines[-1]["verdict"] == "falsified"
