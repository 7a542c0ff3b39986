"""What a run adds up to. Results of shards merge, in any order and grouping, into the result of the whole."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Literal, TypeAlias

from gruverify.coverage import Coverage
from gruverify.coverage import merged as merged_coverage
from gruverify.engine._witness import Witness
from gruverify.invariants import INVARIANTS

Status: TypeAlias = Literal[
    "passed", "falsified", "not applicable", "blocked", "error", "skipped", "xfailed", "xpassed"
]
Mark: TypeAlias = Literal["", "skip", "xfail"]
Verdict: TypeAlias = Literal["conforms", "falsified", "incomplete"]
Key: TypeAlias = tuple[str, str, str]

#: Margins are counted in eighths of an octave, so that a median is known to within 10 %.
BINS_PER_OCTAVE = 8
_LOWEST = -64 * BINS_PER_OCTAVE


#: What an outcome is called that the user expects to be a failure.
_EXPECTED: dict[str, Status] = {"falsified": "xfailed", "error": "xfailed", "passed": "xpassed"}


@dataclass(frozen=True)
class Tally:
    """How one invariant fared in one format and variant.

    Counts of cases by outcome, the largest margin, and a histogram of each case's margin. `declined` counts the cases
    for which the backend said that it does not implement what is needed. `reason` says why there are no cases, or what
    the first error or obstacle was; `cause` is the invariant that reported the obstacle, where another one did. `mark`
    is what the user's selection makes of the invariant.
    """

    passed: int = 0
    falsified: int = 0
    error: int = 0
    blocked: int = 0
    largest: float = 0.0
    histogram: Counter[int] = field(default_factory=Counter)
    reason: str = ""
    declined: int = 0
    cause: str = ""
    mark: Mark = ""

    @property
    def cases(self) -> int:
        """How many cases were judged or could not be."""
        return self.passed + self.falsified + self.error + self.blocked

    @property
    def status(self) -> Status:
        """The gravest outcome, as the mark has it."""
        if self.mark == "skip":
            return "skipped"
        for name in ("falsified", "error", "blocked", "passed"):
            if getattr(self, name):
                return _EXPECTED.get(name, name) if self.mark == "xfail" else name
        return "not applicable"

    @property
    def median(self) -> float:
        """The median margin, to within a bin."""
        total, seen = sum(self.histogram.values()), 0
        for bin_, count in sorted(self.histogram.items()):
            seen += count
            if 2 * seen >= total:
                return 0.0 if bin_ == _LOWEST else 2.0 ** ((bin_ + 0.5) / BINS_PER_OCTAVE)
        return 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.passed + other.passed,
            self.falsified + other.falsified,
            self.error + other.error,
            self.blocked + other.blocked,
            max(self.largest, other.largest),
            self.histogram + other.histogram,
            min(filter(None, (self.reason, other.reason)), default=""),
            self.declined + other.declined,
            min(filter(None, (self.cause, other.cause)), default=""),
            max(self.mark, other.mark),
        )


def judged(margin: float, reason: str = "") -> Tally:
    """The tally of one case."""
    bin_ = _LOWEST if margin <= 0 else math.floor(BINS_PER_OCTAVE * math.log2(min(margin, 2.0**64)))
    histogram = Counter({max(bin_, _LOWEST): 1})
    return Tally(passed=int(margin <= 1), falsified=int(margin > 1), largest=margin, histogram=histogram, reason=reason)


def margin_octaves(tally: Tally) -> Counter[int]:
    """Cases by the octave of their margin: octave k is from 2^k up to 2^(k+1); -64 is all below 2^-63, 0 too."""
    counts: Counter[int] = Counter()
    for bin_, count in tally.histogram.items():
        counts[bin_ // BINS_PER_OCTAVE] += count
    return counts


@dataclass(frozen=True)
class Result:
    """The outcome of a run, or of a part of one.

    `tallies` by (invariant, format, variant); `witnesses`, one for each falsified invariant and format; `header`,
    what the run was (target, versions, seed, profile); `complete` is False if it was stopped; `seconds` is what it
    took; `crashes` tells of processes that died under the target; `coverage`, by format, what the cases visited;
    `explanation`, the one fault that explains what fell, where `explanation` of this package found it.
    """

    header: dict[str, Any]
    tallies: dict[Key, Tally]
    witnesses: dict[tuple[str, str], Witness]
    complete: bool
    seconds: float
    crashes: tuple[str, ...] = ()
    coverage: dict[str, Coverage] = field(default_factory=dict)
    explanation: str = ""

    @property
    def verdict(self) -> Verdict:
        """Incomplete if the run was stopped; else falsified if anything was, the target died, or something did not fall
        that was strictly expected to; else conforms, if every format was judged.
        """
        if not self.complete:
            return "incomplete"
        if self.crashes or any(tally.status in ("falsified", "error") for tally in self.tallies.values()):
            return "falsified"
        if self.unexpected and self.header["selection"]["strict"]:
            return "falsified"
        judged = {fmt for (_, fmt, _), tally in self.tallies.items() if tally.passed or tally.status == "xfailed"}
        return "conforms" if judged >= set(self.header["formats"]) else "incomplete"

    @property
    def unexpected(self) -> tuple[str, ...]:
        """The invariants that were expected to fall and passed, in every format that this was expected of."""
        expected = {id: sum(row.values(), Tally()) for id, row in _marked(by_format(self)).items()}
        return tuple(id for id, tally in expected.items() if tally.status == "xpassed")

    def merged(self, other: Result) -> Result:
        """Both results as one: counts add up, of two witnesses the smaller stays."""
        tallies = dict(self.tallies)
        for key, tally in other.tallies.items():
            tallies[key] = tallies[key] + tally if key in tallies else tally
        witnesses = dict(self.witnesses)
        for place, witness in other.witnesses.items():
            witnesses[place] = min(witness, witnesses.get(place, witness), key=Witness.order)
        return replace(
            self,
            tallies=tallies,
            witnesses=witnesses,
            complete=self.complete and other.complete,
            seconds=max(self.seconds, other.seconds),
            crashes=tuple(sorted({*self.crashes, *other.crashes})),
            coverage=merged_coverage([self.coverage, other.coverage]),
        )


def merge(results: list[Result]) -> Result:
    """Several results as one.

    Raises:
        ValueError: there is none, or they are of different runs.
    """
    if not results:
        raise ValueError("results=[]: there is nothing to merge")
    for result in results[1:]:
        if result.header != results[0].header:
            raise ValueError("results of different runs cannot be merged: their headers differ")
    return reduce(Result.merged, results)


def by_format(result: Result) -> dict[str, dict[str, Tally]]:
    """Invariant, then format, to the tally over all variants; invariants in the catalogue's order."""
    table: dict[str, dict[str, Tally]] = {id: {} for id in INVARIANTS}
    for (id, fmt, _), tally in sorted(result.tallies.items()):
        row = table.setdefault(id, {})
        row[fmt] = row[fmt] + tally if fmt in row else tally
    return {id: row for id, row in table.items() if row}


def _marked(table: dict[str, dict[str, Tally]]) -> dict[str, dict[str, Tally]]:
    """The part of the table that is expected to fall."""
    return {id: {fmt: tally for fmt, tally in row.items() if tally.mark == "xfail"} for id, row in table.items()}
