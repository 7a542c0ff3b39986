"""gruverify faults."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gruverify.cli import main
from gruverify.faults import EQUIVALENTS, FAULTS


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["faults", *arguments])


@pytest.mark.uncounted
def test_faults_are_caught_and_written(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    files = {option: tmp_path / option.strip("-") for option in ("--json", "--markdown", "--html")}
    only = ["--only", "outputs-reversed-in-time", "--only", "interpolation-from-zero"]
    paths = [text for option, path in files.items() for text in (option, str(path))]

    done = run(*only, "--max-cases", "2", "--jobs", "1", *paths)

    assert done.exit_code == 0, done.output
    assert "2 of 2 fault/variant pairs caught" in done.output
    assert json.loads(files["--json"].read_text())["summary"]["false alarms"] == 0
    assert "# The kill matrix" in files["--markdown"].read_text()
    assert "<!doctype html>" in files["--html"].read_text()


def test_survivor_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    right = replace(EQUIVALENTS["interpolation-from-zero"], id="no-fault")
    monkeypatch.setitem(FAULTS, "no-fault", right)
    done = run("--only", "no-fault", "--max-cases", "1", "--jobs", "1")
    assert done.exit_code == 1
    assert "survives" in done.output


def test_list_names_the_bank() -> None:
    done = run("--list")
    assert done.exit_code == 0
    assert "swapped-reset-and-update" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "nothing"], "fault 'nothing' is unknown"),
        (["--json", "no/such/folder.json"], "there is no directory no/such"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_usage_errors_fit_on_a_line(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert len(done.output.strip().splitlines()) == 1
