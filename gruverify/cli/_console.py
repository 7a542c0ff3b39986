"""Printing to a console that may be gone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def whatever_becomes_of_the_console() -> Iterator[None]:
    """A console that was closed, or that cannot write what it is given, changes no exit code."""
    try:
        yield
        sys.stdout.flush()
    except OSError:  # a BrokenPipeError is one
        # Python flushes at its end, and would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
