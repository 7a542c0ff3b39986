"""Ctrl-C that is not lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def noticing() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed inside, which raises KeyboardInterrupt as ever.

    Python drops an exception that is raised in a callback of the garbage collector, such as Hypothesis has: who asks
    from time to time goes on no longer than that. Where the signal is ignored it stays ignored.
    """
    pressed = threading.Event()
    before: Any = signal.getsignal(signal.SIGINT)
    if before in (signal.SIG_IGN, None) or threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def note(*_: object) -> None:
        pressed.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
