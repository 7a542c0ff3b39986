"""Exit codes, and how a command ends with one."""

from __future__ import annotations

import click

EXIT_FALSIFIED, EXIT_USAGE, EXIT_UNAVAILABLE, EXIT_DIED, EXIT_UNVISITED, EXIT_INTERRUPTED = 1, 2, 3, 4, 5, 130


class Fail(click.ClickException):
    """One line on standard error, and an exit code."""

    def __init__(self, message: str, code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        setattr(self, "exit_code", code)  # noqa: B010  # click declares it on the class
