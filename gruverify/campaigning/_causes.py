"""One failure is one row: what failed, by its likely cause, over targets, formats and units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce

from gruverify.campaigning._total import Died, Place, Total
from gruverify.engine import Outcomes, Result, Witness, shared_feature
from gruverify.invariants import INVARIANTS

#: What an explanation says of the format in which it was found, and of what to declare.
_FOUND_IN = re.compile(r" \((?:b?float\d+), every case\).*$", re.DOTALL)


@dataclass(frozen=True)
class Cause:
    """A row: what failed for one likely cause.

    cause: it, in words that stay the same from run to run; places: where it showed; cases: on how
    many it failed, over all places; first_unit: the first that shows it, by target, format and
    block; versions: of the packages that the targets depend on; witness: the smallest; known: why
    it wakes nobody, None if it is new.
    """

    cause: str
    places: tuple[Place, ...]
    cases: int
    first_unit: tuple[str, str, int]
    versions: Mapping[str, str]
    witness: Witness | None = None
    known: str | None = None

    def merged(self, other: Cause) -> Cause:
        """Both, of the same cause."""
        witnesses = [each for each in (self.witness, other.witness) if each is not None]
        return replace(
            self,
            places=tuple(sorted({*self.places, *other.places})),
            cases=self.cases + other.cases,
            first_unit=min(self.first_unit, other.first_unit, key=_by_block),
            versions={**other.versions, **self.versions},
            witness=min(witnesses, key=Witness.order, default=None),
        )


def _by_block(unit: tuple[str, str, int]) -> tuple[int, str, str]:
    target, fmt, block = unit
    return block, target, fmt


def causes_of(results: Iterable[Result], total: Total) -> list[Cause]:
    """The rows of a campaign, those that fail most cases first.

    results: of each target, with its explanation.
    """
    found: dict[str, Cause] = {}
    for result in results:
        for row in _rows_of_result(result, total):
            found[row.cause] = found[row.cause].merged(row) if row.cause in found else row
    # A death fails no case: its invariant is marked, and not asked again.
    for died in total.deaths.values():
        row = _row_of_death(died, total)
        found[row.cause] = found[row.cause].merged(row) if row.cause in found else row
    return sorted(found.values(), key=lambda row: (-row.cases, row.cause))


def _rows_of_result(result: Result, total: Total) -> Iterator[Cause]:
    """A row for each place at which something failed."""
    target: str = result.header["target"]
    failing = dict[tuple[str, str], int]()
    for (id, fmt, _), tally in result.tallies.items():
        if tally.status in ("falsified", "error"):
            failing[id, fmt] = failing.get((id, fmt), 0) + tally.falsified + tally.error
    named = dict[str, str]()
    for id in {id for id, _ in failing}:
        named[id] = _cause(result, id)
    for (id, fmt), cases in failing.items():
        cause, place = named[id], (target, id, fmt)
        # What the failing cases have in common means nothing where chance decides which fail.
        if (id, fmt) in result.flaky:
            cause = f"{INVARIANTS[id].family}, not at every call"
        first = target, fmt, total.first.get(place, 0)
        witness = result.witnesses.get((id, fmt))
        yield Cause(cause, (place,), cases, first, result.header["versions"], witness)


def _cause(result: Result, id: str) -> str:
    """Why an invariant fails: what explains all of the target's failures, else its family and what
    the failing cases have in common.
    """
    if result.explanation:
        return _FOUND_IN.sub("", result.explanation)
    if result.less_accurate:
        words = sorted({found.words for found in result.lesser.values() if found is not None})
        return f"less accurate than declared: {', '.join(words)}"
    # Over all formats and variants: the more cases, the surer what tells them apart.
    mine = [tally.outcomes for (of, _, _), tally in result.tallies.items() if of == id]
    feature = shared_feature(reduce(Outcomes.__add__, mine, Outcomes()))
    family = INVARIANTS[id].family
    if feature:
        return f"{family} with {feature}"
    return family


def _row_of_death(died: Died, total: Total) -> Cause:
    target, fmt, _ = died.unit.key
    cause = f"the process {died.death.how} in {died.death.call.method}"
    place = target, died.death.call.invariant, fmt
    versions = total.subjects[target].header["versions"]
    return Cause(cause, (place,), 1, died.unit.key, versions, died.witness)
