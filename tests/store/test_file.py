"""One SQLite file: made, checked, written whole or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gruverify.store import SCHEMA, BadStore, File

ROW = "INSERT INTO death VALUES (1, ?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store in a folder of its own."""
    File(tmp_path / "runs.db", writable=True)
    return tmp_path / "runs.db"


def changed(path: Path, *statements: str) -> None:
    """Make a change behind the store's back."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def rows(path: Path) -> int:
    """How many rows were written."""
    [(count,)] = File(path, writable=False).query(
        lambda c: c.execute("SELECT count(*) FROM death").fetchall()
    )
    return int(count)


def test_a_store_is_one_file_that_opens_again(path: Path) -> None:
    File(path, writable=True).written(lambda connection: connection.execute(ROW, (b"1",)))

    assert rows(path) == 1
    assert [file.name for file in path.parent.iterdir()] == ["runs.db"]


def test_a_change_is_made_whole_or_not_at_all(path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute(ROW, (b"1",))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        File(path, writable=True).written(half)

    assert rows(path) == 0


def test_what_a_killed_process_left_half_written_is_undone(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as killed:
        killed.execute("PRAGMA cache_spill = 1")
        killed.execute("BEGIN IMMEDIATE")
        killed.execute("PRAGMA cache_size = 1")
        killed.executemany(ROW, [(bytes(9000),)] * 50)
        copy = path.with_name("killed.db")
        shutil.copy(path, copy)
        shutil.copy(f"{path}-journal", f"{copy}-journal")
        killed.execute("ROLLBACK")

    assert rows(copy) == 0
    assert not Path(f"{copy}-journal").exists()


def test_two_that_write_wait_for_each_other(path: Path) -> None:
    def write() -> None:
        file = File(path, writable=True)
        for _ in range(10):
            file.written(lambda connection: connection.execute(ROW, (b"1",)))

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert rows(path) == 30


def test_catches_one_that_never_lets_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruverify.store._file._PATIENCE", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(BadStore, match="is being written by someone else"):
            rows(path)


def test_a_full_disk_is_said_and_what_was_written_stays(path: Path) -> None:
    def more(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute(ROW, (bytes(100_000),))

    with pytest.raises(BadStore, match="cannot be written: the disk is full"):
        File(path, writable=True).written(more)

    assert rows(path) == 0


def test_catches_a_newer_schema(path: Path) -> None:
    changed(path, f"PRAGMA user_version = {SCHEMA + 1}")

    for writable in (True, False):
        with pytest.raises(
            BadStore, match=rf"^has schema {SCHEMA + 1}: this version reads {SCHEMA}; upgrade"
        ):
            File(path, writable=writable)


def test_catches_a_database_of_something_else_and_leaves_it_alone(tmp_path: Path) -> None:
    changed(tmp_path / "other.db", "CREATE TABLE songs (title)")
    before = (tmp_path / "other.db").read_bytes()

    with pytest.raises(
        BadStore, match="not a store of gruverify, but a database of something else"
    ):
        File(tmp_path / "other.db", writable=True)

    assert (tmp_path / "other.db").read_bytes() == before


@pytest.mark.parametrize("left", [20, 700, 4096, 20_000])
def test_catches_a_store_that_was_cut_short(path: Path, left: int) -> None:
    path.write_bytes(path.read_bytes()[:left])

    with pytest.raises(
        BadStore, match=r"is damaged or was cut short|is not a store: it is not an SQLite database"
    ):
        File(path, writable=True)


def test_catches_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"schema": 2}' * 100)

    with pytest.raises(BadStore, match="is not a store: it is not an SQLite database"):
        File(tmp_path / "result.json", writable=True)
