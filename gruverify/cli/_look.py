"""check -v, -q, --color, --margins, --max-witnesses: what is printed of a result, and how."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from gruverify.cli._options import Fail

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Look:
    """In which colours (see `console_for`), how many witnesses (see `print_result`), whether
    margins too, whether every invariant, and whether the verdict alone.
    """

    color: str
    most: int | None
    margins: bool
    verbose: bool
    silent: bool


_OPTIONS = (
    click.option(
        "--max-witnesses",
        type=click.IntRange(min=1),
        metavar="N",
        help="Print N failing cases (default: 5, and 1 where a cause explains them all).",
    ),
    click.option(
        "--verbose", "-v", is_flag=True, help="Print every invariant and every failing case."
    ),
    click.option("--quiet", "-q", is_flag=True, help="Print the verdict alone."),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="auto: on a terminal, unless NO_COLOR is set.",
    ),
    click.option(
        "--margins",
        is_flag=True,
        help="Show how close each family came to its bounds, too; with -q as well.",
    ),
)


def look_options(command: Command) -> Command:
    """Give a command the options of what is printed; it gets them as `look`."""

    @functools.wraps(command)
    def with_look(
        *,
        max_witnesses: int | None,
        verbose: bool,
        quiet: bool,
        color: str,
        margins: bool,
        **options: object,
    ) -> Any:
        if verbose and quiet:
            raise Fail(
                "--quiet prints the verdict alone, and --verbose everything: give one of them"
            )
        return command(**options, look=Look(color, max_witnesses, margins, verbose, quiet))

    decorated = cast(Command, with_look)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
