"""Naming a target puts the current directory on the path: no test leaves it there."""

import sys

import pytest


@pytest.fixture(autouse=True)
def path_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a path of its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
