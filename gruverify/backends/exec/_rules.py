"""The rules of the protocol, numbered as docs/exec.md has them, and who breaks one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from gruverify._visible import visible

_CLIPPED = 60


class Rule(IntEnum):
    """The numbers of the rules of docs/exec.md."""

    LINES = 1
    GREETING = 2
    CLAIMS = 3
    ONE_ANSWER = 4
    ID = 5
    FORM = 6
    NAMES = 7
    SHAPE = 8
    DATA = 9
    ALIVE = 10


class ProtocolBroken(RuntimeError):
    """The program broke a rule: `rule` is which, `place` the line of its output that shows it."""

    def __init__(self, rule: Rule, what: str, place: str = "") -> None:
        self.rule, self.what, self.place = rule, what, place
        super().__init__(f"{place}: rule {rule.value}: {what}".removeprefix(": "))

    def __reduce__(self) -> tuple[type[ProtocolBroken], tuple[Rule, str, str]]:
        """How it passes from process to process."""
        # Python would call the class with the message alone, and it has one argument more.
        return type(self), (self.rule, self.what, self.place)


class Late(ProtocolBroken):
    """The program gave no answer in time."""


class GivenUp(NotImplementedError):
    """A method that is not called any more, because it was late or broke off too often."""


class ProgramError(RuntimeError):
    """The program answered that the call failed, as a function of Python raises."""


@contextmanager
def at(place: str) -> Iterator[None]:
    """Whatever rule is broken inside is broken there."""
    try:
        yield
    except ProtocolBroken as broken:
        # What knows its own place keeps it.
        if broken.place:
            raise
        raise type(broken)(broken.rule, broken.what, place) from None


def clipped(found: object) -> str:
    """The beginning of what a program printed, on one line: a text quoted, what else JSON has as it
    stands there. An id of '1' is not one of 1.
    """
    said = found if isinstance(found, str) else json.dumps(found)
    if len(said) > _CLIPPED:
        said = f"{said[:_CLIPPED]}…"
    return visible(repr(said) if isinstance(found, str) else said)
