"""A run that is kept while it goes on, and one that goes on where another was."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gruverify._named import JsonObject
from gruverify._visible import visible
from gruverify.engine import (
    CasesJudged,
    Event,
    FormatFinished,
    Judged,
    Plan,
    ProcessDied,
    Result,
    TakenOver,
    decode_death,
    decode_part,
    decode_saved,
    encode_death,
    encode_part,
    encode_saved,
)
from gruverify.store._file import BadStore, File, as_text, damaged, packed, unpacked
from gruverify.store._identity import Identity, identity_of


class OtherRun(ValueError):
    """The run to continue has other settings, or another target; the
    message is one line.
    """


class Kept:
    """A run in a store: a `gruverify.engine.Keeper`.

    `said` is what there is to say of a run that was gone on with, line by line; `trouble` why
    nothing more was kept, from some moment on; empty if everything was.
    """

    def __init__(self, file: File, *, resume: bool) -> None:
        self.said: tuple[str, ...] = ()
        self.trouble = file.trouble
        self.number = 0
        self.path = file.path
        self._file = file
        self._resume = resume

    def begin(self, plan: Plan, header: JsonObject, sources: Mapping[str, str]) -> TakenOver:
        """Enter a run, or find the one to go on with.

        Raises:
            OtherRun: there is one of the target that is not finished, and it has other settings.
            BadStore: the file cannot be read.
        """
        now = identity_of(header["target"], plan, header, sources)
        if self._resume and not self.trouble:
            try:
                earlier, self.said = _to_go_on_with(self._file, now)
                if earlier is not None:
                    return self._taken_over(earlier, header)
            except BadStore as refused:
                raise BadStore(f"--store {self.path}: {refused}") from None
        self._write(lambda connection: self._enter(connection, now, plan, header))
        return TakenOver()

    def keep(self, event: Event) -> None:
        """Keep cases that were judged, a format that is finished, a process that died; each at once
        or not at all.
        """
        match event:
            case CasesJudged(fmt, cases):
                rows = [
                    (self.number, fmt, case.stream, case.number, case.found, case.cpu)
                    for case in cases
                ]
                self._write(
                    # Replaced and not refused: a run that goes on may judge again what it had
                    # judged.
                    lambda c: c.executemany(
                        "INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?, ?, ?)", rows
                    )
                )
            case FormatFinished(fmt, part):
                row = (self.number, fmt, packed(encode_part(part)), part.cpu or 0.0)
                self._write(lambda connection: _finish_format(connection, row))
            case ProcessDied(death, note):
                found = packed({"death": encode_death(death), "note": note})
                self._write(
                    lambda c: c.execute("INSERT INTO death VALUES (?, ?)", (self.number, found))
                )
            case _:
                pass

    def end(self, document: JsonObject, figures: JsonObject) -> None:
        """Keep the result's document, and what it comes to: of a run that is finished, or that can
        be gone on with.

        One that was finished before, and was interrupted when it was taken over, stays as it was.
        """
        verdict = document["verdict"]
        if verdict == "interrupted":
            finished = None
        else:
            finished = _now()
        values = (finished, verdict, as_text(figures), packed(document), self.number)
        change = "UPDATE run SET finished = ?, verdict = ?, figures = ?, document = ? WHERE id = ?"
        # What is finished is worth more than an interrupted attempt to take it over.
        change += " AND finished IS NULL" if finished is None else ""
        self._write(lambda connection: connection.execute(change, values))

    def _enter(
        self, connection: sqlite3.Connection, now: Identity, plan: Plan, header: JsonObject
    ) -> None:
        about = [
            as_text(dict(each)) for each in (now.options, now.claims, now.versions, now.sources)
        ]
        row = (now.target, *about, packed(header), packed(encode_saved(plan.saved)), _now())
        entered = connection.execute(
            "INSERT INTO run (target, options, claims, versions, sources, header, saved, started)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        self.number = entered.lastrowid or 0

    def _taken_over(self, earlier: Earlier, header: JsonObject) -> TakenOver:
        self.number = earlier.number
        with damaged():
            found = self._file.query(
                lambda connection: _read_run(connection, earlier.number, header)
            )
        self.said = (f"goes on with {earlier} of {self.path}: {_in_words(found, header)}",)
        return found

    def _write(self, change: Any) -> None:
        """Make a change; where that fails, on a full disk say, the run goes on without being
        kept.
        """
        # Not tried again after a failure: every try may wait for seconds, and there is one for each
        # case.
        if self.trouble:
            return
        try:
            self._file.written(change)
        except BadStore as refused:
            self.trouble = str(refused)


def _finish_format(connection: sqlite3.Connection, row: tuple[int, str, bytes, float]) -> None:
    """What follows from the cases takes their place."""
    connection.execute("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?)", row)
    connection.execute("DELETE FROM judged WHERE run = ? AND format = ?", row[:2])


# -- finding a run ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Earlier:
    """A run of the store."""

    number: int
    identity: Identity
    started: str
    finished: bool

    def __str__(self) -> str:
        return f"run {self.number} ({self.started[:16].replace('T', ' ')} UTC)"


def _to_go_on_with(file: File, now: Identity) -> tuple[Earlier | None, tuple[str, ...]]:
    """The run to go on with, None if everything is run again, and why."""
    with damaged():
        runs = file.query(lambda connection: list(_runs(connection, now.target)))
    # Options first: who gives others means another run, and is told so; a target that has changed
    # since is not a mistake of the user's.
    same = [run for run in runs if not run.identity.other_options(now)]
    unchanged = [run for run in same if not run.identity.changes(now)]
    alike = sorted(
        (run for run in unchanged if not run.identity.other_claims(now)),
        # Unfinished ones first; sorting keeps the newest of each in front.
        key=lambda run: run.finished,
    )
    if alike:
        return alike[0], ()
    begun = next((run for run in runs if not run.finished), None)
    changed = next((run for run in same if run not in unchanged), None)
    if changed is not None:
        why = changed.identity.changes(now)
        if claims := changed.identity.other_claims(now):
            why = f"{why}; {claims}"
        return None, (
            visible(
                f"{changed} cannot be gone on with, everything is run again: changed since: {why}"
            ),
        )
    if begun is not None:
        raise OtherRun(visible(_way_out(begun, now, file)))
    return None, (
        visible(
            f"{file.path} has no run of {now.target} that is not finished: everything is checked"
        ),
    )


def _way_out(begun: Earlier, now: Identity, file: File) -> str:
    """What differs from the run that one might go on with, and what to do."""
    said = f"{begun} of {now.target} in {file.path}"
    if options := begun.identity.other_options(now):
        return (
            f"{said} has {options}: give it the same options, or leave out --resume to begin "
            "another"
        )
    return (
        f"{said} had another target, {begun.identity.other_claims(now)}: leave out --resume "
        "to begin another"
    )


def _runs(connection: sqlite3.Connection, target: str) -> Iterator[Earlier]:
    """The runs of a target, the newest first."""
    wanted = (
        "SELECT id, options, claims, versions, sources, started, finished FROM run WHERE target = ?"
    )
    for number, *texts, started, finished in connection.execute(
        f"{wanted} ORDER BY id DESC", (target,)
    ):
        yield Earlier(
            number, Identity(target, *map(json.loads, texts)), started, finished is not None
        )


# -- what it found ---------------------------------------------------------------------------------


def _read_run(connection: sqlite3.Connection, number: int, header: JsonObject) -> TakenOver:
    [(stored, saved)] = connection.execute(
        "SELECT header, saved FROM run WHERE id = ?", (number,)
    ).fetchall()
    parts = connection.execute("SELECT found FROM part WHERE run = ?", (number,)).fetchall()
    # Left packed: they are unpacked one by one, as the cases are drawn again.
    judged: dict[str, dict[tuple[str, int], bytes]] = {}
    for fmt, stream, case, found in connection.execute(
        "SELECT format, stream, number, found FROM judged WHERE run = ?", (number,)
    ):
        judged.setdefault(fmt, {})[stream, case] = found
    deaths = [
        unpacked(found)
        for (found,) in connection.execute("SELECT found FROM death WHERE run = ?", (number,))
    ]
    return TakenOver(
        tuple(decode_part(unpacked(found), header) for (found,) in parts),
        judged,
        tuple((decode_death(each["death"]), each["note"]) for each in deaths),
        decode_saved(unpacked(saved)),
        unpacked(stored),
    )


def _in_words(found: TakenOver, header: JsonObject) -> str:
    """Which blocks are taken over, format by format."""
    finished = dict[str, Result]()
    for part in found.parts:
        finished |= dict.fromkeys(part.coverage, part)
    said = (
        f"{fmt}: {_of_format(finished.get(fmt), found.judged.get(fmt, {}))}"
        for fmt in header["formats"]
    )
    return ", ".join(said)


def _of_format(part: Result | None, judged: Judged) -> str:
    if part is not None:
        return f"all {sum(drawn.judged for drawn in part.drawn.values())} cases from the store"
    if judged:
        return f"{len(judged)} cases from the store"
    return "nothing yet"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
