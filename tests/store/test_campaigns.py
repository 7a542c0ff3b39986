"""Campaigns of a store: begun, gone on with, a unit counted once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gruverify.store import BadStore, File, KeptCampaign, KeptUnit, campaigns_of
from gruverify.store._file import _TABLES, SCHEMA


def begun(file: File, asked: int = 1, numpy: str = "2.0") -> KeptCampaign:
    """A campaign of a store."""
    return KeptCampaign(file, {"cases": asked}, {"numpy": {"versions": {"numpy": numpy}}})


@pytest.fixture
def file(tmp_path: Path) -> File:
    """A store."""
    return File(tmp_path / "runs.db", writable=True)


def test_the_same_campaign_is_gone_on_with_and_another_is_begun(file: File) -> None:
    first = begun(file)
    first.keep("numpy", "float32", 0, "", KeptUnit(b"found", 1.5))

    again, other = begun(file), begun(file, asked=2)

    assert (first.number, again.number, other.number) == (1, 1, 2)
    assert (first.said, other.said) == ("", "")
    assert again.said.endswith("1 units from it")
    assert again.found("numpy", "float32", 0, "") == KeptUnit(b"found", 1.5)
    assert other.found("numpy", "float32", 0, "") is None
    assert again.found("numpy", "float32", 0, "aimed") is None
    assert list(again.first_seen()) == [("numpy", "float32", 0)]


def test_of_a_unit_that_two_work_on_the_first_stays(file: File) -> None:
    one, other = begun(file), begun(file)

    one.keep("numpy", "float32", 0, "", KeptUnit(b"found", 1.0))
    other.keep("numpy", "float32", 0, "", KeptUnit(b"found", 2.0))

    assert one.found("numpy", "float32", 0, "") == KeptUnit(b"found", 1.0)
    assert len(one.first_seen()) == 1


def test_a_campaign_of_another_version_is_begun_anew_and_that_is_said(file: File) -> None:
    begun(file).end("conforms", {"verdict": "conforms"})

    other = begun(file, numpy="2.1")

    assert other.number == 2
    assert other.said.endswith("everything is run again: changed since: numpy (2.0 → 2.1)")


def test_campaigns_are_listed(file: File) -> None:
    first = begun(file)
    first.keep("numpy", "float32", 0, "", KeptUnit(b"found", 1.5))
    begun(file, asked=2).end("falsified", {})

    one, other = map(str, campaigns_of(file))

    assert one.endswith("UTC): numpy: 1 units, 1.5 CPU s, not finished")
    assert other.endswith("UTC): numpy: 0 units, 0.0 CPU s, falsified")


def test_what_was_told_is_kept(file: File) -> None:
    begun(file).announce("agreement", [("numpy", "agreement/step", "float32")])

    assert begun(file).announced() == {"agreement": [["numpy", "agreement/step", "float32"]]}


def test_a_store_of_schema_1_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_TABLES)
        connection.execute("PRAGMA application_id = 0x47525556")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO death VALUES (1, x'00')")
        connection.commit()

    assert campaigns_of(File(path, writable=False)) == []
    assert begun(File(path, writable=True)).number == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        assert connection.execute("SELECT count(*) FROM death").fetchone() == (1,)


def test_catches_a_store_with_no_room(file: File) -> None:
    file.trouble = "cannot be written: the disk is full"

    with pytest.raises(BadStore, match="the disk is full"):
        begun(file)
