"""The same cases without Hypothesis: read from bytes alone."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Concatenate, ParamSpec, TypeVar

from hypothesis import currently_in_test_context
from hypothesis import event as tell_hypothesis
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify_strategies._codes import RANDOM, choose

P = ParamSpec("P")
Drawn = TypeVar("Drawn")
Strategies = Callable[P, st.SearchStrategy[Drawn]]

_definitions: dict[Callable[..., Any], Callable[..., Any]] = {}


def from_bytes(definition: Callable[Concatenate[st.DrawFn, P], Drawn]) -> Strategies[P, Drawn]:
    """`st.composite` of a definition that takes nothing but bytes, and draws by `part`, `between`
    and `either` alone: for `drawn_from`, too.
    """
    made = st.composite(definition)
    _definitions[made] = definition
    return made


def drawn_from(
    source: Random, made: Strategies[P, Drawn], *args: P.args, **kwargs: P.kwargs
) -> Drawn:
    """What `made(...)` draws where all bytes come from `source`: in a fifth of the time, outside
    tests too, and it does not shrink.

    made: `cells`, `cases`, `stacks` or `stack_cases`, with its arguments after it.

    Raises:
        InvalidArgument: `made` is another strategy, or as `made` does.
    """
    if made not in _definitions:
        name = getattr(made, "__name__", repr(made))
        raise InvalidArgument(
            f"Expected made to be cells, cases, stacks or stack_cases, but got {name}"
        )
    drawn: Drawn = _definitions[made](_Bytes(source), *args, **kwargs)
    return drawn


class _Bytes:
    """Draws a source of bytes, and nothing else."""

    def __init__(self, source: Random) -> None:
        self.source = source

    def __call__(self, strategy: st.SearchStrategy[Any], label: object = None) -> Any:
        if strategy is not RANDOM:
            raise TypeError(f"{strategy!r} is not drawn from bytes alone")
        return self.source


def part(draw: st.DrawFn, made: Strategies[P, Drawn], *args: P.args, **kwargs: P.kwargs) -> Drawn:
    """What another such strategy draws."""
    if isinstance(draw, _Bytes):
        return drawn_from(draw.source, made, *args, **kwargs)
    return draw(made(*args, **kwargs))


def between(draw: st.DrawFn, low: int, high: int) -> int:
    """One of a few integers."""
    if isinstance(draw, _Bytes):
        return choose(draw.source.randrange(256), range(low, high + 1))
    drawn: int = draw(st.integers(low, high))
    return drawn


def either(draw: st.DrawFn) -> bool:
    """True or false."""
    if isinstance(draw, _Bytes):
        return bool(between(draw, 0, 1))
    return draw(st.booleans())


def event(what: str) -> None:
    """Hypothesis' statistics show how often it happens, where it is Hypothesis that draws."""
    if currently_in_test_context():
        tell_hypothesis(what)
