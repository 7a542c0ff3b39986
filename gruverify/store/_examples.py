"""A store as a database of Hypothesis: `settings(database=StoreDatabase("nights.db"))`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hypothesis.database import ExampleDatabase

from gruverify.store._file import File


class StoreDatabase(ExampleDatabase):
    """Examples in a store, besides its runs and campaigns.

    Raises:
        BadStore: the file cannot be read or written; so do all methods.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        self._file = File(self.path, writable=True)

    def __repr__(self) -> str:
        return f"StoreDatabase({str(self.path)!r})"

    def fetch(self, key: bytes) -> Iterator[bytes]:
        """All values of a key."""
        asked = "SELECT value FROM example WHERE key = ? ORDER BY value"
        rows = self._file.query(lambda c: c.execute(asked, (key,)).fetchall())
        yield from (value for (value,) in rows)

    def save(self, key: bytes, value: bytes) -> None:
        """Add a value to a key, unless it has it."""
        self._change("INSERT OR IGNORE INTO example VALUES (?, ?)", key, value)

    def delete(self, key: bytes, value: bytes) -> None:
        """Remove a value from a key, if it has it."""
        self._change("DELETE FROM example WHERE key = ? AND value = ?", key, value)

    def _change(self, statement: str, key: bytes, value: bytes) -> None:
        self._file.written(lambda c: c.execute(statement, (bytes(key), bytes(value))))
