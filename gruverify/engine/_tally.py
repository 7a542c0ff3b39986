"""How one invariant fared over the cases of one format and variant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gruverify.engine._conditions import Outcomes

Status: TypeAlias = Literal[
    "passed",
    "falsified",
    "nothing claimed",
    "not applicable",
    "blocked",
    "error",
    "skipped",
    "xfailed",
    "xpassed",
    "died",
]
Mark: TypeAlias = Literal["", "skip", "xfail", "died"]

#: Margins are counted in eighths of an octave, so that a median is known to within 10 %.
BINS_PER_OCTAVE = 8
_LOWEST = -64 * BINS_PER_OCTAVE

#: What an outcome is called that the user expects to be a failure.
_EXPECTED: dict[str, Status] = {"falsified": "xfailed", "error": "xfailed", "passed": "xpassed"}


@dataclass(frozen=True)
class Tally:
    """How one invariant fared in one format and variant.

    Counts of cases by outcome, the largest margin, and a histogram of each case's margin.
    `unclaimed` counts the cases whose bounds claimed nothing: they did not pass. `compared` counts
    the entries that were compared, and `claimed` those of them whose bounds claim something.
    `declined` counts the cases for which the backend said that it does not implement what is
    needed. `reason` says why there are no cases, or what the first error or obstacle was, and
    `failed` whether it is that of a failure, its own or the one that blocks it; `cause` is the
    invariant that reported the obstacle, where another one did. `mark` is what the user's
    selection makes of the invariant, or that the target died under it. `outcomes` counts by
    features of the cases: what those that failed have in common.
    """

    passed: int = 0
    falsified: int = 0
    error: int = 0
    blocked: int = 0
    largest: float = 0.0
    histogram: dict[int, int] = field(default_factory=dict)
    reason: str = ""
    declined: int = 0
    cause: str = ""
    mark: Mark = ""
    unclaimed: int = 0
    compared: int = 0
    claimed: int = 0
    outcomes: Outcomes = field(default_factory=Outcomes)
    failed: bool = False

    @property
    def cases(self) -> int:
        """How many cases were judged or could not be."""
        return self.passed + self.falsified + self.error + self.blocked + self.unclaimed

    @property
    def judged(self) -> int:
        """How many cases passed or were falsified: those of which something was claimed."""
        return self.passed + self.falsified

    @property
    def status(self) -> Status:
        """The gravest outcome, as the mark has it; nothing claimed, if that is all there is."""
        if self.mark == "skip":
            return "skipped"
        if self.mark == "died":
            return "died"
        # The gravest first: one failure among any number of passes is a failure.
        for name in ("falsified", "error", "blocked", "passed"):
            if getattr(self, name):
                if self.mark == "xfail":
                    return _EXPECTED.get(name, name)
                return name
        if self.unclaimed:
            return "nothing claimed"
        return "not applicable"

    @property
    def median(self) -> float:
        """The median margin, to within a bin."""
        total, seen = sum(self.histogram.values()), 0
        for bin_, count in sorted(self.histogram.items()):
            seen += count
            # The middle of the bin, in octaves.
            if 2 * seen >= total:
                if bin_ == _LOWEST:
                    return 0.0
                return float(2.0 ** ((bin_ + 0.5) / BINS_PER_OCTAVE))
        return 0.0

    def __add__(self, other: Tally) -> Tally:
        # In the alphabet "" comes first: what is marked in one part is marked in all.
        return self._with(other, max(self.mark, other.mark), self.outcomes + other.outcomes)

    def entered(self, case: Tally, mark: Mark, outcomes: Outcomes) -> Tally:
        """With a case's tally, which is marked alike, and with what it adds to the counts by
        feature.
        """
        return self._with(case, mark, self.outcomes + outcomes)

    def _with(self, other: Tally, mark: Mark, outcomes: Outcomes) -> Tally:
        return Tally(
            self.passed + other.passed,
            self.falsified + other.falsified,
            self.error + other.error,
            self.blocked + other.blocked,
            max(self.largest, other.largest),
            _added(self.histogram, other.histogram),
            _reason(self, other),
            self.declined + other.declined,
            _first(self.cause, other.cause),
            mark,
            self.unclaimed + other.unclaimed,
            self.compared + other.compared,
            self.claimed + other.claimed,
            outcomes,
            self.failed or other.failed,
        )


#: The tally of no case.
NO_CASES = Tally()


def _added(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    # Thousands are added up, and Counters take five times as long.
    found = dict(one)
    for bin_, count in other.items():
        found[bin_] = found.get(bin_, 0) + count
    return found


def _reason(one: Tally, other: Tally) -> str:
    if one.failed == other.failed:
        return _first(one.reason, other.reason)
    # What a method raised in one case says more than why it was not called in another.
    if one.failed:
        return one.reason
    return other.reason


def _first(one: str, other: str) -> str:
    """The first in the alphabet of those that say something."""
    if one and other:
        return min(one, other)
    return one or other


def judged(margin: float, reason: str = "", *, compared: int = 0, claimed: int = 0) -> Tally:
    """The tally of one case that claimed something: passed if its margin is at most 1."""
    if margin <= 0:
        bin_ = _LOWEST
    else:
        # Capped: an infinite margin has no bin, and beyond 2^64 nobody tells them apart.
        bin_ = math.floor(BINS_PER_OCTAVE * math.log2(min(margin, 2.0**64)))
    return Tally(
        passed=int(margin <= 1),
        falsified=int(not margin <= 1),
        largest=margin,
        histogram={max(bin_, _LOWEST): 1},
        reason=reason,
        failed=bool(reason),
        compared=compared,
        claimed=claimed,
    )


#: What blocks a judgement in which gruverify itself has failed.
OURSELVES = "gruverify itself"


def not_judged(why: str) -> Tally:
    """The tally of one case in which an error of gruverify's own kept it from judging the answers:
    neither passed nor failed.
    """
    said = f"an error in the check, which is not a fault of the target: {why}; please report it"
    return Tally(blocked=1, reason=said, cause=OURSELVES)


def margin_octaves(tally: Tally) -> Counter[int]:
    """Cases by the octave of their margin: octave k is from 2^k up to 2^(k+1); -64 is all below
    2^-63, 0 too.
    """
    counts: Counter[int] = Counter()
    for bin_, count in tally.histogram.items():
        counts[bin_ // BINS_PER_OCTAVE] += count
    return counts
