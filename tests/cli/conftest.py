"""A user's directory, with GRUs right and faulty to name."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PLANTED = Path(__file__).parents[1] / "engine" / "_planted.py"


@pytest.fixture(autouse=True)
def path_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a path of its own: naming a target puts the current directory on it."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, an empty one; what is imported from it is forgotten after the test."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def planted(here: Path) -> str:
    """The name of a module in the current directory that holds the planted faults."""
    shutil.copy(PLANTED, here / "planted.py")
    return "planted"
