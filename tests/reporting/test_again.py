"""What every rendering says of failures that do not repeat, and of saved witnesses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gruverify import Result
from gruverify.engine import FirstFailure, Flaky, NotRepeated, Replay
from gruverify.reporting import (
    BadResult,
    document,
    dumps,
    junit,
    markdown,
    parse_document,
    print_first_failure,
    print_header,
    print_not_repeated,
    print_result,
)
from gruverify.reporting.page import result_page

from ._results import HEADER, falsified, printed

FLAKY = Flaky(2, 5, "random", "so")
STEP = "agreement/step"
REPLAYED = {"tried": 2, "left_out": ["old.json is not JSON: <b>[/]"]}


def flaky(**changes: Any) -> Result:
    """A result with a failure that does not repeat, and with saved witnesses."""
    replays = (Replay(STEP, "float32", "failed"), Replay("bounds/box", "float64", "held"))
    header = {**HEADER, "replayed": REPLAYED}
    return falsified(
        **{"flaky": {(STEP, "float32"): FLAKY}, "replays": replays, "header": header, **changes}
    )


def on_console(shown: Result) -> str:
    """What a terminal shows."""
    return printed(lambda console: print_result(console, shown, {}), width=400)


RENDERINGS: dict[str, Callable[[Result], str]] = {
    "console": on_console,
    "page": lambda shown: result_page(document(shown)).replace("&#39;", "'"),
    "JUnit": lambda shown: junit([document(shown)]),
    "Markdown": lambda shown: markdown([document(shown)]).replace("\\", ""),
}


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_each_says_how_often_it_failed_and_what_became_of_witnesses(rendering: str) -> None:
    said, plain = RENDERINGS[rendering](flaky()), RENDERINGS[rendering](falsified())

    assert "agreement/step in float32 failed in 2 of 5 calls with the same arguments" in said
    assert "the target's answers are random, or depend on more than the arguments (so)" in said
    assert "flaky" not in plain.lower()
    if rendering != "JUnit":
        assert "1 of 2 saved witnesses no longer fail: bounds/box in float64" in said
        assert "saved witness" not in plain


@pytest.mark.uncounted
@pytest.mark.parametrize("rendering", RENDERINGS)
def test_many_of_a_kind_are_one_line(rendering: str) -> None:
    places = [(STEP, "float32"), (STEP, "float64"), ("bounds/box", "float64")]

    said = RENDERINGS[rendering](flaky(flaky=dict.fromkeys(places, FLAKY)))

    assert "; 2 more like it" in said


def test_the_document_keeps_to_its_schema_and_reads_back() -> None:
    found = parse_document(dumps(flaky()))

    [one] = found["flaky"]
    assert one == {
        "invariant": STEP,
        "format": "float32",
        "failed": 2,
        "calls": 5,
        "manner": "random",
        "text": FLAKY.text,
    }
    assert found["replayed"] == REPLAYED
    assert [each["fate"] for each in found["replays"]] == ["failed", "held"]


@pytest.mark.parametrize("damage", [{"manner": "odd"}, {"failed": -1}, {"more": 1}])
def test_a_damaged_one_is_refused(damage: dict[str, Any]) -> None:
    broken = document(flaky())
    broken["flaky"][0] |= damage

    with pytest.raises(BadResult, match="is damaged: flaky"):
        parse_document(dumps_of(broken))


def dumps_of(found: dict[str, Any]) -> str:
    """A document as text."""
    return json.dumps(found)


@pytest.mark.parametrize("rendering", ["page", "JUnit", "Markdown"])
def test_a_result_in_which_nobody_looked_is_rendered(rendering: str) -> None:
    older = {
        name: value
        for name, value in document(falsified()).items()
        if name not in ("flaky", "replays")
    }
    render: dict[str, Callable[[dict[str, Any]], str]] = {
        "page": result_page,
        "JUnit": lambda found: junit([found]),
        "Markdown": lambda found: markdown([found]),
    }

    assert "flaky" not in render[rendering](parse_document(dumps_of(older))).lower()


def test_the_header_says_how_many_are_tried_and_why_others_are_not() -> None:
    said = printed(lambda console: print_header(console, {**HEADER, "replayed": REPLAYED}, 1))

    assert "saved witnesses: 2 tried first (--no-replay leaves them out)" in said
    assert "saved witness not tried: old.json is not JSON: <b>[/]" in said
    assert "saved" not in printed(lambda console: print_header(console, HEADER, 1))


def test_events_are_told_as_they_come() -> None:
    first = FirstFailure("float32", 0, "agreement/step: [/]")

    assert "failed in float32, a saved witness: agreement/step: [/]" in printed(
        lambda c: print_first_failure(c, first)
    )
    told = printed(
        lambda console: print_not_repeated(console, NotRepeated("float32", STEP, FLAKY)), width=400
    )
    assert told == f"flaky agreement/step in float32 {FLAKY.text}\n\n"
