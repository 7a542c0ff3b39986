"""A user's directory, with GRUs right and faulty to name."""

import shutil
import sys
from pathlib import Path

import pytest

PLANTED = Path(__file__).parents[1] / "engine" / "_planted.py"


@pytest.fixture(autouse=True)
def path_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a path of its own: naming a target puts the current directory on it."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def planted(here: Path) -> str:
    """The name of a module in the current directory that holds the planted faults."""
    shutil.copy(PLANTED, here / "planted.py")
    return "planted"
