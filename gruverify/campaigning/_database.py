"""Where the cases of campaigns are kept for others: a database of Hypothesis."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from gruverify._visible import error_line, visible
from gruverify.store import BadStore, StoreDatabase

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

_SCHEMES = ("redis://", "rediss://", "unix://")


class BadDatabase(ValueError):
    """There is no such database, or it does not answer; the message is one line."""


def database_at(place: str) -> ExampleDatabase:
    """The database at a place: the URL of a Redis server, a store, that is a file or a name that
    ends in .db, else a folder.

    Raises:
        BadDatabase: it cannot be had.
    """
    from hypothesis.database import DirectoryBasedExampleDatabase

    if place.startswith(_SCHEMES):
        return _redis(place)
    path = Path(place)
    # What is there decides; of what is not there the name.
    if path.is_dir() or not (path.is_file() or path.suffix == ".db"):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as refused:
            raise BadDatabase(refused.strerror or str(refused)) from None
        return DirectoryBasedExampleDatabase(path)
    try:
        return StoreDatabase(path)
    except BadStore as refused:
        raise BadDatabase(str(refused)) from None


def _redis(url: str) -> ExampleDatabase:
    try:
        server = importlib.import_module("redis").Redis.from_url(url)
        database: ExampleDatabase = importlib.import_module(
            "hypothesis.extra.redis"
        ).RedisExampleDatabase(server)
    except ModuleNotFoundError:
        raise BadDatabase("needs redis: pip install redis") from None
    except ValueError as wrong:  # the URL, which redis reads
        raise BadDatabase(str(wrong)) from None
    try:
        server.ping()
    except Exception as refused:  # of redis, which need not be installed
        raise BadDatabase(visible(f"does not answer: {error_line(refused)}")) from None
    return database
