"""The file of a store: one SQLite database, read and written a transaction at a time.

What was written before a process is killed stays, and two that write wait for each other: SQLite
sees to both. The rollback journal is used and not the write-ahead log, so that a store is one file
whenever nobody writes to it.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

Answer = TypeVar("Answer")

SCHEMA = 3
#: What tells a store from any other SQLite database: "GRUV".
_APPLICATION = 0x47525556
#: Seconds that one waits for another that writes, and after how many of them Ctrl-C is heard again.
_PATIENCE, _ATTEMPT = 10.0, 0.25
_TABLES = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    options TEXT NOT NULL,    -- those of the command line that change the result, as JSON
    claims TEXT NOT NULL,     -- what the target is and declares, as JSON
    versions TEXT NOT NULL,   -- of packages, as JSON
    sources TEXT NOT NULL,    -- modules of the target and the digests of their files, as JSON
    header BLOB NOT NULL,     -- of the result
    saved BLOB NOT NULL,      -- witnesses that it tries first
    started TEXT NOT NULL,    -- in UTC, as ISO 8601 has it
    finished TEXT,            -- NULL: it was killed or interrupted, or goes on
    verdict TEXT,
    figures TEXT,             -- what the run comes to, as JSON
    document BLOB             -- the result, as `gruverify check --json` writes it
);
CREATE TABLE part (
    run INTEGER NOT NULL REFERENCES run,
    format TEXT NOT NULL,
    found BLOB NOT NULL,      -- the finished format's part of the result
    cpu REAL NOT NULL,        -- processor seconds
    PRIMARY KEY (run, format)
);
CREATE TABLE judged (
    run INTEGER NOT NULL REFERENCES run,
    format TEXT NOT NULL,
    stream TEXT NOT NULL,     -- by its seed
    number INTEGER NOT NULL,  -- of the case in the stream, from 0
    found BLOB NOT NULL,      -- how it was judged, and what it visited
    cpu REAL NOT NULL,
    PRIMARY KEY (run, format, stream, number)
);
CREATE TABLE death (
    run INTEGER NOT NULL REFERENCES run,
    found BLOB NOT NULL       -- the call in which the target's process died, and its finding
);
"""


#: What schema 2 added.
_OF_CAMPAIGNS = """
CREATE TABLE campaign (
    id INTEGER PRIMARY KEY,
    asked TEXT NOT NULL,      -- all that its units depend on, as JSON
    targets TEXT NOT NULL,    -- what each target is and declares, its versions and sources, as JSON
    started TEXT NOT NULL,    -- in UTC, as ISO 8601 has it
    finished TEXT,            -- NULL: it was killed or interrupted, or goes on
    verdict TEXT,
    document BLOB             -- the result, as `gruverify campaign --json` writes it
);
CREATE TABLE unit (
    campaign INTEGER NOT NULL REFERENCES campaign,
    target TEXT NOT NULL,
    format TEXT NOT NULL,
    block INTEGER NOT NULL,   -- of the target and format, from 0
    aim TEXT NOT NULL,        -- what its cases are drawn at, empty: at random
    found BLOB NOT NULL,      -- its part of the result
    cpu REAL NOT NULL,        -- processor seconds
    finished TEXT NOT NULL,
    PRIMARY KEY (campaign, target, format, block)
);
CREATE TABLE announced (
    campaign INTEGER NOT NULL REFERENCES campaign,
    cause TEXT NOT NULL,      -- of failures that somebody was told of
    places TEXT NOT NULL,     -- where it showed then, as JSON
    PRIMARY KEY (campaign, cause)
);
"""
#: What schema 3 added.
_OF_HYPOTHESIS = """
CREATE TABLE example (
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (key, value)
) WITHOUT ROWID;
"""
#: By the schema that a file has, what makes it the next one's.
_CHANGES = (_TABLES, _OF_CAMPAIGNS, _OF_HYPOTHESIS)


class BadStore(ValueError):
    """The file cannot be used as a store; the message begins with a verb or a noun, for the file to
    stand before it.
    """


def packed(values: object) -> bytes:
    """JSON values as they are stored."""
    # JSON and not pickle: what a file holds is read, and never executed.
    return zlib.compress(json.dumps(values).encode())


def unpacked(data: bytes) -> Any:
    """The values that `packed` stored."""
    return json.loads(zlib.decompress(data))


class NoRoom(BadStore):
    """Nothing can be written to the file now: the disk is full, or fails."""


@contextmanager
def damaged() -> Iterator[None]:
    """What cannot be read of what was stored, bits that have changed on the disk say, as
    BadStore.
    """
    try:
        yield
    except BadStore:
        raise
    # Whatever decoding raises for bits that have changed; what is not of that kind is a fault of
    # ours.
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError):
        raise BadStore(_DAMAGED) from None


class File:
    """A store that is there: made if need be and allowed, and seen to be one.

    `trouble` is why nothing can be written to it, empty if it can: on a full disk there may be no
    room to make it.

    Raises:
        BadStore: it is none, of a newer schema, cut short, or cannot be read, or not be written
        where that is wanted.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        # What a killed process left half written has to be undone by whoever reads next.
        self._mode = "rwc" if writable else "rw"
        self.trouble = ""
        try:
            self.query(self._made if writable else self._checked)
        except NoRoom as full:
            self.trouble = str(full)

    def written(self, change: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Make a change, all of it or nothing.

        Raises:
            BadStore: it cannot be made, on a full disk say.
        """

        def in_a_transaction(connection: sqlite3.Connection) -> Answer:
            # The lock at once: two that read first and write then would block each other.
            connection.execute("BEGIN IMMEDIATE")
            answer = change(connection)
            connection.execute("COMMIT")
            return answer

        return self.query(in_a_transaction)

    def query(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """The answer to a question.

        Raises:
            BadStore: there is none.
        """
        # SQLite waits in C, where Ctrl-C is not heard: so it waits in short attempts.
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                # A connection for each question: none is open when a process forks, or is killed in
                # between.
                with closing(self._connected()) as connection:
                    return question(connection)
            except sqlite3.Error as error:
                if not _is_locked(error) or time.monotonic() > deadline:
                    raise _refusal(error) from None

    def _connected(self) -> sqlite3.Connection:
        # As an address, because only there SQLite can be forbidden to make a file that is not
        # there.
        address = f"{self.path.resolve().as_uri()}?mode={self._mode}"
        return sqlite3.connect(address, uri=True, timeout=_ATTEMPT, isolation_level=None)

    def _made(self, connection: sqlite3.Connection) -> None:
        """Have the tables made that are missing: all if the file is new, and those that were added
        since it was made. Two may be at it at once.
        """
        # What two find missing at once is made once: the second waits here.
        connection.execute("BEGIN IMMEDIATE")
        # A file without any table: it is new, and nobody else's.
        if _number(connection, "schema_version") == 0:
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        if _number(connection, "application_id") == _APPLICATION:
            for changes in _CHANGES[_number(connection, "user_version") :]:
                for statement in changes.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_CHANGES.index(changes) + 1}")
        connection.execute("COMMIT")
        self._checked(connection)

    def _checked(self, connection: sqlite3.Connection) -> None:
        if _number(connection, "application_id") != _APPLICATION:
            raise BadStore(
                "is not a store of gruverify, but a database of something else: name another file"
            )
        version = _number(connection, "user_version")
        if version > SCHEMA:
            raise BadStore(
                f"has schema {version}: this version reads {SCHEMA}; upgrade gruverify, or name "
                "another file"
            )
        # One finding is enough; indices are not compared with tables, which would take most of the
        # time.
        [(found,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise BadStore(_DAMAGED)


_DAMAGED = "is damaged or was cut short: name another file, or restore this one"


def as_text(values: object) -> str:
    """JSON values as they are stored where they are short."""
    return json.dumps(values, ensure_ascii=False)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    [(value,)] = connection.execute(f"PRAGMA {pragma}").fetchall()
    return int(value)


def _code(error: sqlite3.Error) -> int:
    """The primary code of SQLite's, which the library has for errors that it has raised itself."""
    # The higher bits tell kinds of the same error apart.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_locked(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _refusal(error: sqlite3.Error) -> BadStore:
    # A disk that fails is like a full one: the run goes on, and is no longer kept.
    full = _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return (NoRoom if full else BadStore)(_in_words(error))


def _in_words(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_ROLLBACK:
        return (
            "has something half written of a process that was killed, and is read-only: copy "
            "it, with its journal"
        )
    said = {
        sqlite3.SQLITE_BUSY: f"is being written by someone else for more than {_PATIENCE:g} s",
        sqlite3.SQLITE_NOTADB: "is not a store: it is not an SQLite database",
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
        sqlite3.SQLITE_READONLY: "cannot be written: it is read-only",
        sqlite3.SQLITE_FULL: "cannot be written: the disk is full",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    }
    return said.get(_code(error), f"cannot be used: {error}")
