"""The live line of a run."""

from __future__ import annotations

from rich.console import Console

from gruverify.engine import (
    CaseJudged,
    Event,
    FormatFinished,
    FormatStarted,
    Result,
    Shrinking,
    Shrunk,
)
from gruverify.reporting import LiveProgress

from ._results import printed, witness

EVENTS: list[Event] = [
    FormatStarted("float32", 8),
    CaseJudged("float32", 1, ()),
    CaseJudged("float32", 2, ("agreement/step", "bounds/box")),
    Shrinking("float32", "agreement/step"),
    Shrunk(witness()),
    FormatFinished("float32", Result({}, {}, {}, True, 0.0)),
]


def shown(events: list[Event], *, terminal: bool) -> str:
    """What is shown of the events."""

    def show(console: Console) -> None:
        with LiveProgress(console) as progress:
            for event in events:
                progress(event)

    return printed(show, terminal=terminal)


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    assert shown(EVENTS, terminal=False).strip() == ""


def test_a_terminal_shows_the_format_how_far_it_is_and_what_fell() -> None:
    text = shown(EVENTS[:3], terminal=True)

    assert "float32" in text
    assert "2/8" in text
    assert "falsified: agreement/step" in text


def test_a_terminal_shows_what_is_being_shrunk_and_when_it_is_done() -> None:
    assert "shrinking agreement/step" in shown(EVENTS[:4], terminal=True)
    assert "done" in shown(EVENTS, terminal=True)


def test_the_note_of_what_fell_stays_until_something_else_happens() -> None:
    assert "falsified: agreement/step" in shown(
        [*EVENTS[:3], CaseJudged("float32", 3, ())], terminal=True
    )


def test_what_fell_in_a_format_is_not_noted_of_another() -> None:
    events: list[Event] = [
        *(FormatStarted(name, 8) for name in ("float16", "float32")),
        CaseJudged("float16", 1, ("agreement/step",)),
        CaseJudged("float32", 1, ()),
    ]
    noted = dict[str, object]()

    def show(console: Console) -> None:
        with LiveProgress(console) as progress:
            for event in events:
                progress(event)
            noted.update(
                {task.description: task.fields["note"] for task in progress._progress.tasks}
            )

    printed(show, terminal=True)

    assert noted == {"float16": "falsified: agreement/step", "float32": ""}


def test_formats_have_a_line_each() -> None:
    events: list[Event] = [FormatStarted(name, 4) for name in ("float16", "float64")]

    text = shown(events, terminal=True)

    assert text.count("0/4") >= 2
    assert "float16" in text
    assert "float64" in text


def test_the_line_goes_when_the_run_is_over_even_by_an_error() -> None:
    def show(console: Console) -> None:
        try:
            with LiveProgress(console) as progress:
                progress(EVENTS[0])
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            console.print("after")

    text = printed(show, terminal=True)

    erase_line, show_cursor = "\x1b[2K", "\x1b[?25h"
    assert text.rindex(show_cursor) > text.rindex("float32")
    assert text.rindex(erase_line) > text.rindex("float32")
    assert text.endswith("after\n")
