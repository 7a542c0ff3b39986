"""Campaigns that are kept: their units, one transaction each, and what was reported of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gruverify._named import JsonObject
from gruverify._visible import visible
from gruverify.store._file import BadStore, File, damaged, packed


@dataclass(frozen=True)
class KeptUnit:
    """What a unit found, as it was given, and the processor seconds that it took."""

    content: bytes
    cpu: float


class KeptCampaign:
    """A campaign of a store: begun, or the one with the same settings and targets.

    asked: all that its units depend on; targets: by name, what each is, its versions and sources;
    both JSON values. `said` is what there is to say of what was found in the file, in a line, and
    `number` that of the campaign.

    Two commands may work on the same campaign: of a unit that both do, what came first stays.

    Raises:
        BadStore: the file cannot be read or written.
    """

    def __init__(self, file: File, asked: JsonObject, targets: JsonObject) -> None:
        self.said = ""
        self._file = file
        if file.trouble:
            raise BadStore(file.trouble)
        # Keys in order: equal campaigns are equal texts, and SQLite compares them.
        texts = json.dumps(asked, sort_keys=True), json.dumps(targets, sort_keys=True)
        with damaged():
            # Looked for and entered in one transaction: two commands that begin at once share a
            # campaign.
            self.number = file.written(lambda connection: self._begun(connection, *texts))

    def found(self, target: str, fmt: str, block: int, aim: str) -> KeptUnit | None:
        """What a unit found, if it is kept."""
        wanted = self.number, target, fmt, block, aim
        rows = self._file.query(
            lambda c: c.execute(f"SELECT found, cpu FROM unit WHERE {_UNIT}", wanted).fetchall()
        )
        if rows:
            return KeptUnit(*rows[0])
        return None

    def keep(self, target: str, fmt: str, block: int, aim: str, kept: KeptUnit) -> None:
        """Keep what a unit found; if something is kept of it already, that stays."""
        row = self.number, target, fmt, block, aim, kept.content, kept.cpu, _now()
        self._file.written(
            # A unit is a pure function of its key, so the first is as good as any later one.
            lambda c: c.execute("INSERT OR IGNORE INTO unit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        )

    def first_seen(self) -> dict[tuple[str, str, int], str]:
        """When each unit was kept, in UTC, as ISO 8601 has it."""
        asked = "SELECT target, format, block, finished FROM unit WHERE campaign = ?"
        rows = self._file.query(lambda c: c.execute(asked, (self.number,)).fetchall())
        return {(target, fmt, block): finished for target, fmt, block, finished in rows}

    def announced(self) -> dict[str, list[list[str]]]:
        """By cause, the places at which it showed when somebody was informed of it."""
        asked = "SELECT cause, places FROM announced WHERE campaign = ?"
        rows = self._file.query(lambda c: c.execute(asked, (self.number,)).fetchall())
        with damaged():
            return {cause: json.loads(places) for cause, places in rows}

    def announce(self, cause: str, places: Sequence[Sequence[str]]) -> None:
        """Keep that somebody was informed of a cause."""
        row = self.number, cause, json.dumps(places)
        self._file.written(
            lambda c: c.execute("INSERT OR REPLACE INTO announced VALUES (?, ?, ?)", row)
        )

    def end(self, verdict: str, document: JsonObject) -> None:
        """Keep the verdict and the result of the campaign."""
        finished = None if verdict == "interrupted" else _now()
        row = finished, verdict, packed(document), self.number
        change = "UPDATE campaign SET finished = ?, verdict = ?, document = ? WHERE id = ?"
        self._file.written(lambda connection: connection.execute(change, row))

    def _begun(self, connection: sqlite3.Connection, asked: str, targets: str) -> int:
        for number, started, theirs, count in _same(connection, asked):
            if theirs == targets:
                if count:
                    self.said = f"goes on with campaign {number} ({started}): {count} units from it"
                return int(number)
            self.said = visible(
                f"campaign {number} ({started}) differs in its targets alone, and everything is "
                f"run again: changed since: {_changed(theirs, targets)}"
            )
        entered = connection.execute(
            "INSERT INTO campaign (asked, targets, started) VALUES (?, ?, ?)",
            (asked, targets, _now()),
        )
        return entered.lastrowid or 0


@dataclass(frozen=True)
class CampaignSummary:
    """A campaign of a store, in a line: when it began, of which targets, how many units are kept
    and their processor seconds, and the verdict, None where it is not finished.
    """

    number: int
    started: str
    targets: tuple[str, ...]
    units: int
    cpu: float
    verdict: str | None

    def __str__(self) -> str:
        return visible(
            f"campaign {self.number} ({self.started[:16].replace('T', ' ')} UTC): "
            f"{', '.join(self.targets)}: {self.units} units, {self.cpu:,.1f} CPU s, "
            f"{self.verdict or 'not finished'}"
        )


def campaigns_of(file: File) -> list[CampaignSummary]:
    """All campaigns, the oldest first.

    Raises:
        BadStore: they cannot be read.
    """
    with damaged():
        return file.query(_summaries)


def _summaries(connection: sqlite3.Connection) -> list[CampaignSummary]:
    # Reading brings no file up to date: it may be read-only.
    there = "SELECT count(*) FROM sqlite_master WHERE name = 'campaign'"
    if connection.execute(there).fetchone() == (0,):  # nobody has written to it since schema 1
        return []
    wanted = (
        "SELECT id, campaign.started, targets, count(unit.campaign), total(cpu), verdict FROM "
        "campaign LEFT JOIN unit ON unit.campaign = id GROUP BY id ORDER BY id"
    )
    return [
        CampaignSummary(number, started, tuple(json.loads(targets)), units, cpu, verdict)
        for number, started, targets, units, cpu, verdict in connection.execute(wanted)
    ]


_UNIT = "campaign = ? AND target = ? AND format = ? AND block = ? AND aim = ?"


def _same(connection: sqlite3.Connection, asked: str) -> list[tuple[int, str, str, int]]:
    """The campaigns that were asked the same, the oldest first, with how many units are kept."""
    count = "(SELECT count(*) FROM unit WHERE campaign = id)"
    wanted = f"SELECT id, started, targets, {count} FROM campaign WHERE asked = ? ORDER BY id"
    return connection.execute(wanted, (asked,)).fetchall()


def _changed(theirs: str, mine: str) -> str:
    """What two accounts of the targets differ in, in words."""
    return ", ".join(dict.fromkeys(_differences("", json.loads(theirs), json.loads(mine))))


def _differences(name: str, was: object, now: object) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in {**was, **now}:
            yield from _differences(str(key), was.get(key), now.get(key))
    elif was != now:
        # Versions are worth showing; digests of files are not.
        short = isinstance(was, str) and isinstance(now, str) and len(was) + len(now) < 60
        yield f"{name} ({was} → {now})" if short else name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
