"""Ctrl-C and SIGTERM: both stop a command alike, and neither spoils a file."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Either signal raises KeyboardInterrupt inside. One that is ignored stays ignored."""
    with _handled_by(signal.default_int_handler):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Neither signal does anything inside: what is being written there is written."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def _handled_by(handler: Any) -> Iterator[None]:
    # Python has signals handled in the main thread alone: in another there is nothing to do.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heeded = [
        # Ignored by whoever started us, as nohup does; None: set by something other than Python.
        number
        for number, handling in before.items()
        if handling not in (signal.SIG_IGN, None)
    ]
    for number in heeded:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])
