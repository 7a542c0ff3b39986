"""Each target has one family, and the environment of a family has what its targets need."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from gruverify.backends import TARGETS, Target

from .families import FAMILIES, LIGHT

WORLD = {target.name: target for target in TARGETS if target.install}
#: By extras; `onnx` is in the group of all tests.
ELSEWHERE = {"torch", "onnx"}
GROUPS: dict[str, list[Any]] = tomllib.loads(
    (Path(__file__).parents[2] / "pyproject.toml").read_text()
)["dependency-groups"]


def installed(group: str) -> set[str]:
    """The packages of a dependency group and of those that it includes, without versions."""
    found = set[str]()
    for entry in GROUPS[group]:
        if isinstance(entry, dict):
            found |= installed(entry["include-group"])
        else:
            found |= set(re.findall(r"^[\w.-]+", entry))
    return found


def lacking(group: str, targets: list[Target]) -> set[str]:
    """What targets need and a group has not."""
    needed = {package for target in targets for package in target.packages}
    return needed - installed(group) - ELSEWHERE


def test_every_target_is_of_one_family() -> None:
    assert Counter(chain.from_iterable(FAMILIES.values())) == Counter(WORLD.keys())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_what_its_targets_need(family: str) -> None:
    targets = [WORLD[name] for name in FAMILIES[family]]

    assert lacking(f"world-{family}", targets) == set()


def test_what_runs_in_ci_has_what_it_needs() -> None:
    assert lacking("world-light", [WORLD[name] for name in LIGHT]) == set()


def test_catches_a_package_that_is_missing() -> None:
    assert lacking("world-jax", [WORLD["haiku"], WORLD["mnn"]]) == {"mnn"}
