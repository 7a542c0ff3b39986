"""The fewest invariants that together catch every fault that is caught at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

#: By name, what catches it.
Killers: TypeAlias = Mapping[str, frozenset[str]]

#: Branches tried before the greedy cover is taken for good enough.
PATIENCE = 200_000


@dataclass(frozen=True)
class Cover:
    """Invariants that catch everything, and whether it is proved that fewer do not."""

    invariants: tuple[str, ...]
    smallest: bool


def cover(killers: Killers) -> Cover:
    """The smallest cover, by branch and bound from the greedy one; of faults that nothing catches
    none is expected.
    """
    needed = _reduced({name: by for name, by in killers.items() if by})
    search = _Search(greedy(needed))
    search.extend(needed, ())
    return Cover(tuple(sorted(search.best)), search.steps < PATIENCE)


def greedy(killers: Killers) -> tuple[str, ...]:
    """The invariant that catches most of what is left, again and again."""
    left, chosen = dict(killers), list[str]()
    while left:
        counts: dict[str, int] = {}
        for by in left.values():
            for invariant in by:
                counts[invariant] = counts.get(invariant, 0) + 1
        chosen.append(min(counts, key=lambda invariant: (-counts[invariant], invariant)))
        left = _without(left, chosen[-1])
    return tuple(chosen)


def _without(killers: Killers, invariant: str) -> dict[str, frozenset[str]]:
    return {name: by for name, by in killers.items() if invariant not in by}


def _reduced(killers: Killers) -> dict[str, frozenset[str]]:
    """Of faults whose killers include another's, only the other matters: what catches it catches
    them.
    """
    kept: dict[str, frozenset[str]] = {}
    for name, by in sorted(killers.items(), key=lambda item: (len(item[1]), item[0])):
        if not any(other <= by for other in kept.values()):
            kept[name] = by
    return kept


class _Search:
    def __init__(self, best: tuple[str, ...]) -> None:
        self.best = best
        self.steps = 0

    def extend(self, left: Killers, chosen: tuple[str, ...]) -> None:
        """Try every way to catch the fault with the fewest killers, and go on with what is left."""
        self.steps += 1
        if not left:
            self.best = min(self.best, chosen, key=len)
            return
        # The bound of branch and bound: at least that many more are needed.
        if self.steps >= PATIENCE or len(chosen) + _disjoint(left) >= len(self.best):
            return
        # The fault with the fewest killers branches least.
        for invariant in sorted(left[min(left, key=lambda name: len(left[name]))]):
            self.extend(_without(left, invariant), (*chosen, invariant))


def _disjoint(killers: Killers) -> int:
    """Faults no two of which share a killer: each needs an invariant of its own."""
    used: set[str] = set()
    count = 0
    for by in sorted(killers.values(), key=len):
        if used.isdisjoint(by):
            used |= by
            count += 1
    return count
