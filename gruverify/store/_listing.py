"""The runs of a store, and their results."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gruverify._named import JsonObject
from gruverify.store._file import BadStore, File, damaged, unpacked


@dataclass(frozen=True)
class Run:
    """A run of a store.

    started: in UTC, as ISO 8601 has it; asked: the options that change its result, as one would
    write them; verdict: None where it was killed, or goes on; figures: what it comes to
    (`gruverify.reporting.figures`), None likewise;
    cases: of each format that is not finished then, how many are kept; finished: those that are;
    cpu: processor seconds of what is kept.
    """

    number: int
    target: str
    started: str
    asked: str
    formats: tuple[str, ...]
    verdict: str | None
    figures: JsonObject | None
    finished: frozenset[str]
    cases: Mapping[str, int]
    cpu: float


def runs_of(file: File) -> list[Run]:
    """All runs, the oldest first.

    Raises:
        BadStore: they cannot be read.
    """
    with damaged():
        return file.query(_runs)


def _runs(connection: sqlite3.Connection) -> list[Run]:
    finished, cases, cpu = dict[int, set[str]](), dict[int, dict[str, int]](), dict[int, float]()
    for number, fmt, seconds in connection.execute("SELECT run, format, cpu FROM part"):
        finished.setdefault(number, set()).add(fmt)
        cpu[number] = cpu.get(number, 0.0) + seconds
    for number, fmt, count, seconds in connection.execute(
        # Of formats that are finished nothing is left in that table: their part has taken its
        # place.
        "SELECT run, format, count(*), sum(cpu) FROM judged GROUP BY run, format"
    ):
        cases.setdefault(number, {})[fmt] = count
        cpu[number] = cpu.get(number, 0.0) + seconds
    found = list[Run]()
    columns = "id, target, started, options, header, verdict, figures"
    for number, target, started, options, header, verdict, figures in connection.execute(
        f"SELECT {columns} FROM run ORDER BY id"
    ):
        # Formats have a column of their own.
        asked = " ".join(
            said for name, said in json.loads(options).items() if said and name != "--format"
        )
        found.append(
            Run(
                number,
                target,
                started,
                asked,
                tuple(unpacked(header)["formats"]),
                verdict,
                None if figures is None else json.loads(figures),
                frozenset(finished.get(number, ())),
                cases.get(number, {}),
                cpu.get(number, 0.0),
            )
        )
    return found


def document_of(file: File, number: int) -> Any:
    """The document of a run's result; of a negative number that many runs before the end: -1 is the
    newest.

    Raises:
        BadStore: there is no such run, or it has no result yet, or cannot be read.
    """
    with damaged():
        return file.query(lambda connection: _document(connection, number))


def _document(connection: sqlite3.Connection, number: int) -> Any:
    numbers = [found for (found,) in connection.execute("SELECT id FROM run ORDER BY id")]
    # Numbers of runs begin at 1, so those below 0 are free to count from the end.
    if -len(numbers) <= number < 0:
        wanted = numbers[number]
    else:
        wanted = number
    if wanted not in numbers:
        if numbers:
            has = f"{len(numbers)}, up to {numbers[-1]}"
        else:
            has = "none"
        raise BadStore(f"has no run {number}: it has {has}")
    [(document,)] = connection.execute(
        "SELECT document FROM run WHERE id = ?", (wanted,)
    ).fetchall()
    if document is None:
        raise BadStore(
            f"has no result of run {wanted}, which was killed or goes on: `check --resume` goes "
            "on with it"
        )
    return unpacked(document)
