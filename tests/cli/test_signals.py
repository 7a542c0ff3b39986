"""Signals raise where a command can be stopped, and do nothing where it writes."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from gruverify.cli._interrupt import interruptible, undisturbed

SIGNALS = pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"]
)


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Both signals as in a shell, however the tests are run."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@SIGNALS
def test_it_is_raised_and_afterwards_all_is_as_before(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(number)
    assert signal.getsignal(number) == before


@SIGNALS
def test_what_is_being_written_is_written(number: signal.Signals) -> None:
    with interruptible():
        with undisturbed():
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


@SIGNALS
def test_what_is_ignored_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with interruptible():
        signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_IGN
