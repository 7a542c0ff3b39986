"""What happens in a run as JSON lines, one per event, for a program that watches it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from gruverify._named import JsonObject
from gruverify.engine import (
    CaseJudged,
    Compiling,
    Event,
    FirstFailure,
    FormatFinished,
    FormatStarted,
    NotRepeated,
    ProcessDied,
    Result,
    RunStarted,
    Shrinking,
    Shrunk,
    Witness,
    number_as_json,
)


class EventLog:
    """A listener that writes each event as a line.

    write: takes a line, without its end. Lines are objects with `event`, its name, and `seconds`
    since the log was made; docs/reports.md lists them with their other keys. After the last one of
    the engine comes `finished`, with the verdict.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        # Monotonic: a clock that is set while a run goes on must not make seconds run backwards.
        self._start = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Write the event, if it is one of those that are told."""
        if type(event) in _TOLD:
            name, told = _TOLD[type(event)]
            self._line(name, told(event))

    def finish(self, result: Result) -> None:
        """Write the last line."""
        self._line("finished", {"verdict": result.verdict, "complete": result.complete})

    def _line(self, name: str, values: JsonObject) -> None:
        seconds = round(time.monotonic() - self._start, 3)
        self._write(json.dumps({"event": name, "seconds": seconds, **values}))


def _shrunk(witness: Witness) -> JsonObject:
    residual = witness.residual
    return {
        "format": witness.case.format.name,
        "invariant": witness.invariant,
        "sizes": witness.case.sizes,
        "where": residual.where,
        "margin": number_as_json(residual.margin),
    }


def _by_status(part: Result) -> dict[str, int]:
    """How many tallies of a part have each status."""
    found: dict[str, int] = {}
    for tally in part.tallies.values():
        found[tally.status] = found.get(tally.status, 0) + 1
    return found


#: Each kind of event that is told: its name in the log, and what is said of it.
_TOLD: Mapping[type, tuple[str, Callable[[Any], JsonObject]]] = {
    RunStarted: ("started", lambda e: {"header": e.header}),
    FormatStarted: ("format_started", lambda e: {"format": e.format, "cases": e.cases}),
    CaseJudged: (
        "case",
        lambda e: {"format": e.format, "number": e.number, "falsified": list(e.falsified)},
    ),
    FirstFailure: (
        "first_failure",
        lambda e: {"format": e.format, "number": e.number, "text": e.text},
    ),
    NotRepeated: (
        "flaky",
        lambda e: {"format": e.format, "invariant": e.invariant, "text": e.flaky.text},
    ),
    Compiling: ("compiling", lambda e: {"format": e.format, "sizes": e.sizes}),
    Shrinking: ("shrinking", lambda e: {"format": e.format, "invariant": e.invariant}),
    Shrunk: ("shrunk", lambda e: _shrunk(e.witness)),
    ProcessDied: ("died", lambda e: {"format": e.death.format, "text": e.note}),
    FormatFinished: (
        "format_finished",
        lambda e: {"format": e.format, "statuses": _by_status(e.part)},
    ),
}
