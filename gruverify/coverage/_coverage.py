"""Hits, bin by bin. Those of parts of a run add up, in any order and grouping, to those of the
whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.coverage._groups import GATES, GROUPS, SIZES, Bin, Group

Hits: TypeAlias = npt.NDArray[np.int64]

#: The bins of a group that may be listed one by one.
_FEW = 16


@dataclass(frozen=True, eq=False)
class Coverage:
    """What one format's cases visited.

    hits: by group, how often each bin was hit, in the group's shape; excluded: group and bin, to
    why it cannot be reached.
    """

    hits: dict[str, Hits] = field(default_factory=dict)
    excluded: dict[tuple[str, Bin], str] = field(default_factory=dict)

    def hits_of(self, group: Group) -> Hits:
        """The hits of a group, zeros if it was never visited."""
        return self.hits.get(group.name, np.zeros(group.shape, np.int64))

    def holes(self, group: Group = GATES) -> list[Bin]:
        """The bins that could be reached and were hit less than `at_least` times."""
        missed = (
            bin
            for bin, hits in zip(group.bins(), self.hits_of(group).flat, strict=True)
            if hits < group.at_least
        )
        return [bin for bin in missed if (group.name, bin) not in self.excluded]

    def reachable(self, group: Group = GATES) -> int:
        """How many bins are not excluded."""
        return group.size - sum(name == group.name for name, _ in self.excluded)

    def percent(self, group: Group = GATES) -> float:
        """The share of the reachable bins that are covered."""
        return 100 * (1 - len(self.holes(group)) / self.reachable(group))

    def share(self, groups: Iterable[Group]) -> float:
        """The share of the reachable bins of some groups that are covered, in percent."""
        counted = list(groups)
        reachable = sum(map(self.reachable, counted))
        missed = sum(len(self.holes(group)) for group in counted)
        if reachable:
            return 100 * (1 - missed / reachable)
        return 100.0

    def levels(self) -> Iterator[str]:
        """What was hit: each level of z, r and c, of the sizes, and each bin of the smaller groups,
        such as "z=0".
        """
        # Single levels and not the cross: of 384 bins a table of Hypothesis' statistics would be
        # unreadable.
        for number, axis in enumerate(GATES.axes):
            along = self.hits_of(GATES).sum(tuple({0, 1, 2} - {number}))
            yield from (
                f"{axis.name}={level}"
                for level, count in zip(axis.levels, along, strict=True)
                if count
            )
        for group in SIZES:
            axis, along = group.axes[1], self.hits_of(group).sum(0)
            yield from (
                f"{axis.name}={level}"
                for level, count in zip(axis.levels, along, strict=True)
                if count
            )
        for group in GROUPS.values():
            if group.size <= _FEW:
                bins = zip(group.bins(), self.hits_of(group).flat, strict=True)
                yield from (group.spelled(bin) for bin, count in bins if count)

    def __add__(self, other: Coverage) -> Coverage:
        # In the order of GROUPS, so that sums are equal however they were grouped.
        names = [name for name in GROUPS if name in self.hits or name in other.hits]
        hits = {name: self.hits_of(GROUPS[name]) + other.hits_of(GROUPS[name]) for name in names}
        return Coverage(
            hits, {bin: _reason(self, other, bin) for bin in sorted(self.excluded | other.excluded)}
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Coverage):
            return NotImplemented
        same = all(
            np.array_equal(self.hits_of(group), other.hits_of(group)) for group in GROUPS.values()
        )
        return same and self.excluded == other.excluded

    __hash__ = None  # type: ignore[assignment]  # arrays inside


def _reason(one: Coverage, other: Coverage, bin: tuple[str, Bin]) -> str:
    return min(part.excluded[bin] for part in (one, other) if bin in part.excluded)


def merged(parts: Iterable[Mapping[str, Coverage]]) -> dict[str, Coverage]:
    """Coverage by format, of all parts together."""
    return reduce(_joined, parts, {})


def _joined(one: Mapping[str, Coverage], other: Mapping[str, Coverage]) -> dict[str, Coverage]:
    return {
        name: one.get(name, Coverage()) + other.get(name, Coverage())
        for name in sorted({*one, *other})
    }
