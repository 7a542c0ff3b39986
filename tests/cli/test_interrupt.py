"""Ctrl-C and SIGTERM, as a terminal and a CI system send them."""

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
import contextlib
import ctypes
import itertools
import pathlib
import time

from planted import right

calls = itertools.count()


def step(cell, x, h):
    if next(calls) == 600:  # by then a case has been judged
        pathlib.Path("running").touch()
    return right(cell, x, h)


def halved(cell, x, h):
    if next(calls) == 400:
        pathlib.Path("running").touch()
        ctypes.PyDLL(None).sleep(3600)  # held in C, and with it the lock of the interpreter
    return right(cell, x, h) / 2


def catches(cell, x, h):
    while next(calls) > 20:
        pathlib.Path("running").touch()
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(0.1)
    return right(cell, x, h)
"""
IMPORT = """
import pathlib
import time

pathlib.Path("running").touch()
time.sleep(3600)
"""


def heeding() -> None:
    """Have both signals do what they do in a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def interrupted(*arguments: str, by: signal.Signals = signal.SIGINT) -> tuple[str, str]:
    """What a command writes to standard output and error that is interrupted as soon as its target
    is running.
    """
    command = [sys.executable, "-m", "gruverify", *arguments]
    # A group of its own: the signal goes to every process of it, as it does on a terminal. Who runs
    # the tests in the background may have it ignored, which is inherited.
    options = {
        "stdout": PIPE,
        "stderr": PIPE,
        "text": True,
        "start_new_session": True,
        "preexec_fn": heeding,
    }
    with Popen(command, **options) as run:  # type: ignore[call-overload]
        try:
            while not Path("running").exists():
                assert run.poll() is None
                time.sleep(0.02)
            os.killpg(run.pid, by)
            stdout, stderr = run.communicate(timeout=60)
        finally:
            run.kill()
    assert run.returncode == 130
    assert "Traceback" not in stderr
    return stdout, stderr


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_ctrl_c_prints_and_saves_what_there_is(planted: str, here: Path, jobs: str) -> None:
    (here / "long.py").write_text(LONG)

    stdout, _ = interrupted(
        "check", "long:step", "--jobs", jobs, "--json", "result.json", "--max-cases", "1000000"
    )

    assert stdout.splitlines()[-2].startswith("interrupted (")
    document = json.loads((here / "result.json").read_text())
    assert document["verdict"] == "interrupted"
    assert any(row["cases"] for row in document["invariants"])


@pytest.mark.parametrize(
    ("target", "by", "status"),
    [
        pytest.param("halved", signal.SIGTERM, "falsified", id="in C, SIGTERM"),
        pytest.param("catches", signal.SIGINT, "", id="catching, Ctrl-C", marks=pytest.mark.slow),
    ],
)
def test_however_the_target_hangs(
    planted: str, here: Path, target: str, by: signal.Signals, status: str
) -> None:
    (here / "long.py").write_text(LONG)

    interrupted("check", f"long:{target}", "--format", "f32", "--json", "result.json", by=by)

    document = json.loads((here / "result.json").read_text())
    assert document["verdict"] == "interrupted"
    if status:  # and what had failed by then is kept, with the cases in which it did
        failed = {row["id"] for row in document["invariants"] if row["status"] == status}
        assert failed
        assert {witness["invariant"] for witness in document["witnesses"]} == failed


@pytest.mark.parametrize("command", ["check", pytest.param("identify", marks=pytest.mark.slow)])
def test_while_the_target_is_imported(here: Path, command: str) -> None:
    (here / "slow.py").write_text(IMPORT)

    stdout, stderr = interrupted(command, "slow:step", by=signal.SIGTERM)

    assert (stdout, stderr) == ("", "Error: interrupted before there was anything to write\n")


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_while_the_command_itself_is_imported(here: Path, by: signal.Signals) -> None:
    """A click that takes its time stands before the real one."""
    (here / "click.py").write_text(
        f"import os, time\nos.kill(os.getpid(), {int(by)})\ntime.sleep(60)\n"
    )
    command = "from gruverify.__main__ import main; main()"
    path = os.pathsep.join([str(here), *sys.path])

    run = Popen(
        [sys.executable, "-c", command],
        stdout=PIPE,
        stderr=PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONSAFEPATH": ""},
        preexec_fn=heeding,
    )

    assert run.communicate(timeout=30) == (
        "",
        "Error: interrupted before there was anything to write\n",
    )
    assert run.returncode == 130


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_while_python_clears_away_after_it(by: signal.Signals) -> None:
    """What was said and written, and the exit code with it, stands."""
    command = (
        f"import atexit, os; atexit.register(os.kill, os.getpid(), {int(by)}); "
        "from gruverify.__main__ import main; main()"
    )

    run = Popen(
        [sys.executable, "-c", command, "--version"],
        stdout=PIPE,
        stderr=PIPE,
        text=True,
        preexec_fn=heeding,
    )

    stdout, stderr = run.communicate(timeout=30)
    assert (run.returncode, stderr) == (0, "")
    assert stdout.startswith("gruverify, version ")
