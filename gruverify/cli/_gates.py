"""check --fail-under-gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gruverify.cli._options import EXIT_UNVISITED

if TYPE_CHECKING:
    from gruverify.engine import Result


def exit_code_of_gates(result: Result, least: float | None) -> int:
    """The code of a run that visited too few gates in some format, which it says; else 0."""
    if least is None:
        return 0
    short = {
        fmt: coverage.percent()
        for fmt, coverage in result.coverage.items()
        if coverage.percent() < least
    }
    for fmt, percent in short.items():
        click.echo(
            f"--fail-under-gates {least:g}: {fmt} visited {percent:.1f} % of z × r × c", err=True
        )
    if short:
        return EXIT_UNVISITED
    return 0
