"""How many cases a run planned and judged, and of which sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gruverify.cell import AnyCase, Case

#: What a case is of: one cell, or a stack of layers.
Kind: TypeAlias = Literal["cells", "stacks"]


@dataclass(frozen=True)
class Drawn:
    """Cases of one kind in one format: how many were planned and judged, and the smallest and
    largest of each size.

    `sizes` has a letter for each: H hidden, I input, B batch, T time; of a stack, L layers and D
    directions.
    """

    planned: int = 0
    judged: int = 0
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __add__(self, other: Drawn) -> Drawn:
        sizes = dict(self.sizes)
        for letter, (least, most) in other.sizes.items():
            known = sizes.get(letter, (least, most))
            sizes[letter] = min(least, known[0]), max(most, known[1])
        return Drawn(self.planned + other.planned, self.judged + other.judged, sizes)


def kind_of(case: AnyCase) -> Kind:
    """What the case is of."""
    if isinstance(case, Case):
        return "cells"
    return "stacks"


def one(case: AnyCase) -> Drawn:
    """A case that was judged."""
    return Drawn(judged=1, sizes={letter: (size, size) for letter, size in case.sizes.items()})
