"""Targets of other libraries: each is what docs/world.md says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gruverify.backends import TARGETS, Target
from gruverify.cli import main

XFAILS = Path(__file__).with_name("xfails")
WORLD = [target for target in TARGETS if target.install]


@pytest.mark.parametrize("target", WORLD, ids=lambda target: target.name)
def test_a_target_has_the_faults_that_are_known_and_no_others(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are mended are noticed too: then its xfails file and docs/world.md are to be
    changed.
    """
    pytest.importorskip(str(target.needs))
    monkeypatch.chdir(tmp_path)
    known = XFAILS / f"{target.name.replace(':', '-')}.txt"
    options = ["--xfails-file", str(known), "--strict"] if known.exists() else []

    result = CliRunner().invoke(
        main, ["check", target.name, "--profile", "quick", "--jobs", "1", *options]
    )

    assert result.exit_code == 0, result.output[-3000:]


def test_every_xfails_file_is_of_a_target() -> None:
    names = {target.name.replace(":", "-") for target in WORLD}

    assert {file.stem for file in XFAILS.glob("*.txt")} <= names
