"""A user's directory, with faulty GRUs to name."""

import shutil
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def path_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a path of its own: naming a target puts the current directory on it."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the current directory that holds the planted faults."""
    shutil.copy(Path(__file__).with_name("_planted.py"), tmp_path / "planted.py")
    shutil.copy(Path(__file__).with_name("_planted_torch.py"), tmp_path / "planted_torch.py")
    monkeypatch.chdir(tmp_path)
    return "planted"
