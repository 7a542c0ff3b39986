"""What is wrong with a target or a plan, on one line and with its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from gruverify.cli._configured import TARGETS_FROM
from gruverify.cli._options import EXIT_DIED, EXIT_UNAVAILABLE, Fail


@contextmanager
def targets_mistakes() -> Iterator[None]:
    """Any such exception that is raised inside becomes a `Fail`."""
    from gruverify.backends import TargetDied, TargetUnavailable, UnknownTarget

    try:
        yield
    except TargetDied as died:
        # Modules are called once to see how they are called.
        raise Fail(f"{died} while it imported the target, or first called it", EXIT_DIED) from None
    except TargetUnavailable as missing:
        raise Fail(f"{_file_that_names_it()}{missing}", EXIT_UNAVAILABLE) from None
    except UnknownTarget as unknown:
        raise Fail(f"{_file_that_names_it()}{unknown}") from None
    except ValueError as wrong:
        raise Fail(str(wrong)) from None


def _file_that_names_it() -> str:
    """What an error about a target begins with where no command line, but a file, names it."""
    context = click.get_current_context(silent=True)
    return "" if context is None else context.meta.get(TARGETS_FROM, "")
