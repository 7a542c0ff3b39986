"""Where every run of the command begins: gruverify, and python -m gruverify."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

#: As gruverify.cli has it, which is not imported yet.
_INTERRUPTED = 130


def main() -> None:
    """Run the command line. Ctrl-C and SIGTERM while it is still being imported end it in one line,
    too: there is nothing yet that could be lost.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, _stop)
    # Only now, for importing takes a while in which somebody may press Ctrl-C.
    from gruverify.cli import main as command

    command(prog_name="gruverify")


def _stop(*_: object) -> NoReturn:
    os.write(2, b"Error: interrupted before there was anything to write\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
