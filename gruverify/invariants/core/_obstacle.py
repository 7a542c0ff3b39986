"""What stands in the way of reading an answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from gruverify._visible import error_line, visible
from gruverify.cell import AnyCase


class Obstacle(Exception):
    """A quantity that cannot be read: `method` should have given it, `case` is what it was asked
    for, where known.
    """

    method: str = ""
    case: AnyCase | None = None

    def __init__(self, what: str) -> None:
        super().__init__(visible(what))

    def again(self) -> Self:
        """The same, to be raised: what is raised holds on to every frame that it passes."""
        other = type(self).__new__(type(self), *self.args)
        vars(other).update(vars(self))
        other.__cause__ = self.__cause__
        return other


class BackendRaised(Obstacle):
    """The backend raised: `method` is what was called, `error` what it raised, `remedy` what to do
    about it, if that is known.
    """

    def __init__(self, method: str, error: BaseException, remedy: str = "") -> None:
        super().__init__(f"{method} raised {error_line(error)}" + (f": {remedy}" if remedy else ""))
        self.method = method
        self.error = error


class Malformed(Obstacle):
    """The backend returned something of the wrong kind, shape or dtype; the message says what."""


class Declined(Obstacle):
    """The backend's `method` raised NotImplementedError: it does not claim to answer. The message
    has its reason.
    """

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"{method} is not implemented" + (f": {reason}" if reason else ""))
        self.method = method


class Refused(Declined):
    """The backend's `method` raised at sizes that no case has, which it may: `what` is "T=0", "B=0"
    or "B=8096".
    """

    def __init__(self, method: str, what: str, error: BaseException) -> None:
        Obstacle.__init__(self, f"{method} refuses {what}: {error_line(error)}")
        self.method = method


class NoMoreAsked(Declined):
    """The backend's `method` kept a run waiting, or broke off, so often that it is not called
    again; the message says how often.
    """

    def __init__(self, method: str, reason: str) -> None:
        Obstacle.__init__(self, f"{method}: {reason}")
        self.method = method


class RuledOut(Declined):
    """The backend declares that it cannot be asked what it would have been: `method` was not
    called.
    """

    def __init__(self, method: str, declaration: str) -> None:
        Obstacle.__init__(self, f"{method} is not checked here: declared {declaration}")
        self.method = method
        self.declaration = declaration


def without_frames(error: BaseException | None) -> None:
    """Let go of where an exception was raised, and where those were that it came of: frames hold
    what was being asked, and that may hold the exception.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


@contextmanager
def asking(method: str) -> Iterator[None]:
    """Whatever stands in the way inside is about that method."""
    try:
        yield
    except Obstacle as obstacle:
        # The innermost name stands: a derived method may call another.
        obstacle.method = obstacle.method or method
        raise
