"""What became of one invariant in one format, from an older result to a newer one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from gruverify.reporting._summary import Fate
from gruverify.reporting._table import margin

_FAILS = ("falsified", "error")
#: What failed, whether or not that was expected.
_FAILED = (*_FAILS, "xfailed")
#: What was found out. Anything else, such as blocked or nothing claimed, leaves open whether the
#: invariant holds.
_FOUND_OUT = (*_FAILED, "passed", "xpassed")


class Kind(Enum):
    """What a change amounts to; the values are what a report calls it."""

    NEW_FAILURE = "new failures"
    EXPECTED_FAILURE = "new failures that were expected"
    WORSE_MARGIN = "worse margins"
    NO_LONGER_JUDGED = "no longer judged"
    STILL_FAILING = "still failing"
    GONE_FAILURE = "gone failures"
    BETTER_MARGIN = "better margins"
    NEWLY_JUDGED = "newly judged"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Threshold:
    """Which rise of a margin counts as worse: from `old` to at least `factor` times that, and above
    `above`.

    A margin is error / bound. Twice the error is one bit of accuracy lost, so `factor` is 2 unless
    given. `above` is 1 / factor unless given: a margin above that would pass its bound if it rose
    once more by the factor. Where two runs draw different cases, margins far below their bounds
    differ that much by chance. A margin that passes its bound, 1, is worse in any case.
    """

    factor: float = 2.0
    above: float | None = None

    @property
    def least(self) -> float:
        """The margin above which a rise counts."""
        if self.above is None:
            return 1 / self.factor
        return self.above

    def is_worse(self, old: float, new: float) -> bool:
        """Whether a margin got worse."""
        return old <= 1 < new or (self.has_risen(old, new) and new > self.least)

    def has_risen(self, old: float, new: float) -> bool:
        """Whether a margin rose by the factor, wherever it is now."""
        # `new > old` for 0 and 0, of which the second alone would be true.
        return new > old and new >= self.factor * old


@dataclass(frozen=True)
class Change:
    """An invariant in a format, and how it fared: None in a result that has no row of it."""

    id: str
    format: str
    old: Fate | None
    new: Fate | None
    threshold: Threshold

    @property
    def kind(self) -> Kind:
        """What the change amounts to: the gravest that is true."""
        was, now = _status(self.old), _status(self.new)
        # Before margins: one that rose above its bound is a failure first, and counted once.
        if now in _FAILED and was not in _FAILED:
            if now in _FAILS:
                return Kind.NEW_FAILURE
            return Kind.EXPECTED_FAILURE
        # Before "still failing": a known failure whose margin got worse is news.
        if self.is_worse:
            return Kind.WORSE_MARGIN
        if was in _FOUND_OUT and now not in _FOUND_OUT:
            return Kind.NO_LONGER_JUDGED
        if now in _FAILED:
            return Kind.STILL_FAILING
        if was in _FAILED:
            return Kind.GONE_FAILURE
        if self.is_better:
            return Kind.BETTER_MARGIN
        if now in _FOUND_OUT and was not in _FOUND_OUT:
            return Kind.NEWLY_JUDGED
        return Kind.UNCHANGED

    @property
    def is_worse(self) -> bool:
        """Whether the largest margin of all cases got worse; False where one of the results has
        none.
        """
        margins = self._margins()
        return margins is not None and self.threshold.is_worse(*margins)

    @property
    def is_better(self) -> bool:
        """Whether the way back would be worse."""
        margins = self._margins()
        return margins is not None and self.threshold.is_worse(*reversed(margins))

    @property
    def has_risen(self) -> bool:
        """Whether the margin rose by the factor, near its bound or not."""
        margins = self._margins()
        return margins is not None and self.threshold.has_risen(*margins)

    @property
    def rise(self) -> float:
        """How many times the old margin the new one is; 1 where one of them is missing, or both are
        0 or infinite.
        """
        old, new = self._margins() or (1.0, 1.0)
        if old == new:
            return 1.0
        if old:
            return new / old
        return math.inf

    def _margins(self) -> tuple[float, float] | None:
        if self.old is None or self.new is None or not (self.old.judged and self.new.judged):
            return None
        return self.old.margin, self.new.margin


def _status(fate: Fate | None) -> str:
    if fate is None:
        return "not checked"
    return fate.status


def in_words(fate: Fate | None) -> str:
    """How an invariant fared, in a few words: the margin, and the status where it did not just
    pass.
    """
    if fate is None or not fate.judged:
        return _status(fate)
    if fate.status == "passed":
        return margin(fate.margin)
    return f"{fate.status} {margin(fate.margin)}"
