"""Targets of other libraries, as far as they can be asked without them."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from gruverify.backends import TARGETS, Target, TargetUnavailable, resolve

ROOT = Path(__file__).parents[2]
WORLD = [target for target in TARGETS if target.install]

each = pytest.mark.parametrize("target", WORLD, ids=lambda target: target.name)


@each
def test_without_its_package_a_target_says_what_to_install(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert target.needs is not None
    monkeypatch.setitem(sys.modules, target.needs, None)

    assert not target.available
    with pytest.raises(TargetUnavailable) as caught:
        resolve(target.name)
    needed = f"needs the package '{target.needs}': pip install {target.install}"
    assert str(caught.value) == f"target '{target.name}' {needed}"


@pytest.mark.parametrize("target", [t for t in WORLD if t.beside], ids=lambda target: target.name)
def test_what_it_needs_besides_is_named_where_that_alone_is_missing(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = ModuleType(str(target.needs))
    there.__spec__ = ModuleSpec(there.__name__, None)
    monkeypatch.setitem(sys.modules, there.__name__, there)
    monkeypatch.setitem(sys.modules, target.beside, None)

    with pytest.raises(TargetUnavailable, match=f"needs the package '{target.beside}': pip"):
        resolve(target.name)


@each
def test_what_is_to_be_installed_is_what_was_verified(target: Target) -> None:
    files = ("constraints.txt", "constraints-far.txt")
    pinned = [set((ROOT / file).read_text().splitlines()) for file in files]

    assert any(set(target.install.split()) <= each for each in pinned)


def test_every_file_is_short() -> None:
    files = list((ROOT / "gruverify/backends/world").glob("*.py"))

    assert files
    for file in files:
        assert len([line for line in file.read_text().splitlines() if line.strip()]) <= 80, file


def test_every_target_has_its_row_on_the_page() -> None:
    page = (ROOT / "docs/world.md").read_text()

    for target in WORLD:
        assert f"| `{target.name}` |" in page
        assert all(package.replace("==", " ") in page for package in target.install.split())


@pytest.mark.parametrize(
    "raised",
    [
        ModuleNotFoundError("No module named 'jax'"),
        TypeError("GRU() got an unexpected keyword argument\n'size'"),
    ],
    ids=["what it needs is missing", "another signature"],
)
def test_a_package_of_another_version_is_unavailable(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build() -> None:
        raise raised

    target = WORLD[0]
    assert target.needs is not None
    package, made = ModuleType(target.needs), ModuleType("made")
    package.__spec__ = ModuleSpec(target.needs, None)
    made.build = build  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, target.needs, package)
    monkeypatch.setattr(importlib, "import_module", lambda name: made)

    with pytest.raises(TargetUnavailable) as caught:
        resolve(target.name)
    told = str(caught.value)
    assert told.startswith(f"target 'flax' cannot be used here: {type(raised).__name__}: ")
    assert told.endswith(f"what it was made for: pip install {target.install}")
    assert "\n" not in told
