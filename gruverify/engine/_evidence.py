"""How a reading of a cell fares on the cases that it is tried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gruverify.cell import Case
from gruverify.engine._readings import Reading
from gruverify.engine._search import size
from gruverify.invariants import Residual


@dataclass
class Evidence:
    """How a reading fares: cases and entries tried and within their bounds, the largest margin, and
    over 1 the smallest margin of a case that excludes it, with the smallest such case; and the
    cases whose bounds claim something.
    """

    reading: Reading
    cases: int = 0
    agreeing: int = 0
    entries: int = 0
    within: int = 0
    largest: float = 0.0
    closest: float = np.inf
    claiming: int = 0
    exclusion: tuple[Case, Residual] | None = None

    @property
    def holds(self) -> bool:
        """Whether no case excludes it."""
        return self.agreeing == self.cases

    @property
    def claims(self) -> bool:
        """Whether at least half of its cases have bounds that claim something."""
        return 2 * self.claiming >= self.cases > 0

    def enter(self, case: Case, residuals: Sequence[Residual]) -> None:
        """Add a case."""
        worst = max(residuals, key=lambda residual: residual.margin)
        margins = [
            residual.entries.margins for residual in residuals if residual.entries is not None
        ]
        self.cases += 1
        self.claiming += all(residual.claims for residual in residuals)
        self.entries += sum(m.size for m in margins)
        self.within += sum(int(np.count_nonzero(m <= 1)) for m in margins)
        self.largest = max(self.largest, worst.margin)
        if worst.margin <= 1:
            self.agreeing += 1
            return
        self.closest = min(self.closest, worst.margin)
        if self.exclusion is None or size(case) < size(self.exclusion[0]):
            self.exclusion = case, worst


def nearest(evidence: Evidence) -> tuple[float, float]:
    """Sorts evidence: most cases first, then the smallest of the largest margins."""
    return -evidence.agreeing, evidence.largest
