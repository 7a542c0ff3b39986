"""Ctrl-C is noticed even where the exception that it raises is dropped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gruverify.cli._interrupt import noticing


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Ctrl-C as in a shell, however the tests are run."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_exception_that_is_dropped_leaves_a_note() -> None:
    with noticing() as pressed:
        assert not pressed()
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert pressed()


def test_it_is_raised_all_the_same_and_afterwards_as_before() -> None:
    with pytest.raises(KeyboardInterrupt), noticing():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with noticing() as pressed:
        signal.raise_signal(signal.SIGINT)
        assert not pressed()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
