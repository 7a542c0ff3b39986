"""check -x, --max-failures, --keep-going, --no-shrink: when a run ends, and what becomes of what
failed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gruverify.cli._configured import is_one_of_several
from gruverify.cli._options import Fail

if TYPE_CHECKING:
    from gruverify.engine import Plan

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Ending:
    """How many invariants may fail before a format ends (None: all), whether it goes on where the
    likely cause explains what failed, and whether cases that failed are reduced.
    """

    max_failures: int | None
    keep_going: bool
    shrink: bool

    def of(self, plan: Plan, *, needs_all: bool) -> Plan:
        """The plan of a run that ends so; needs_all: whether all that fails must be seen."""
        return replace(
            plan,
            max_failures=self.max_failures,
            keep_going=self.keep_going or needs_all,
            shrink=self.shrink,
        )


_OPTIONS = (
    click.option(
        "-x", "first_only", is_flag=True, help="End a format after the first case that fails."
    ),
    click.option(
        "--max-failures",
        type=click.IntRange(min=1),
        metavar="N",
        help="End a format once N invariants have failed.",
    ),
    click.option(
        "--keep-going",
        is_flag=True,
        help="Draw all cases of a format, also where the likely cause explains all that has "
        "failed in it.",
    ),
    click.option(
        "--no-shrink", is_flag=True, help="Show the cases that failed as they were drawn, at once."
    ),
)


def ending_options(command: Command) -> Command:
    """Give a command the options of when a run ends; it gets them as `ending`."""

    @functools.wraps(command)
    def with_ending(
        *,
        first_only: bool,
        max_failures: int | None,
        keep_going: bool,
        no_shrink: bool,
        **options: object,
    ) -> Any:
        if first_only and max_failures is not None:
            raise Fail("-x ends at the first case, --max-failures later: give one of them")
        if keep_going and (first_only or max_failures is not None):
            ends = "-x" if first_only else "--max-failures"
            raise Fail(f"--keep-going draws all cases, and {ends} ends before: give one of them")
        most = 1 if first_only else max_failures
        # The page of several targets says of each what fails, in how many cases.
        goes_on = keep_going or (most is None and is_one_of_several())
        return command(**options, ending=Ending(most, goes_on, not no_shrink))

    decorated = cast(Command, with_ending)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
