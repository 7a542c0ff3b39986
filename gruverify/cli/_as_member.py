"""The process of a `Member`: a command of gruverify that ends with whoever started it.

    python -m gruverify.cli._as_member REASON check ...

What is wrong is written to the file REASON, too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click

from gruverify._files import write_whole
from gruverify.cli import main

#: Keys of pyproject.toml that are about the run of all targets, and not about the check of one.
_OF_THE_RUN = ("report", "jobs")


def _end_with_parent() -> None:
    """Interrupt this process once its input is closed."""
    # Nothing is ever sent: reading ends when the other end is closed, by the parent or by its
    # death.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # which nobody ignores in the background


def _run(reason: Path, arguments: list[str]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        # Not standalone: the message goes to a file as well, which the output may bury.
        main.main(arguments, "gruverify", standalone_mode=False, obj=_OF_THE_RUN)
    except click.ClickException as failed:
        failed.show()
        write_whole(reason, failed.format_message())
        sys.exit(failed.exit_code)


if __name__ == "__main__":
    _run(Path(sys.argv[1]), sys.argv[2:])
