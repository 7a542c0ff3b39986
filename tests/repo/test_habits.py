"""What a repository promises beside its code: versions that agree, recipes whose files exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import gruverify

ROOT = Path(__file__).parents[2]
GUIDES = ["CONTRIBUTING.md", "SECURITY.md"]


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert gruverify.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_pre_commit_has_the_linter_that_ci_has() -> None:
    [pinned] = re.findall(r"^ruff==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)

    assert f"rev: v{pinned}\n" in (ROOT / ".pre-commit-config.yaml").read_text()


def test_the_lowest_versions_are_those_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = project["dependencies"] + [
        each for name in extras if name != "all" for each in extras[name]
    ]
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()

    assert {each for each in named if not each.startswith("torch")} <= {
        re.sub(r"(==\d+\.\d+)\.0$", r"\1", line).replace("==", ">=") for line in lines
    }


@pytest.mark.parametrize("name", GUIDES)
def test_what_a_guide_names_exists(name: str) -> None:
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    files = re.findall(r"`((?:gruverify|tests|docs)/[\w./-]+)`", text)

    assert [path for path in (*links, *files) if not (ROOT / path).exists()] == []
    for file in re.findall(r"`(_\w+\.py)`", text):
        assert [*ROOT.glob(f"gruverify/**/{file}")]
