"""Option values read by a function; what is wrong with one fits on one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gruverify._named import Keywords
from gruverify.cli._options import Fail

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from gruverify.arithmetic import Format


class Parsed(click.ParamType):  # type: ignore[type-arg]  # older versions of click have it plain
    """What `read` makes of an option's text. A ValueError it raises becomes the option, the text
    and the `rule`.
    """

    name = "value"

    def __init__(self, read: Callable[[str], Any], rule: str = "") -> None:
        self._read = read
        self._rule = rule

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The value of the text."""
        try:
            if isinstance(value, str):
                return self._read(value)
            return value
        except ValueError as wrong:
            option = param.opts[0] if param else self.name
            # An empty text is shown as '', or the message would have a hole.
            raise Fail(f"{option} {value or repr(value)}: {self._rule or wrong}") from None


def one_of(*words: str) -> Parsed:
    """One of the words."""

    def read(word: str) -> str:
        if word not in words:
            raise ValueError(word)
        return word

    return Parsed(read, f"must be {' or '.join(words)}")


def number_within(rule: str, allowed: Callable[[float], bool]) -> Parsed:
    """A number that is allowed. A NaN must not be: every comparison with it is false, and click's
    ranges let it in.
    """

    def read(text: str) -> float:
        value = float(text)
        if not allowed(value):
            raise ValueError(text)
        return value

    return Parsed(read, f"must be {rule}")


def _numbers(listed: str) -> tuple[float, ...]:
    return tuple(float(number) for number in listed.split(","))


def _formats(listed: str) -> tuple[Format, ...]:
    from gruverify.arithmetic import formats_named

    return formats_named(listed)


def _folder(text: str) -> Path:
    if not text:
        raise ValueError(text)
    return Path(text)


WHOLE = Parsed(int, "must be a whole number")
NUMBER = Parsed(float, "must be a number")
NUMBERS = Parsed(_numbers, "must be numbers with commas between them, e.g. 4,8,12,16")
FORMATS = Parsed(_formats)
SECONDS = number_within("a number of seconds above 0", lambda value: value > 0)
PERCENT = number_within("a percentage from 0 to 100", lambda value: 0 <= value <= 100)


class Folder(Parsed):
    """A folder, which the shell completes."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Folders, as the shell completes them itself."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir")]


FOLDER = Folder(_folder, "name a folder")

#: The settings of --patience, which several commands have.
PATIENCE: Keywords = {
    "type": SECONDS,
    "default": 120.0,
    "show_default": True,
    "metavar": "S",
    "help": "Stop a process of the target that has neither answered nor called it for S seconds.",
}


def _limit_memory(context: click.Context, param: click.Parameter, gibibytes: float) -> None:
    from dataclasses import replace

    from gruverify.backends import limits, set_limits

    # At once, and for all that is started afterwards: limits travel to child processes.
    set_limits(replace(limits(), memory=int(gibibytes * 2**30)))


#: The settings of --memory, which holds from then on in this process and those that it starts.
MEMORY: Keywords = {
    "type": number_within("a number of GiB above 0", lambda value: 0 < value < 2**20),
    "default": 4.0,
    "show_default": True,
    "metavar": "GIB",
    "help": "The memory that a program, as a target exec:COMMAND, may take, and a process of one "
    "of several targets (on Linux).",
    "expose_value": False,
    "callback": _limit_memory,
}
