"""GRUs of npm, as programs: each is what docs/world.md says of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from gruverify.cli import main

NODE = Path(__file__).with_name("node")
PAGE = Path(__file__).parents[2] / "docs/world.md"
needed = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").is_dir(),
    reason="needs node and its packages: npm install --prefix tests/world/node",
)


@needed
@pytest.mark.parametrize("name", ["brain", "tfjs"])
def test_a_program_has_the_faults_that_are_known_and_no_others(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = NODE / f"{name}.txt"
    options = ["--xfails-file", str(known), "--strict"] if known.exists() else []
    target = f"exec:node {NODE / name}.mjs"

    result = CliRunner().invoke(
        main, ["check", target, "--profile", "quick", "--jobs", "1", *options]
    )

    assert result.exit_code == 0, result.output[-3000:]


def test_every_package_has_its_row_on_the_page() -> None:
    packages = json.loads((NODE / "package.json").read_text())["dependencies"]
    page = PAGE.read_text()

    assert all(f"{name} {version}" in page for name, version in packages.items())
