"""Option values, turned into what the engine wants, with one line for what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gruverify.arithmetic import Format

EXIT_FALSIFIED, EXIT_USAGE, EXIT_UNAVAILABLE, EXIT_DIED, EXIT_INTERRUPTED = 1, 2, 3, 4, 130


class Fail(click.ClickException):
    """One line on standard error, and an exit code."""

    def __init__(self, message: str, code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        setattr(self, "exit_code", code)  # noqa: B010  # click declares it on the class


class Formats(click.ParamType[Any]):
    """A list of formats, e.g. f32,float16."""

    name = "formats"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Format, ...]:
        if not isinstance(value, str):
            return tuple(value)
        from gruverify.arithmetic import format_named

        try:
            return tuple(dict.fromkeys(format_named(name.strip()) for name in value.split(",")))
        except ValueError as unknown:
            self.fail(str(unknown), param, ctx)
