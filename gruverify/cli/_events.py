"""--events of gruverify check: what happens, as JSON lines, as it happens."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from gruverify.cli._files import writable
from gruverify.cli._options import Fail

if TYPE_CHECKING:
    from gruverify.reporting import EventLog

OPTION = click.option(
    "--events",
    metavar="PATH",
    help="Write what happens as JSON lines, as it happens; - is standard output.",
)


def require_one_on_output(json: str | None, events: str | None) -> None:
    """Refuse the result and the events in one stream; fail early where no events can be written."""
    if json == events == "-":
        raise Fail("--json - and --events -: only one of them can be standard output")
    writable("--events", events)


@contextmanager
def event_log(path: str | None) -> Iterator[EventLog]:
    """A log that writes to the file, to standard output, or, without a path, nowhere.

    A reader that went away, or a full disk, ends the log with one line, and not the run.
    """
    from gruverify.reporting import EventLog

    refused = False

    def write(line: str) -> None:
        nonlocal refused
        if stream is None or refused:
            return
        try:
            stream.write(line + "\n")
            stream.flush()
        except OSError as failure:
            refused = True
            click.echo(f"--events {path}: {failure.strerror}; the run goes on", err=True)

    with _opened(path) as stream:
        yield EventLog(write)


@contextmanager
def _opened(path: str | None) -> Iterator[TextIO | None]:
    if path is None or path == "-":
        yield None if path is None else sys.stdout
        return
    file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115  # closing may fail, once more
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()
