"""Each step of a record held against its bound, from the state that was recorded before it (theory
14, (14.5)).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from gruverify.arithmetic import Ball, NDArray, as_recorded, is_narrower, spacing
from gruverify.engine import Reading
from gruverify.formulas import step
from gruverify.invariants import Residual, worst
from gruverify.judging._envelope import affordable, envelope
from gruverify.judging._masks import Masks, kept
from gruverify.judging._order import own_order, reordered
from gruverify.judging._record import Record
from gruverify.judging._walk import (
    Floats,
    Known,
    Mask,
    Model,
    finite,
    initial,
    inputs_of,
    one_behind,
    outputs_of,
    reread,
    stored_in,
)

#: How many numbers of a state are looked at in one go: what is in the processor's cache is fast.
_ENTRIES = 2**17
#: How many steps of a direction readings are tried on, before the one that is left is tried on all.
_TELLING = 6


@dataclass(frozen=True)
class Entry:
    """One recorded number: layer, direction, step t, member b and unit i, all from 0; what it is,
    what it should be and by how much it may be off, all as numbers, and how far it is off in units
    in the last place (ulp).
    """

    layer: int
    direction: int
    step: int
    member: int
    unit: int
    recorded: float
    expected: float
    bound: float
    ulp: float
    margin: float


@dataclass(frozen=True, eq=False)
class Held:
    """One direction of a layer, in its own order of time: what is recorded, what it should be and
    the bounds, all (T, B, H); `there` (T, B) are the steps that the members have, and `index` the
    rows where they are recorded.
    """

    layer: int
    direction: int
    record: Record
    recorded: Floats
    expected: Floats
    bounds: Floats
    there: Mask
    index: NDArray

    @cached_property
    def residual(self) -> Residual:
        """The worst entry, all margins, and how many claim something."""
        # Padding is nobody's: what is recorded there is neither right nor wrong.
        about = np.broadcast_to(self.there[..., None], self.recorded.shape)
        scale = self.record.functions[self.direction].scale
        error = np.abs(self.recorded - self.expected)
        return worst(
            "h", "tbi", self.recorded, self.expected, error, self.bounds, scale=scale, about=about
        )

    @cached_property
    def beyond(self) -> Mask:
        """Which entries (T, B, H) are beyond their bounds."""
        entries = self.residual.entries
        if entries is None:
            return np.zeros(self.recorded.shape, bool)
        return entries.margins > 1

    @cached_property
    def telling(self) -> NDArray:
        """The rows of T·B that decide most: where it is farthest beyond its bounds, and others all
        along.
        """
        entries = self.residual.entries
        if entries is None:
            margins = np.zeros(self.there.shape)
        else:
            margins = entries.margins.max(-1)
        # Half of them where a wrong reading shows at once, half where a right one must hold, too.
        farthest = np.argsort(-np.where(self.there, margins, -1.0).reshape(-1))[: _TELLING // 2]
        return np.concatenate([farthest, self.some(_TELLING // 2)])

    def some(self, count: int) -> NDArray:
        """So many rows of T·B, all along, of steps that there are."""
        there = np.flatnonzero(self.there.reshape(-1))
        return there[np.linspace(0, len(there) - 1, min(count, len(there))).astype(np.intp)]

    def entry(self, place: tuple[int, int, int]) -> Entry:
        """The entry at a place of the direction's own order."""
        k, b, i = place
        recorded, expected = float(self.recorded[place]), float(self.expected[place])
        entries = self.residual.entries
        return Entry(
            self.layer,
            self.direction,
            int(self.index[k, b]),
            b,
            i,
            recorded,
            expected,
            float(self.bounds[place]),
            abs(recorded - expected) / self._ulp(expected),
            0.0 if entries is None else float(entries.margins[place]),
        )

    def _ulp(self, expected: float) -> float:
        """The spacing of numbers as they are recorded, or computed where that is wider."""
        stored, computed = stored_in(self.record, self.layer), self.record.format
        return float(spacing(expected, stored if is_narrower(stored, computed) else computed))

    @property
    def worst(self) -> Entry | None:
        """The entry that is nearest to its bound, or farthest beyond it."""
        entries = self.residual.entries
        if entries is None:
            return None
        k, b, i = np.unravel_index(int(entries.margins.argmax()), entries.margins.shape)
        return self.entry((int(k), int(b), int(i)))

    @property
    def first(self) -> Entry | None:
        """The worst entry of the first step in which one is beyond its bound."""
        steps = np.flatnonzero(self.beyond.any((1, 2)))
        entries = self.residual.entries
        if not steps.size or entries is None:
            return None
        of_step = entries.margins[steps[0]]
        b, i = np.unravel_index(int(of_step.argmax()), of_step.shape)
        return self.entry((int(steps[0]), int(b), int(i)))


class Source:
    """What is known of a record in one model: the inputs of every layer, found once."""

    def __init__(self, record: Record, model: Model) -> None:
        self.record, self.model = record, model
        self._inputs = dict[int, Known]()
        self._walks = dict[tuple[int, int], tuple[NDArray, Known, Known, Known]]()
        self._masks = dict[int, Masks]()

    def read_as(self, reading: Reading) -> Source:
        """The record held against another reading of the weights."""
        other = Source(self.record, reread(self.model, reading))
        # Where every layer is recorded, nothing that is known depends on the reading.
        if len(self.record.outputs) == self.record.stack.layers:
            # Both ways: what either finds out of a long record the other need not.
            other._inputs, other._walks = self._inputs, self._walks
        return other

    def inputs(self, layer: int) -> Known:
        """What the layer reads (T, B, n): what was given, or is recorded; else wherever the layer
        below may be.
        """
        if layer not in self._inputs:
            if layer == 0:
                self._inputs[layer] = inputs_of(self.record, self.model.mode)
            elif layer - 1 in self.record.outputs:
                self._inputs[layer] = outputs_of(self.record, self.model.mode, layer - 1)
            else:
                self._inputs[layer] = self._enclosed(layer - 1)
        return self._inputs[layer]

    def walk(self, layer: int, direction: int) -> tuple[NDArray, Known, Known, Known]:
        """A recorded direction in its own order: the rows that it takes, inputs, states, and what
        steps start from.
        """
        if (layer, direction) not in self._walks:
            self._walks[layer, direction] = self._walk(layer, direction)
        return self._walks[layer, direction]

    def masks(self, direction: int) -> Masks:
        """The steps of a direction, in its own order, that keep a state or start from zeros."""
        if direction not in self._masks:
            index = own_order(self.record.lengths, self.record.steps, direction)
            H = self.record.stack.hidden_size
            self._masks[direction] = self.record.masks.of(direction, H, index)
        return self._masks[direction]

    def _walk(self, layer: int, direction: int) -> tuple[NDArray, Known, Known, Known]:
        record, mode, H = self.record, self.model.mode, self.record.stack.hidden_size
        index = own_order(record.lengths, record.steps, direction)
        states = outputs_of(record, mode, layer)
        half = slice(direction * H, (direction + 1) * H)
        # By direction: a NaN of one leaves the other's states known.
        _, lost = finite(record.outputs[layer][..., half])
        if states.radius is None:
            radius = None
        else:
            radius = states.radius[..., half]
        own = Known(states.mid[..., half], radius, lost).at(index)
        first, masks = initial(record, mode, layer, direction), self.masks(direction)
        if masks.zero_outputs and masks.whole is not None:
            # What starts from zeros and is masked, stays there.
            own = own.restarted(masks.whole & masks.starts)
            own = own.carried_over(first, masks.whole & ~masks.starts)
        before = one_behind(first, own)
        if masks.restart is not None:
            before = before.restarted(masks.starts)
        return index, self.inputs(layer).at(index), own, before

    def _enclosed(self, layer: int) -> Known:
        record, model = self.record, self.model
        xs = self.inputs(layer)
        if not affordable(record.steps, xs.mid.shape[1], record.stack.hidden_size):
            # Then the bounds of the layers above claim nothing, and that is said.
            return _nothing(record)
        found = list[Known]()
        for direction in range(record.stack.directions):
            index = own_order(record.lengths, record.steps, direction)
            first = initial(record, model.mode, layer, direction)
            found.append(envelope(model, layer, direction, xs.at(index), first).at(index))
        if len(found) == 1:
            return found[0]
        return found[0].with_columns_of(found[1])


def _nothing(record: Record) -> Known:
    """A layer's outputs of which nothing is known: they are not recorded, and enclosing them would
    take too long.
    """
    shape = record.steps, len(record.lengths), record.stack.directions * record.stack.hidden_size
    return Known(np.zeros(shape), np.full(shape, np.inf), np.zeros(shape[:2], bool))


def every_direction(source: Source) -> list[Held]:
    """Every recorded layer and direction of the record, all of its steps."""
    ways = product(source.record.outputs, range(source.record.stack.directions))
    return [_direction(source, layer, direction) for layer, direction in ways]


def _direction(source: Source, layer: int, direction: int) -> Held:
    record, H = source.record, source.record.stack.hidden_size
    index, xs, _, before = source.walk(layer, direction)
    recorded = reordered(
        record.outputs[layer][..., direction * H : (direction + 1) * H].astype(np.float64), index
    )
    steps = len(before.mid), len(record.lengths)
    expected, bounds = np.zeros(recorded.shape), np.zeros(recorded.shape)
    flat_expected, flat_bounds = expected.reshape(-1, H), bounds.reshape(-1, H)
    # Steps are independent of each other here, (14.5), so they are taken in any blocks.
    rows = max(_ENTRIES // max(H, record.stack.input_size), 1)
    for start in range(0, steps[0] * steps[1], rows):
        some = slice(start, start + rows)
        ball = stepped(source, layer, direction, xs, before, some)
        flat_expected[some], flat_bounds[some] = ball.mid, ball.radius
    masks = source.masks(direction)
    if masks.zero_outputs:
        expected[masks.whole] = bounds[masks.whole] = 0.0
    there = np.arange(steps[0])[:, None] < record.lengths
    return Held(layer, direction, record, recorded, expected, bounds, there, index)


def stepped(
    source: Source, layer: int, direction: int, xs: Known, before: Known, some: slice | NDArray
) -> Ball:
    """What may be recorded after some of the steps, rows of T·B: a step from what is known before
    it.
    """
    model = source.model
    x, h = xs.rows(model.mode, some), before.rows(model.mode, some)
    ball = step(model.variant, model.rows[layer][direction], x, h, model.functions[direction])
    masks, unread = source.masks(direction), xs.lost
    keep, whole = masks.rows(some), masks.whole
    if keep is not None and whole is not None:
        ball, unread = kept(keep, h, ball), unread & ~whole
    stored, written = stored_in(source.record, layer), source.record.written
    ball = as_recorded(ball, stored)
    if written is not None:
        ball = written.read_back(ball, stored)
    lost = (unread | before.lost).reshape(-1)[some]
    # Nothing is known after a number that is not finite: any answer is within bounds.
    if lost.any():
        return Ball(ball.mode, ball.mid, np.where(lost[:, None], np.inf, ball.radius))
    return ball


def share_within(each: Iterable[Held]) -> tuple[int, int]:
    """How many entries were compared, and how many of the bounds claim something."""
    residuals = [one.residual for one in each]
    return sum(r.compared for r in residuals), sum(r.claimed for r in residuals)
