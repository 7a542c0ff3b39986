"""Exit codes, and how a command ends with one."""

from __future__ import annotations

from collections.abc import Iterable

import click

from gruverify._visible import visible

EXIT_FALSIFIED, EXIT_USAGE, EXIT_UNAVAILABLE, EXIT_DIED, EXIT_UNVISITED, EXIT_INCONCLUSIVE = (
    1,
    2,
    3,
    4,
    5,
    6,
)
EXIT_INTERRUPTED = 130
#: A comparison found what it was to fail on.
EXIT_WORSE = 1

#: How a command ends that has a verdict.
EXIT_CODES = {
    "conforms": 0,
    "rounding": 0,
    "bug": EXIT_FALSIFIED,
    "undecidable": EXIT_INCONCLUSIVE,
    "falsified": EXIT_FALSIFIED,
    "died": EXIT_DIED,
    "inconclusive": EXIT_INCONCLUSIVE,
    "interrupted": EXIT_INTERRUPTED,
}


#: The exit codes of a check: of several that are true, a command ends with the first.
GRAVEST_FIRST = (
    EXIT_INTERRUPTED,
    EXIT_DIED,
    EXIT_FALSIFIED,
    EXIT_USAGE,
    EXIT_UNAVAILABLE,
    EXIT_INCONCLUSIVE,
    EXIT_UNVISITED,
    0,
)


def worst_exit(codes: Iterable[int]) -> int:
    """The gravest of several exit codes."""
    return min(codes, key=GRAVEST_FIRST.index)


class Fail(click.ClickException):
    """One line on standard error, and an exit code."""

    def __init__(self, message: str, code: int = EXIT_USAGE) -> None:
        super().__init__(visible(message))
        setattr(self, "exit_code", code)  # noqa: B010  # click declares it on the class


class Interrupted(Fail):
    """The command was interrupted before there was anything to keep."""

    def __init__(self) -> None:
        super().__init__("interrupted before there was anything to write", EXIT_INTERRUPTED)
