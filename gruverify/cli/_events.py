"""--events of gruverify check: what happens, as JSON lines, as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gruverify.cli._complete import files
from gruverify.cli._console import print_json
from gruverify.cli._files import writable
from gruverify.cli._options import Fail

if TYPE_CHECKING:
    from gruverify.reporting import EventLog

OPTION = click.option(
    "--events",
    metavar="PATH",
    shell_complete=files,
    help="Write what happens as JSON lines, as it happens; - is standard output.",
)


def require_one_on_output(json: str | None, events: str | None) -> None:
    """Refuse the result and the events in one stream; fail early where no events can be written."""
    if json == events == "-":
        raise Fail("--json - and --events -: only one of them can be standard output")
    writable("--events", events)


@contextmanager
def event_log(path: str | None) -> Iterator[EventLog]:
    """A log that writes to the file, to standard output, or, without a path, nowhere."""
    from gruverify.reporting import EventLog

    if path is None:
        yield EventLog(lambda line: None)
    elif path == "-":
        yield EventLog(_Lines(print_json, path))
    else:
        file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115  # closing may fail, too
        try:

            def write(line: str) -> None:
                file.write(line)
                # Line by line: who follows the log wants to see what happens when it does.
                file.flush()

            yield EventLog(_Lines(write, path))
        finally:
            with suppress(OSError):
                file.close()


@dataclass
class _Lines:
    """Writes lines as they come. A reader that went away, or a full disk, ends that with one line
    on standard error, and not the run.
    """

    write: Callable[[str], None]
    path: str
    refused: bool = False

    def __call__(self, line: str) -> None:
        if self.refused:
            return
        try:
            self.write(f"{line}\n")
        except OSError as failure:
            self.refused = True
            click.echo(f"--events {self.path}: {failure.strerror}; the run goes on", err=True)
