"""The source files that a target is made of."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gruverify.backends import _sources, sources_of

OURS = ("gruverify", "gruverify_strategies")
BEFORE = set(sys.modules)


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module that was imported, with another one and with a library."""
    (tmp_path / "helping.py").write_text("import colorsys\n")
    (tmp_path / "aimed_at.py").write_text("import helping\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("aimed_at")
    monkeypatch.delitem(sys.modules, "colorsys")
    yield tmp_path / "aimed_at.py"
    del sys.modules["aimed_at"], sys.modules["helping"]


def test_they_are_those_that_came_in_with_it_but_for_what_is_installed(named: Path) -> None:
    found = sources_of("aimed_at:step", BEFORE)

    assert {"aimed_at", "helping"} <= set(found)
    assert not any(name.partition(".")[0] in ("colorsys", "numpy", *OURS) for name in found)


@pytest.mark.uncounted
def test_catches_a_change(named: Path) -> None:
    before = sources_of("aimed_at:step", BEFORE)
    named.write_text(named.read_text() + "\n")
    after = sources_of("aimed_at:step", BEFORE)

    assert [name for name in before if before[name] != after[name]] == ["aimed_at"]


def test_a_file_that_is_gone_is_left_out(named: Path) -> None:
    named.unlink()

    assert "aimed_at" not in sources_of("aimed_at:step", BEFORE)


def test_of_what_a_package_offers_they_are_those_of_its_object(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = {"another-name": "aimed_at:step", "numpy": "aimed_at:step"}
    monkeypatch.setattr("gruverify.backends._sources.offered_targets", lambda: offered)
    monkeypatch.setattr(
        "gruverify.backends._sources._INSTALLED", (*_sources._INSTALLED, named.parent)
    )

    found = sources_of("another-name", BEFORE)

    assert "aimed_at" in found
    assert "helping" not in found
    assert sources_of("numpy", BEFORE) == {}


def test_a_program_that_cannot_be_read_is_left_out(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(file: Path) -> bytes:
        raise PermissionError(file)

    monkeypatch.setattr(Path, "read_bytes", refused)

    assert sources_of(f"exec:{named}", BEFORE) == {}


def test_of_a_shipped_target_the_version_says_enough(named: Path) -> None:
    assert sources_of("numpy", BEFORE) == sources_of("torch:GRU", BEFORE) == {}
