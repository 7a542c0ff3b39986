"""Printing to a console that may be gone."""

from __future__ import annotations

import os
import sys
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
        # Python flushes at its end, and would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(refused, BrokenPipeError):
            with suppress(OSError):
                click.echo(f"standard output cannot be written: {refused.strerror}", err=True)
