"""Where the states of a GRU may be, and what is proved of it: boxes in, enclosures and answers
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from gruverify.arithmetic import SHARE, STATES, Affine, Format, Noise, Rounding
from gruverify.models import Gru
from gruverify.reaching._boxes import Boxes, CannotReach, Floats
from gruverify.reaching._forever import invariant
from gruverify.reaching._pieces import bisected
from gruverify.reaching._property import Property
from gruverify.reaching._run import Enclosed, Model, enclosed, require_memory
from gruverify.reaching._search import Counterexample, counterexample

Verdict: TypeAlias = Literal["proved", "refuted", "unknown"]
#: Told after each step how many there are, of how many.
Seen: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True)
class Settings:
    """How an enclosure is found: generators and roots as `Noise` has them; pieces of each box; GiB
    that it may take; what draws the starts of a search.
    """

    generators: int
    roots: int
    pieces: int
    max_memory: float
    seed: int


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of a property: proved of every box, refuted by a witness, or unknown.

    member: the box that the witness is of, or the first one of which nothing is known; least: below
    every margin there, what was proved of it; how: of what holds for ever, in words.
    """

    property: Property
    verdict: Verdict
    member: int | None
    least: float
    witness: Counterexample | None = None
    how: str = ""


@dataclass(frozen=True, eq=False)
class Reach:
    """Where the outputs of a GRU may be, in a format, for every input and initial state in a box.

    low, high: the last layer's states (T, B, D·H); y_low, y_high: the outputs of the linear layer
    (T, B, C), if one was named; last_low, last_high: the last states (L·D, B, H). Infinite where
    nothing is known. answers: one for each property, in order.
    """

    model: Gru
    format: Format
    source: str
    settings: Settings
    low: Floats
    high: Floats
    y_low: Floats | None
    y_high: Floats | None
    last_low: Floats
    last_high: Floats
    answers: tuple[Answer, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def steps(self) -> int:
        """T."""
        return len(self.low)

    @property
    def members(self) -> int:
        """B, the number of boxes."""
        return int(self.low.shape[1])

    @property
    def width(self) -> Floats:
        """High - low."""
        return self.high - self.low

    @property
    def claims(self) -> Floats:
        """Of each step, the share of states that are known to within 1/8, a sixteenth of their
        range, to either side, (T,).
        """
        return np.asarray((self.width < 2 * SHARE * STATES).mean((1, 2)))

    @property
    def silent_from(self) -> int | None:
        """The step, from 0, from which on no state is known so; None if some are at the end."""
        some = np.flatnonzero(self.claims)
        first = int(some[-1]) + 1 if len(some) else 0
        if first < self.steps:
            return first
        return None


def reached(
    gru: Gru,
    model: Model,
    mode: Rounding,
    boxes: Boxes,
    wanted: Iterable[Property],
    settings: Settings,
    seen: Seen = lambda step, steps: None,
) -> Reach:
    """Enclose every step, and answer what is wanted.

    Raises:
        CannotReach: it takes more memory than there may be, or an answer makes no sense here.
    """
    properties = tuple(wanted)
    noise = Noise(mode, settings.generators, settings.roots)
    # Before the boxes are cut, which would itself take what there may not be.
    require_memory(model, noise, boxes, settings.pieces, settings.max_memory)
    pieces = bisected(model, boxes, settings.pieces)
    gathered = _Gathered(settings.pieces, properties)
    with np.errstate(all="ignore"):  # what overflows is told by infinite ends
        for t, now in enumerate(enclosed(model, noise, pieces)):
            gathered.add(now)
            seen(t + 1, pieces.steps)
        ends = gathered.ends()
        answers = list[Answer]()
        for number, one in enumerate(properties):
            answers.append(_answer(model, mode, boxes, one, gathered.margins[number], settings))
    return Reach(gru, mode.format, boxes.source, settings, *ends, tuple(answers))


class _Gathered:
    """What is kept of the steps: ends, and the smallest margins of each property."""

    def __init__(self, pieces: int, properties: tuple[Property, ...]) -> None:
        self.pieces, self.properties = pieces, properties
        self.states = list[tuple[Floats, Floats]]()
        self.outputs = list[tuple[Floats, Floats]]()
        self.last: tuple[Affine, ...] = ()
        #: By property: (steps) arrays (B·pieces, m).
        self.margins: list[list[Floats]] = [[] for _ in properties]

    def add(self, now: Enclosed) -> None:
        """Take over a step."""
        self.states.append(self._joined(now.states))
        if now.outputs is not None:
            self.outputs.append(self._joined(now.outputs))
        self.last = now.every
        for one, margins in zip(self.properties, self.margins, strict=True):
            seen = now.states if now.outputs is None or one.of == "h" else now.outputs
            margins.append(one.least(seen))

    def ends(self) -> tuple[Floats, Floats, Floats | None, Floats | None, Floats, Floats]:
        """The ends of states, of outputs and of the last states."""
        low, high = (np.stack(end) for end in zip(*self.states, strict=True))
        last = zip(*map(self._joined, self.last), strict=True)
        last_low, last_high = (np.stack(end) for end in last)
        if not self.outputs:
            return low, high, None, None, last_low, last_high
        y_low, y_high = (np.stack(end) for end in zip(*self.outputs, strict=True))
        return low, high, y_low, y_high, last_low, last_high

    def _joined(self, numbers: Affine) -> tuple[Floats, Floats]:
        """The ends (B, n) over all pieces of each box."""
        low, high = numbers.low, numbers.high
        # ∞ - ∞ in an enclosure that overflowed: nothing is known, and it must not look like a
        # number.
        low = np.where(np.isnan(low), -np.inf, low).reshape(-1, self.pieces, low.shape[1])
        high = np.where(np.isnan(high), np.inf, high).reshape(low.shape)
        return low.min(1), high.max(1)


def _answer(
    model: Model,
    mode: Rounding,
    boxes: Boxes,
    wanted: Property,
    margins: list[Floats],
    settings: Settings,
) -> Answer:
    if wanted.when == "ever":
        return _for_ever(model, mode, boxes, wanted, settings)
    each = np.stack(margins[-1:] if wanted.when == "last" else margins)
    # Over steps, inequalities and pieces: a box is proved if each of its pieces is.
    least = each.min((0, 2)).reshape(boxes.members, -1).min(1)
    holds = wanted.holds(each).all(0).reshape(boxes.members, -1).all(1)
    if holds.all():
        return Answer(wanted, "proved", None, float(least.min()))
    open_ones = [int(b) for b in np.flatnonzero(~holds)]
    return _refuted(model, mode, boxes, wanted, settings, open_ones) or Answer(
        wanted, "unknown", open_ones[0], float(least[open_ones[0]])
    )


def _refuted(
    model: Model,
    mode: Rounding,
    boxes: Boxes,
    wanted: Property,
    settings: Settings,
    members: list[int],
) -> Answer | None:
    """The first of these boxes in which something breaks the property."""
    for b in members:
        witness = counterexample(model, mode.format, boxes.member(b), wanted, settings.seed)
        if witness is not None:
            return Answer(wanted, "refuted", b, witness.margin, witness)
    return None


def _for_ever(
    model: Model, mode: Rounding, boxes: Boxes, wanted: Property, settings: Settings
) -> Answer:
    least, how = np.inf, ""
    for b in range(boxes.members):
        sizes = settings.generators, settings.roots
        found = invariant(model, mode, sizes, boxes.member(b), wanted)
        if found is None or not bool(wanted.holds(found.least)):
            # A run that breaks it within T steps breaks it for ever, too.
            refuted = _refuted(model, mode, boxes, wanted, settings, [b])
            lowest = -np.inf if found is None else float(found.least.min())
            return refuted or Answer(wanted, "unknown", b, lowest)
        if found.least.min() < least:
            least = float(found.least.min())
            widest = float((found.high - found.low).max())
            how = (
                f"every {found.steps} steps the states are back in a box no wider than {widest:.3g}"
            )
    return Answer(wanted, "proved", None, float(least), how=how)


__all__ = ["Answer", "CannotReach", "Reach", "Settings", "reached"]
