"""What a run adds up to. Results of shards merge, in any order and grouping, into the result of the
whole.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from html import escape
from typing import Any, Literal, TypeAlias

from gruverify._named import JsonObject
from gruverify.coverage import Coverage
from gruverify.coverage import merged as merged_coverage
from gruverify.engine._conditions import Outcomes, condition
from gruverify.engine._drawn import Drawn, Kind
from gruverify.engine._flaky import Flaky
from gruverify.engine._less_accurate import LessAccurate, agreed, sentences
from gruverify.engine._saved import Replay, replay_lines
from gruverify.engine._tally import Tally
from gruverify.engine._verdict import covers, doubts
from gruverify.engine._witness import Witness
from gruverify.invariants import INVARIANTS

Verdict: TypeAlias = Literal["conforms", "falsified", "died", "inconclusive", "interrupted"]
Key: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True)
class Result:
    """The outcome of a run, or of a part of one.

    Attributes:
        header: What the run was: target, versions, seed, profile.
        tallies: What became of each invariant, by (invariant, format, variant).
        witnesses: The smallest case found that falsifies, by (invariant, format).
        complete: False if the run was stopped.
        seconds: What it took.
        crashes: Processes that died under the target, in words.
        coverage: What the cases visited, by format.
        explanation: The likely cause: the one fault that explains what failed, or "".
        drawn: The cases planned and judged, by format and kind.
        hints: Which declaration would explain what was refused or failed, by format and kind.
        lesser: By format in which something failed: what it is less accurate in than declared, if
            that explains all of it, else None.
        ended_early: By format that ended before all its cases were drawn: the likely cause, which
            explains what had failed in it.
        cpu: The processor seconds of the processes that ran the cases; None where it is not known.
        flaky: The failures that do not repeat, by (invariant, format).
        replays: What became of the saved witnesses that were tried.
        closest: The case that held and came closest to a bound, with how close, by format.
    """

    header: JsonObject
    tallies: dict[Key, Tally]
    witnesses: dict[tuple[str, str], Witness]
    complete: bool
    seconds: float
    crashes: tuple[str, ...] = ()
    coverage: dict[str, Coverage] = field(default_factory=dict)
    explanation: str = ""
    drawn: dict[tuple[str, Kind], Drawn] = field(default_factory=dict)
    hints: dict[tuple[str, Kind], str] = field(default_factory=dict)
    lesser: dict[str, LessAccurate | None] = field(default_factory=dict)
    ended_early: dict[str, str] = field(default_factory=dict)
    cpu: float | None = None
    flaky: dict[tuple[str, str], Flaky] = field(default_factory=dict)
    replays: tuple[Replay, ...] = ()
    closest: dict[str, Witness] = field(default_factory=dict)

    @cached_property
    def verdict(self) -> Verdict:
        """Interrupted if the run was stopped; died if the target did; falsified if anything failed,
        or something passed that was strictly expected to fail; inconclusive if too little was
        judged, answered or claimed; else conforms.
        """
        if not self.complete:
            return "interrupted"
        # A death comes before failures: what they are was not found out to the end.
        if self.crashes:
            return "died"
        if any(tally.status in ("falsified", "error") for tally in self.tallies.values()):
            return "falsified"
        if self.unexpected and self.header["selection"]["strict"]:
            return "falsified"
        if self.doubts:
            return "inconclusive"
        return "conforms"

    def __repr__(self) -> str:
        """One line: the verdict, of what, and how many invariants have which status."""
        return (
            f"<Result of {self.header['target']}: {self.verdict} "
            f"({self._counts or 'nothing was judged'})>"
        )

    def _repr_html_(self) -> str:
        """For notebooks: the verdict, what explains it, and what it covers."""
        explained = list[str]()
        if self.explanation:
            explained.append(f"likely cause: {self.explanation}")
        lines = (
            *explained,
            *self.less_accurate,
            *(self.doubts if self.verdict == "inconclusive" else ()),
            *self.covers,
        )
        listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
        head = f"<b>{self.verdict}</b>: {escape(str(self.header['target']))} ({self._counts})"
        return f"<div>{head}<ul>{listed}</ul></div>"

    @cached_property
    def by_format(self) -> dict[str, dict[str, Tally]]:
        """Invariant, then format, to the tally over all variants; invariants in the catalogue's
        order.
        """
        # What a newer or older version knew besides the catalogue comes last.
        table: dict[str, dict[str, Tally]] = {id: {} for id in INVARIANTS}
        for (id, fmt, _), tally in sorted(self.tallies.items()):
            row = table.setdefault(id, {})
            if fmt in row:
                row[fmt] = row[fmt] + tally
            else:
                row[fmt] = tally
        return {id: row for id, row in table.items() if row}

    @property
    def _counts(self) -> str:
        statuses = Counter[str]()
        for row in self.by_format.values():
            statuses.update(tally.status for tally in row.values())
        return ", ".join(
            f"{count} {status}"
            for status, count in sorted(statuses.items(), key=lambda item: -item[1])
        )

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """Why the run is inconclusive if nothing failed, one line per reason."""
        return doubts(self.header, self.tallies, self.drawn)

    @property
    def hinted(self) -> tuple[str, ...]:
        """Which declarations would explain what was refused or failed, one line per format and kind
        of case.
        """
        return tuple(f"{fmt}: {hint}" for (fmt, _), hint in self.hints.items())

    @property
    def less_accurate(self) -> tuple[str, ...]:
        """Why a falsified target is less accurate than declared, and not wrong: one line per cause,
        with its declaration; empty unless everything that failed, in every format, is explained so.
        """
        found = {fmt: lesser for fmt, lesser in self.lesser.items() if lesser is not None}
        failing = {
            fmt
            for (_, fmt, _), tally in self.tallies.items()
            if tally.status in ("falsified", "error")
        }
        # One format in which something else is wrong makes the target wrong, not less accurate.
        if self.verdict != "falsified" or set(found) != failing or set(self.lesser) != failing:
            return ()
        return sentences(found, self.header["formats"])

    @property
    def replay_lines(self) -> tuple[str, ...]:
        """What became of the saved witnesses that were tried, in words."""
        return replay_lines(self.replays)

    @cached_property
    def covers(self) -> tuple[str, ...]:
        """What the run covered: cases, sizes, claims, declarations, and what was left out."""
        return covers(self.header, self.tallies, self.drawn, self.ended_early)

    @cached_property
    def unexpected(self) -> tuple[str, ...]:
        """The invariants that were expected to fail and passed, in every format that this was
        expected of.
        """
        # An entry may be about several formats: that it holds in one of them does not make it
        # stale.
        expected = {id: sum(row.values(), Tally()) for id, row in _marked(self.by_format).items()}
        return tuple(id for id, tally in expected.items() if tally.status == "xpassed")

    def merged(self, other: Result) -> Result:
        """Both results as one: counts add up, of two witnesses the smaller stays."""
        tallies = dict(self.tallies)
        for key, tally in other.tallies.items():
            if key in tallies:
                tallies[key] = tallies[key] + tally
            else:
                tallies[key] = tally
        # Of equally small ones what is written decides, so that merging has one result in any
        # order.
        witnesses = dict(self.witnesses)
        for place, witness in other.witnesses.items():
            witnesses[place] = min(witness, witnesses.get(place, witness), key=Witness.order)
        closest = dict(self.closest)
        for fmt, witness in other.closest.items():
            closest[fmt] = min(witness, closest.get(fmt, witness), key=_closer)
        return replace(
            self,
            tallies=tallies,
            witnesses=witnesses,
            closest=closest,
            complete=self.complete and other.complete,
            seconds=max(self.seconds, other.seconds),
            # Each once and sorted, so that merging has one result in any order.
            crashes=tuple(sorted({*self.crashes, *other.crashes})),
            coverage=merged_coverage([self.coverage, other.coverage]),
            drawn=_added(self.drawn, other.drawn),
            # Sentences do not add up: any rule will do that does not depend on the order.
            hints=_first(self.hints, other.hints),
            lesser=agreed(self.lesser, other.lesser),
            ended_early=_first(self.ended_early, other.ended_early),
            cpu=None if self.cpu is None or other.cpu is None else self.cpu + other.cpu,
            flaky=_added(self.flaky, other.flaky),
            replays=tuple(sorted(self.replays + other.replays)),
        )


def _closer(held: Witness) -> tuple[Any, ...]:
    """What came closer to its bound is less; of two as close the smaller."""
    return (-held.residual.margin, *held.order())


def _added(one: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, Any]:
    """Both, with the sum where both have something."""
    found = dict(one)
    for key, more in other.items():
        if key in found:
            found[key] = found[key] + more
        else:
            found[key] = more
    return found


def _first(one: dict[Any, str], other: dict[Any, str]) -> dict[Any, str]:
    """Both; where both have something the one that comes first in the alphabet."""
    found = dict(one)
    for key, said in other.items():
        found[key] = min(said, found.get(key, said))
    return found


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


def in_order(result: Result) -> Result:
    """The result with all that is found by format in the order of its formats, however its parts
    were merged.
    """
    # Sorting is stable: within a format, entries keep the order in which they were found.
    formats: list[str] = result.header["formats"]

    def ordered(found: dict[Any, Any], place: int | None = None) -> dict[Any, Any]:
        return dict(
            sorted(
                found.items(),
                key=lambda item: formats.index(item[0] if place is None else item[0][place]),
            )
        )

    return replace(
        result,
        tallies=ordered(result.tallies, 1),
        witnesses=ordered(result.witnesses, 1),
        coverage=ordered(result.coverage),
        drawn=ordered(result.drawn, 0),
        hints=ordered(result.hints, 0),
        lesser=ordered(result.lesser),
        ended_early=ordered(result.ended_early),
        flaky=ordered(result.flaky, 1),
        closest=ordered(result.closest),
    )


def _marked(table: dict[str, dict[str, Tally]]) -> dict[str, dict[str, Tally]]:
    """The part of the table that is expected to fail."""
    marked = dict[str, dict[str, Tally]]()
    for id, row in table.items():
        marked[id] = {fmt: tally for fmt, tally in row.items() if tally.mark == "xfail"}
    return marked


def condition_of(result: Result, id: str, fmt: str) -> str:
    """Under which condition an invariant fails in one format, such as "in 7 of 7 cases with B = 3H,
    in 0 of 93 others"; empty if there is none.
    """
    mine = [
        tally.outcomes
        for (of, in_format, _), tally in result.tallies.items()
        if (of, in_format) == (id, fmt)
    ]
    return condition(sum(mine, Outcomes()), repeats=(id, fmt) not in result.flaky)
