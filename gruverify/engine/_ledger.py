"""What a run has found so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gruverify._named import JsonObject
from gruverify.arithmetic import Format
from gruverify.coverage import Coverage
from gruverify.engine._conditions import Outcomes
from gruverify.engine._drawn import Drawn, Kind
from gruverify.engine._flaky import Flaky
from gruverify.engine._less_accurate import LessAccurate
from gruverify.engine._result import Key, Result
from gruverify.engine._saved import Replay
from gruverify.engine._tally import NO_CASES, Mark, Tally
from gruverify.engine._witness import Witness

Found = TypeVar("Found")


@dataclass
class Ledger:
    """What has been found so far."""

    target: str
    tallies: dict[Key, Tally] = field(default_factory=dict)
    witnesses: dict[tuple[str, str], Witness] = field(default_factory=dict)
    coverage: dict[str, Coverage] = field(default_factory=dict)
    drawn: dict[tuple[str, Kind], Drawn] = field(default_factory=dict)
    hints: dict[tuple[str, Kind], str] = field(default_factory=dict)
    lesser: dict[str, LessAccurate | None] = field(default_factory=dict)
    ended_early: dict[str, str] = field(default_factory=dict)
    flaky: dict[tuple[str, str], Flaky] = field(default_factory=dict)
    replays: list[Replay] = field(default_factory=list)
    closest: dict[str, Witness] = field(default_factory=dict)

    def count(self, fmt: Format, kind: Kind, drawn: Drawn) -> None:
        """Add cases that were planned or judged."""
        key = (fmt.name, kind)
        self.drawn[key] = self.drawn.get(key, Drawn()) + drawn

    def enter(
        self,
        id: str,
        fmt: Format,
        variant: str,
        tally: Tally,
        mark: Mark = "",
        outcomes: Outcomes = NO_CASES.outcomes,
    ) -> None:
        """Add a case's tally, as the user's selection marks it, with what the case adds to the
        counts by feature.
        """
        # By variant, too: a fault may be of one of them alone, and reports show which.
        key = (id, fmt.name, variant)
        self.tallies[key] = self.tallies.get(key, NO_CASES).entered(tally, mark, outcomes)

    def drawn_in(self, fmt: str) -> dict[tuple[str, Kind], Drawn]:
        """The cases of one format, by its name."""
        return {key: drawn for key, drawn in self.drawn.items() if key[0] == fmt}

    def tallies_of(self, fmt: Format) -> dict[Key, Tally]:
        """The tallies of one format."""
        return {key: tally for key, tally in self.tallies.items() if key[1] == fmt.name}

    def result(self, header: JsonObject) -> Result:
        """The result that all entries add up to."""
        return Result(
            header,
            self.tallies,
            self.witnesses,
            True,
            0.0,
            coverage=self.coverage,
            drawn=self.drawn,
            hints=self.hints,
            lesser=self.lesser,
            ended_early=self.ended_early,
            flaky=self.flaky,
            replays=tuple(self.replays),
            closest=self.closest,
        )

    def part(self, fmt: Format, header: JsonObject) -> Result:
        """What there is of one format, as a result."""
        name = fmt.name
        return Result(
            header,
            self.tallies_of(fmt),
            _entries_in(name, self.witnesses, 1),
            True,
            0.0,
            coverage={name: self.coverage[name]},
            drawn=self.drawn_in(name),
            hints=_entries_in(name, self.hints, 0),
            lesser={name: self.lesser[name]} if name in self.lesser else {},
            ended_early={name: self.ended_early[name]} if name in self.ended_early else {},
            flaky=_entries_in(name, self.flaky, 1),
            replays=tuple(replay for replay in self.replays if replay.format == name),
            closest={name: self.closest[name]} if name in self.closest else {},
        )


def _entries_in(fmt: str, found: Mapping[Any, Found], place: int) -> dict[Any, Found]:
    """The entries of one format, which stands at that place of each key."""
    return {key: value for key, value in found.items() if key[place] == fmt}
