"""What becomes of standard input, output and error that are closed, or of another encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.uncounted

FEW = ("--format", "f32", "--max-cases", "5", "--jobs", "1", "--only", "agreement")
SPEAKS = """
def step(cell, x, h):
    raise ValueError("\\U0001f600 \\u2202 caf\\u00e9 \\ud800")
"""


@pytest.mark.skipif(os.name != "posix", reason="a shell closes them")
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_what_is_closed_changes_no_exit_code_and_loses_nothing(tmp_path: Path, closed: str) -> None:
    command = [sys.executable, "-m", "gruverify", "check", "numpy", *FEW, "--json", "found.json"]
    shell = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command]

    run = subprocess.run(shell, cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads((tmp_path / "found.json").read_text())["verdict"] == "conforms"


@pytest.mark.parametrize("option", ["--json", "--events"])
def test_json_on_standard_output_is_utf_8_whatever_the_console_takes(
    tmp_path: Path, option: str
) -> None:
    (tmp_path / "speaks.py").write_text(SPEAKS)
    command = [sys.executable, "-m", "gruverify", "check", "speaks:step", *FEW, option, "-"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}

    run = subprocess.run(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, check=False
    )

    documents = run.stdout.splitlines() if option == "--events" else [run.stdout]
    said = json.dumps([json.loads(each.decode("utf-8")) for each in documents], ensure_ascii=False)
    assert run.returncode == 1
    assert "\U0001f600 \u2202 caf\u00e9 " in said
