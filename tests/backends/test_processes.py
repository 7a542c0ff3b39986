"""Functions called in a process of their own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from operator import truediv

import pytest

from gruverify.backends import TargetDied, in_subprocess, processes


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
