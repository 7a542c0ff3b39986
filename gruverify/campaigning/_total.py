"""What the units of a campaign add up to, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gruverify.backends import CELL_METHODS
from gruverify.campaigning._subject import Subject
from gruverify.campaigning._unit import Unit, unpacked
from gruverify.coverage import Coverage
from gruverify.engine import (
    Death,
    Drawn,
    Kind,
    Result,
    Witness,
    decode_death,
    decode_part,
    decode_witness,
    in_order,
)


@dataclass(frozen=True)
class Died:
    """A death of the target: in which unit, and the case, where it could be drawn again."""

    unit: Unit
    death: Death
    witness: Witness | None


#: Where something failed: target, invariant and the name of the format.
Place = tuple[str, str, str]


@dataclass
class Total:
    """The sum of all units that were added; it does not depend on their order.

    results: by target; first: by place, the first block in which something failed there; deaths: by
    unit and number; cases, judgements, failures, cpu: counts, the latter in seconds; drawn: by
    target and format, what the units visited that were drawn at random.
    """

    subjects: Mapping[str, Subject]
    results: dict[str, Result] = field(default_factory=dict)
    first: dict[Place, int] = field(default_factory=dict)
    deaths: dict[tuple[tuple[str, str, int], int], Died] = field(default_factory=dict)
    cases: int = 0
    judgements: int = 0
    failures: int = 0
    cpu: float = 0.0
    drawn: dict[tuple[str, str], Coverage] = field(default_factory=dict)

    def add(self, unit: Unit, content: bytes, cpu: float) -> None:
        """Add a unit."""
        values = unpacked(content)
        part = self._part(unit, values, cpu)
        if unit.target in self.results:
            self.results[unit.target] = self.results[unit.target].merged(part)
        else:
            self.results[unit.target] = part
        if unit.aim is None:
            fmt = unit.format.name
            visited = part.coverage.get(fmt, Coverage())
            self.drawn[unit.target, fmt] = self.visited_at_random(unit.target, fmt) + visited
        self.cpu += cpu
        self.cases += sum(drawn.judged for drawn in part.drawn.values())
        self.judgements += sum(tally.judged for tally in part.tallies.values())
        for (id, fmt, _), tally in part.tallies.items():
            if tally.status in ("falsified", "error"):
                self.failures += tally.falsified + tally.error
                place = unit.target, id, fmt
                # The smallest, and not the first that came in: units come in any order.
                self.first[place] = min(unit.block, self.first.get(place, unit.block))
        for number, died in enumerate(values["deaths"]):
            witness = None if died["witness"] is None else decode_witness(died["witness"])
            self.deaths[unit.key, number] = Died(unit, decode_death(died), witness)

    def visited(self, target: str, fmt: str) -> Coverage:
        """What a target's cases visited in a format."""
        if target not in self.results:
            return Coverage()
        return self.results[target].coverage.get(fmt, Coverage())

    def visited_at_random(self, target: str, fmt: str) -> Coverage:
        """What those of its cases visited that no unit was aimed at."""
        return self.drawn.get((target, fmt), Coverage())

    def result(self, target: str, *, missing: Iterable[Unit] = (), seconds: float = 0.0) -> Result:
        """The result of a target, before it is concluded what explains it; missing: units that were
        planned and not worked on; seconds: what the campaign took.
        """
        subject = self.subjects[target]
        found = self.results.get(target)
        if found is None:
            found = Result(subject.header, {}, {}, True, 0.0, cpu=0.0)
        drawn = dict(found.drawn)
        kind: Kind = "stacks"
        if any(method in CELL_METHODS for method in subject.header["methods"]):
            kind = "cells"
        # Planned and not judged: so the verdict has its doubt.
        for unit in missing:
            if unit.target == target:
                place = unit.format.name, kind
                drawn[place] = drawn.get(place, Drawn()) + Drawn(planned=unit.cases)
        return in_order(replace(found, drawn=drawn, seconds=seconds))

    def _part(self, unit: Unit, values: Any, cpu: float) -> Result:
        timed = {**values["part"], "seconds": 0.0, "cpu": cpu}
        part = decode_part(timed, self.subjects[unit.target].header)
        return replace(part, crashes=tuple(values["crashes"]))
