"""Functions called in a process of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from operator import truediv
from pathlib import Path
from typing import Any

import pytest

from gruverify.backends import Child, TargetDied, in_subprocess, processes


@pytest.fixture(autouse=True)
def can_import_what_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has the path of who starts it, and functions of this module to call."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])


@pytest.mark.uncounted
def test_what_it_returns_comes_back() -> None:
    assert in_subprocess(processes("numpy"), os.getpid) != os.getpid()
    assert in_subprocess(processes("numpy"), truediv, 1, 4) == 0.25


@pytest.mark.uncounted
def test_what_it_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        in_subprocess(processes("numpy"), truediv, 1, 0)


@pytest.mark.parametrize(
    ("end", "code", "how"),
    [
        pytest.param(sys.exit, 3, "the process ended with code 3", id="exit"),
        pytest.param(
            signal.raise_signal, signal.SIGKILL, r"was killed by signal 9 \(SIGKILL\)", id="killed"
        ),
    ],
)
def test_how_it_ended_is_told(end: Callable[[int], None], code: int, how: str) -> None:
    with pytest.raises(TargetDied, match=how):
        in_subprocess(processes("numpy"), end, code)


def fork_a_lasting_one() -> int:
    """A process that inherits all that there is, and would keep whoever reads it waiting."""
    pid = os.fork()
    if not pid:
        time.sleep(600)
        os._exit(0)
    return pid


def start_a_lasting_one() -> int:
    return subprocess.Popen(["sleep", "600"]).pid


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # killed, and not yet waited for by whoever adopted it
            return True
        time.sleep(0.02)
    return False


@pytest.mark.uncounted
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told of in /proc")
@pytest.mark.parametrize("start", [fork_a_lasting_one, start_a_lasting_one])
def test_what_it_started_ends_with_it(start: Callable[[], int]) -> None:
    assert is_gone(in_subprocess(processes("numpy"), start))


def touch(_: object, file: Path) -> None:
    file.touch()


@pytest.mark.uncounted
def test_who_is_not_known_to_have_started_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Ctrl-C comes while it starts: nobody would end it."""
    context = processes("numpy")
    start, started = context.Process.start, list[Any]()

    def interrupted(process: Any) -> None:
        start(process)
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(context.Process, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Child(context, "numpy", touch, tmp_path / "begun")
    started[0].join(10)

    assert not started[0].is_alive()
    assert not (tmp_path / "begun").exists()


def hang(_: object) -> None:
    time.sleep(600)


@pytest.mark.uncounted
def test_ctrl_c_while_its_end_is_awaited_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child(processes("numpy"), "numpy", hang)
    process = child._process
    wait = process.join

    def interrupted(timeout: float | None = None) -> None:
        monkeypatch.setattr(process, "join", wait)
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        child.close(grace=60.0)
    process.join(10)

    assert not process.is_alive()
