"""A package offers its GRU by name, as an entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from gruverify.backends import TargetUnavailable, UnknownTarget, offers, resolve
from tests.cli._invoke import gruverify

ENTRY_POINTS = """
[gruverify.targets]
tiny = tinygru_offered:step
torn = tinygru_torn:step
numpy = tinygru_torn:step
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with entry points, as pip leaves it."""
    meta = tmp_path / "tinygru_offered-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: tinygru-offered\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "tinygru_offered.py").write_text("def step(cell, x, h):\n    return h\n")
    (tmp_path / "tinygru_torn.py").write_text("raise RuntimeError('torn')\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_it_is_found_by_its_name() -> None:
    assert offers(resolve("tiny"), "step")
    assert (
        "tiny            offered by a package: tinygru_offered:step\n" in gruverify("list").stdout
    )


@pytest.mark.usefixtures("installed")
def test_one_that_cannot_be_imported_is_unavailable_alone() -> None:
    with pytest.raises(
        TargetUnavailable,
        match=r"importing tinygru_torn failed: RuntimeError: torn \(entry point 'torn' of gruver",
    ):
        resolve("torn")
    assert resolve("numpy").name == "numpy"  # what ships keeps its name
    with pytest.raises(UnknownTarget, match="did you mean tiny"):
        resolve("tinyy")
