"""Whether a format may end before all its cases are drawn: one cause explains all that failed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gruverify.engine._explained import explanation
from gruverify.engine._failures import Failures
from gruverify.engine._less_accurate import Explaining
from gruverify.invariants import INVARIANTS

#: How often the likely cause is looked for in a format before all cases are drawn: what the first
#: failures do not show, later ones seldom do.
_SEEKS = 2


@dataclass
class EarlyEnd:
    """Looks for the likely cause of what failed in a format. What one cause explains, further cases
    would show once more.

    wanted: whether it is to be looked for before the next case; sought: how often it was.
    """

    failures: Failures
    explaining: Explaining
    wanted: bool = False
    sought: int = 0

    def want(self) -> None:
        """Have it looked for, if what has failed by now may have such a cause."""
        if self.failures.plan.keep_going or self.sought == _SEEKS or self.failures.are_enough():
            return
        # What is a matter of accuracy has its own words, and they need all that fails. Before a
        # value or a gradient is seen to be wrong, what fails is hard to read.
        families = (INVARIANTS[id].family for id, _ in self.failures.as_drawn())
        self.wanted = self.explaining.hopeless and "agreement" in families

    def seek(self) -> None:
        """Look for it, if that is wanted: not inside a drawing, for it draws cases itself."""
        if not self.wanted:
            return
        self.wanted, self.sought = False, self.sought + 1
        if words := self._cause():
            self.failures.explained = True
            self.failures.ledger.ended_early[self.failures.format.name] = words
            self.failures.shrink()

    def _cause(self) -> str:
        """What explains all that has failed so far, in words; empty if nothing does."""
        found = self.failures.ledger.part(self.failures.format, {})
        if found.flaky:
            return ""
        witnesses = found.witnesses | self.failures.as_drawn()
        return explanation(replace(found, witnesses=witnesses), self.failures.backend)
