"""Where every run of the command begins: gruverify, and python -m gruverify."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

#: As gruverify.cli has it, which is not imported yet.
_INTERRUPTED = 130


def main() -> None:
    """Run the command line. Ctrl-C and SIGTERM while it is still being imported end it in one line,
    too: there is nothing yet that could be lost.
    """
    _open_what_is_closed()
    _answer_signals_by(_stop)
    # Only now, for importing takes a while in which somebody may press Ctrl-C.
    from gruverify.cli import main as command

    try:
        command(prog_name="gruverify")
    finally:
        # All is written and said, and the exit code stands while Python clears its modules away.
        _answer_signals_by(signal.SIG_IGN)


def _open_what_is_closed() -> None:
    """Where there is no standard input, output or error, as after >&-, have one that leads nowhere:
    files that are opened later would take its number, and what is printed would go into them.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # Python has nothing there; system calls give the smallest number that is free.
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _answer_signals_by(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, handler)


def _stop(*_: object) -> NoReturn:
    os.write(2, b"Error: interrupted before there was anything to write\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
