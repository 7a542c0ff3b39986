"""Two results compared: every invariant in every format, and what one has to know to read that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from gruverify._named import JsonObject
from gruverify.reporting._reader import Document
from gruverify.reporting._summary import fates
from gruverify.reporting.compare._change import Change, Kind, Threshold

#: What a comparison can be made to fail on.
Trigger: TypeAlias = Literal["worse-margin", "new-failure"]

#: What the same seed does not draw the same cases under.
_DRAWING = (
    "seed",
    "profile",
    "cases",
    "max_size",
    "declarations",
    "variants",
    "gruverify",
    "hypothesis",
)
#: What results of some age do not say.
_SINCE = ("variants",)


@dataclass(frozen=True)
class Comparison:
    """An older and a newer result, and what changed between them."""

    old: Document
    new: Document
    threshold: Threshold

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Every invariant in every format that either result has a row of, in the newer one's
        order.
        """
        was, now = fates(self.old), fates(self.new)
        found = list[Change]()
        for id in {**now, **was}:
            old, new = was.get(id, {}), now.get(id, {})
            found += [
                Change(id, fmt, old.get(fmt), new.get(fmt), self.threshold)
                for fmt in {**new, **old}
            ]
        return tuple(found)

    def changes_of(self, kind: Kind) -> list[Change]:
        """The changes of a kind, those whose margins rose most first, or fell most where they got
        better.
        """
        found = [change for change in self.changes if change.kind is kind]
        return sorted(found, key=lambda change: change.rise, reverse=kind is not Kind.BETTER_MARGIN)

    @cached_property
    def risen(self) -> list[Change]:
        """Unchanged invariants whose margins rose by the factor, and are far from their bounds all
        the same.
        """
        return [change for change in self.changes_of(Kind.UNCHANGED) if change.has_risen]

    @property
    def deaths(self) -> list[str]:
        """How the target died, where it does so in the newer result more often than in the
        older.
        """
        died: list[str] = self.new["crashes"]
        if len(died) > len(self.old["crashes"]):
            return died
        return []

    @cached_property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Where the two runs were not alike, by name: the value in the older one, and in the
        newer.
        """
        # What one of the results does not say is unknown, and no difference.
        known = [name for name in _SINCE if name in self.old and name in self.new]
        old, new = _settings(self.old, known), _settings(self.new, known)
        pairs = {name: (old.get(name), new.get(name)) for name in {**old, **new}}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    @property
    def same_cases(self) -> bool:
        """Whether both runs drew the same cases, so that a margin tells of the target alone."""
        drawn_by_hypothesis = self.old["seed"] is None or self.new["seed"] is None
        return not drawn_by_hypothesis and not any(name in self.differences for name in _DRAWING)

    def reasons(self, trigger: Trigger) -> list[str]:
        """What makes a comparison fail that is to fail on this, in words; none if nothing does."""
        if trigger == "new-failure":
            failures = _counted(len(self.changes_of(Kind.NEW_FAILURE)), "new failure")
            return [
                *failures,
                *_counted(len(self.deaths), "death of the target", "deaths of the target"),
            ]
        return _counted(sum(change.is_worse for change in self.changes), "worse margin")

    @property
    def gaps(self) -> list[str]:
        """Why nothing can be concluded from the absence of failures: what the newer run left
        open.
        """
        lost = _counted(len(self.changes_of(Kind.NO_LONGER_JUDGED)), "result")
        found = [f"NEW leaves open {said} of OLD" for said in lost]
        was, now = self.old["verdict"], self.new["verdict"]
        # An interrupted run is a gap even if the older one was, too: it may have stopped earlier.
        if now == "interrupted" or (now in ("inconclusive", "died") and was != now):
            found.append(f"NEW has the verdict {now}")
        return found


def compared(old: Document, new: Document, threshold: Threshold = Threshold()) -> Comparison:  # noqa: B008  # frozen
    """What changed from one result to another, as `load_document` reads them. Of schema 1 the
    claims are unknown.
    """
    return Comparison(old, new, threshold)


def _settings(document: Document, known: list[str]) -> JsonObject:
    """What a run was, name by name. known: what both results say besides, and some do not."""
    names = (
        "target",
        "seed",
        "profile",
        "cases",
        "max_size",
        "formats",
        "selection",
        "declarations",
        *known,
    )
    return {**{name: document.get(name) for name in names}, **document["versions"]}


def _counted(count: int, one: str, many: str = "") -> list[str]:
    if count:
        return [f"{count} {one if count == 1 else many or one + 's'}"]
    return []
