"""Cases as a run of gruverify draws them, the same ones every time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from gruverify import Case, Format, Variant
from gruverify.engine._search import draw, seed_for
from gruverify.strategies import cases


def drawn(format: Format, variants: Sequence[Variant], count: int) -> list[Case]:
    """The first `count` cases of these variants."""
    return _drawn(format, tuple(variants), count)


@cache
def _drawn(format: Format, variants: tuple[Variant, ...], count: int) -> list[Case]:
    seen: list[Case] = []
    draw(cases(formats=(format,), variants=variants), count, seed_for(0, format), seen.append)
    return seen
