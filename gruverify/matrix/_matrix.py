"""The kill matrix: faults against invariants, and what follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from gruverify._named import JsonObject
from gruverify.faults import EQUIVALENTS, FAULTS
from gruverify.matrix._cover import Cover, cover
from gruverify.matrix._fate import Fate


@dataclass(frozen=True)
class Matrix:
    """The fates of faults and rewrites under one plan. `header` says what the run was, `seconds`
    what it took, `complete` whether it came to its end.
    """

    header: JsonObject
    fates: tuple[Fate, ...]
    seconds: float = 0.0
    complete: bool = True

    @property
    def faults(self) -> list[Fate]:
        """The fates of the faults: survivors first, then those that took the most cases."""
        mine = [fate for fate in self.fates if fate.fault in FAULTS]
        return sorted(
            mine,
            key=lambda f: (
                f.cases is not None,
                -(f.cases or 0),
                list(FAULTS).index(f.fault),
                f.reset,
            ),
        )

    @property
    def survivors(self) -> list[Fate]:
        """Faults that nothing caught."""
        return [fate for fate in self.faults if fate.cases is None]

    @property
    def rewrites(self) -> list[Fate]:
        """The fates of the right rewrites."""
        return [fate for fate in self.fates if fate.fault in EQUIVALENTS]

    @property
    def false_alarms(self) -> list[Fate]:
        """Right rewrites that something failed for."""
        return [fate for fate in self.rewrites if fate.cases is not None]

    @property
    def cover(self) -> Cover:
        """The fewest invariants that catch every fault that is caught."""
        return cover({f"{fate.fault}/{fate.reset}": frozenset(fate.kills) for fate in self.faults})

    def catches(self) -> dict[str, list[str]]:
        """By invariant, the faults it catches on some side, in the bank's order."""
        return _faults_by_invariant(self.faults)

    def alone(self) -> dict[str, list[str]]:
        """By invariant, the faults that no other catches on some side."""
        return _faults_by_invariant([fate for fate in self.faults if len(fate.kills) == 1])

    def summary(self) -> JsonObject:
        """The figures of the run; None where nothing was caught."""
        caught = [fate for fate in self.faults if fate.cases is not None]
        return {
            "faults": len({fate.fault for fate in self.faults}),
            "entries": len(self.faults),
            "caught": len(caught),
            "rewrites": len({fate.fault for fate in self.rewrites}),
            "false alarms": len(self.false_alarms),
            "cases, median": statistics.median(f.cases or 0 for f in caught) if caught else None,
            "cases, largest": max((f.cases or 0 for f in caught), default=None),
            "seconds, median": statistics.median(f.seconds for f in caught) if caught else None,
            "seconds, largest": max((f.seconds for f in caught), default=None),
            **{
                f"witness {k}, largest": max((f.sizes.get(k, 0) for f in caught), default=None)
                for k in "HIBT"
            },
        }


def _faults_by_invariant(fates: Iterable[Fate]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for fate in fates:
        for invariant in fate.kills:
            found.setdefault(invariant, set()).add(fate.fault)
    return {
        invariant: sorted(faults, key=list(FAULTS).index)
        for invariant, faults in sorted(found.items())
    }
