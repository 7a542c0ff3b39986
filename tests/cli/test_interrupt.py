"""Ctrl-C, as a terminal sends it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

pytestmark = pytest.mark.uncounted

LONG = """
import itertools
import pathlib
from planted import right

calls = itertools.count()


def step(cell, x, h):
    if next(calls) == 20:
        pathlib.Path("running").touch()
    return right(cell, x, h)
"""


def heeding() -> None:
    """Have Ctrl-C do what it does in a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_prints_and_saves_what_there_is(planted: str, here: Path, jobs: str) -> None:
    (here / "long.py").write_text(LONG)
    command = ["gruverify", "check", "long:step", "--jobs", jobs, "--json", "result.json", "--max-cases", "1000000"]
    # A group of its own: the signal goes to every process of it, as it does on a terminal. Who runs the tests in the
    # background may have it ignored, which is inherited.
    options = {"stdout": PIPE, "stderr": PIPE, "text": True, "start_new_session": True, "preexec_fn": heeding}
    with Popen([sys.executable, "-m", *command], **options) as run:  # type: ignore[call-overload]
        while not (here / "running").exists():
            assert run.poll() is None
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGINT)
        try:
            stdout, stderr = run.communicate(timeout=60)
        finally:
            run.kill()

    assert run.returncode == 130
    assert "Traceback" not in stderr or stderr.startswith("Exception ignored in")  # where Python dropped it once
    assert stdout.splitlines()[-2].startswith("interrupted (")
    document = json.loads((here / "result.json").read_text())
    assert document["verdict"] == "interrupted"
    assert any(row["cases"] for row in document["invariants"])
