"""Cases as a run of gruverify draws them, the same ones every time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from gruverify import Case, Format, StackCase, Variant
from gruverify.engine._search import seed_for
from gruverify.engine._stream import draw
from gruverify.strategies import cases, stack_cases


def drawn(format: Format, variants: Sequence[Variant], count: int) -> list[Case]:
    """The first `count` cases of these variants."""
    return _drawn(cases, format, tuple(variants), count)


def drawn_stacks(format: Format, variants: Sequence[Variant], count: int) -> list[StackCase]:
    """The first `count` cases of stacks of these variants."""
    return _drawn(stack_cases, format, tuple(variants), count)


@cache
def _drawn(strategy: Any, format: Format, variants: tuple[Variant, ...], count: int) -> list[Any]:
    seen: list[Any] = []
    draw(strategy(formats=(format,), variants=variants), count, seed_for(0, format), seen.append)
    return seen
