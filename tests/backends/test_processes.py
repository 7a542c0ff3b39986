"""Functions called in a process of their own."""

from __future__ import annotations

import os
from operator import truediv

import pytest

from gruverify.backends import TargetDied, apart, processes


def test_what_it_returns_comes_back() -> None:
    assert apart(processes("numpy"), os.getpid) != os.getpid()
    assert apart(processes("numpy"), truediv, 1, 4) == 0.25


def test_what_it_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        apart(processes("numpy"), truediv, 1, 0)


@pytest.mark.parametrize(("ends", "how"), [((os._exit, 3), "ended with code 3"), ((os.abort,), "SIGABRT")], ids=str)
def test_how_it_ended_is_told(ends: tuple[object, ...], how: str) -> None:
    with pytest.raises(TargetDied, match=how):
        apart(processes("numpy"), *ends)
