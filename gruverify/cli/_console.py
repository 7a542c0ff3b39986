"""Printing to a console that may be gone."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click


@contextmanager
def whatever_becomes_of_the_console() -> Iterator[None]:
    """A console that was closed, or that cannot write what it is given, changes no exit code."""
    try:
        yield
        # Here, while it can still be caught.
        sys.stdout.flush()
    except OSError as refused:
        _fall_silent(refused)


def print_json(text: str) -> None:
    """Print JSON, in UTF-8 whatever the console takes: spelled for one that has not its characters
    it would be none. Half of a surrogate pair is spelled as JSON does.
    """
    click.echo(text.encode("utf-8", errors="backslashreplace"), nl=False)


def met_by_printing(refused: OSError) -> bool:
    """Whether it was met where something was printed; then nothing more goes to standard output."""
    # What was to be written is lost with the error: trying again would tell nothing.
    *_, (frame, _) = traceback.walk_tb(refused.__traceback__)
    if frame.f_code is not click.echo.__code__:
        return False
    _fall_silent(refused)
    return True


def _fall_silent(refused: OSError) -> None:
    # Python flushes at its end, and would fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(refused, BrokenPipeError):
        with suppress(OSError):
            click.echo(f"standard output cannot be written: {refused.strerror}", err=True)
