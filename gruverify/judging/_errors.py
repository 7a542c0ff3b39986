"""The steps of a direction whose errors are looked at together, and what each part of a step does
to the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gruverify.arithmetic import FLAT, QUICKEST, NDArray, Rounding, in_any_order
from gruverify.cell import Cell, Parameters, Variant, unpack
from gruverify.formulas import (
    Activations,
    GateCotangents,
    activations,
    candidate_slope,
    gate_cotangents,
    into_parameters,
    reset_slope,
    step,
    update_slope,
)
from gruverify.judging._held import Held, Source
from gruverify.judging._walk import Known, stored_in

#: In how many intervals of its argument a library's function may lean one way or the other.
_INTERVALS = 64
#: What is computed with: the bounds' own digits are no more than these.
_NUMBERS = np.float32
#: The largest share of a bound that a unit of roundoff is counted as: its square is a number.
_MOST = 2.0**60
#: How many numbers are looked at.
_SEEN = 2**20
#: How often each function is asked what it explains of what the others leave.
_TURNS = 3
#: How many numbers at least tell which way it leans in one of them.
_TELLING = 64


@dataclass(frozen=True, eq=False)
class _Function:
    """What a function that is wrong by the most that it may be does to the states, (n, H); in which
    interval its arguments are, and where in it, from -1/2 to 1/2.
    """

    effect: NDArray
    interval: NDArray
    place: NDArray

    def of(self, errors: NDArray) -> NDArray:
        """The part of the errors that it explains best, in each interval as a straight line of its
        argument, and nowhere as more than it may be wrong by.
        """
        c, s = self.effect.ravel(), self.place
        follows = c * errors.ravel()
        e0, e1 = self._sums(follows), self._sums(follows * s)
        s0, s1, s2 = self._squares
        det = s0 * s2 - s1 * s1
        # One argument alone has no slope.
        sloped = det > np.finfo(float).eps * s0 * s2
        slope = np.where(sloped, s0 * e1 - s1 * e0, 0.0) / np.where(sloped, det, 1.0)
        level = (e0 - slope * s1) / np.where(s0 > 0, s0, 1.0)
        share = np.clip(level[self.interval] + slope[self.interval] * s, -1, 1)
        return np.asarray(self.effect * share.reshape(self.effect.shape))

    @cached_property
    def _squares(self) -> tuple[NDArray, NDArray, NDArray]:
        c, s = self.effect.ravel(), self.place
        return self._sums(c * c), self._sums(c * c * s), self._sums(c * c * s * s)

    def _sums(self, values: NDArray) -> NDArray:
        return np.asarray(np.bincount(self.interval, values, _INTERVALS))


def _function(effect: NDArray, arguments: NDArray, count: int) -> _Function:
    where = (np.clip(arguments.ravel() / FLAT, -1, 1) + 1) * (count / 2)
    interval = np.minimum(where.astype(np.intp), count - 1)
    return _Function(effect, interval, where - interval - 0.5)


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps n of a direction, in the formulas' numbers, and their errors in units of their bounds,
    (n, H), as they are and without what functions lean; `shares` are units of roundoff in units of
    the bounds, 0 where nothing is known.
    """

    source: Source
    held: Held
    rows: NDArray
    parameters: Parameters
    a: Activations
    errors: NDArray
    shares: NDArray

    @cached_property
    def cleared(self) -> NDArray:
        """The errors without what functions lean."""
        return self.without_functions(self.errors)

    @property
    def v(self) -> Variant:
        """The variant."""
        return self.source.model.variant

    @property
    def cell(self) -> Cell:
        """The weights as they are in the file."""
        return self.source.record.stack.cells[self.held.layer][self.held.direction]

    def at_most(self, rows: int) -> Steps:
        """So many of the steps."""
        if rows >= len(self.rows):
            return self
        return _steps_at(self.source, self.held, spread(self.rows, rows))

    # -- what moves the state ----------------------------------------------------------------------

    def factors(self, name: str, gate: int) -> tuple[NDArray, NDArray]:
        """What parameters of that name and gate are multiplied with: (n, k) for each column, and
        (n, H) for each unit.
        """
        a, ones = self.a, np.ones((len(self.rows), 1), _NUMBERS)
        by_column = {"weight_ih": a.x, "weight_hh": a.h}.get(name, ones)
        by_unit = np.broadcast_to(ones, a.h.shape)
        if gate == 2 and name.endswith("hh"):
            if self.v.reset == "after":
                by_unit = a.r
            elif name == "weight_hh":
                by_column = a.r * a.h
        return by_column, by_unit

    def moved(self, gate: int, by: NDArray) -> NDArray:
        """What the state (n, H) is moved by, where the pre-activations of gate 0, 1 or 2 are, (n,
        H) or (n, 1).
        """
        if gate == 1:
            return np.asarray(update_slope(self.v, self.a) * by)
        if gate == 0:
            by = self._through_reset(reset_slope(self.a) * by)
        return np.asarray(candidate_slope(self.a) * by)

    def _through_reset(self, by: NDArray) -> NDArray:
        """What the candidate's pre-activations are moved by, where what the reset gate multiplies
        is.
        """
        if self.v.reset == "after":
            return by
        return np.asarray(by @ self.parameters.W_hc.T)

    def along_parameters(self, errors: NDArray) -> Parameters:
        """Σ e f for each single parameter: with f what a unit of roundoff of 1 more does to the
        state.
        """
        a, p, v = self.a, self.parameters, self.v
        return into_parameters(v, [a], [gate_cotangents(v, p, a, errors * self.shares)])

    @cached_property
    def squares(self) -> Parameters:
        """Σ f² for each single parameter: the same formulas with everything squared."""
        a, p, v = self.a, self.parameters, self.v
        squared = replace(a, x=a.x**2, h=a.h**2, r=a.r**2)
        c = (self.shares * candidate_slope(a)) ** 2
        through = c if v.reset == "after" else c @ p.W_hc**2
        gates = GateCotangents(
            through * reset_slope(a) ** 2,
            (self.shares * update_slope(v, a)) ** 2,
            c,
            through * a.r**2,
        )
        return into_parameters(v, [squared], [gates])

    # -- what is no news ---------------------------------------------------------------------------

    def without_functions(self, errors: NDArray) -> NDArray:
        """Errors without what σ and tanh of the library have in common for all units: within an
        interval of their arguments they may lean as far as is declared.
        """
        found = errors
        # Again and again: what one of them leaves is seen by the others.
        for leaning in self._functions * _TURNS:
            found = found - leaning.of(found)
        return found

    @cached_property
    def _functions(self) -> list[_Function]:
        """What the most that each function may be wrong by does."""
        a, mode = self.a, self.source.model.mode
        r = candidate_slope(a) * self._through_reset(a.q * mode.of_sigmoid(a.r))
        off = self.shares / self.source.record.format.unit_roundoff
        count = self._intervals
        if self.v.reset == "before":  # every unit's reset gate reaches every state
            of_r = _function(off * r, np.zeros(a.h.shape), 1)
        else:
            of_r = _function(off * r, a.a_r, count)
        of_z = _function(off * mode.of_sigmoid(a.z) * (a.h - a.c), a.a_z, count)
        of_c = _function(off * mode.of_tanh(np.abs(a.c)) * a.take, a.a_c, count)
        if "D" not in mode.blend:
            return [of_r, of_z, of_c]
        # There 1-z is a σ of its own.
        other = np.where(self.v.update == "keep", a.c, a.h)
        return [of_r, of_z, of_c, _function(off * mode.of_sigmoid(1 - a.z) * other, a.a_z, count)]

    def left_of_function(self, gate: int, f: NDArray) -> float:
        """The most that Σ e f is by what is left of the function of a gate, if it leans as f does
        wherever it may.
        """
        # With d radians of a wave in an interval, no straight line is off by more than d²/16.
        radians = QUICKEST * 2 * FLAT / self._intervals
        left = min(1.0, radians**2 / 16)
        return left * float(np.abs(self._functions[gate].effect * f).sum())

    @cached_property
    def _intervals(self) -> int:
        return min(_INTERVALS, 1 + self.errors.size // _TELLING)

    def of_right_runs(self, count: int) -> Iterator[NDArray]:
        """The errors of other implementations at the very same steps, in units of the bounds: each
        adds up in an order of its own.
        """
        rng = np.random.default_rng(0)
        record, one, mode = self.source.record, self.held, self.source.model.mode
        _, xs, _, before = self.source.walk(one.layer, one.direction)
        cell, H = self.cell, self.cell.hidden_size
        expected = one.expected.reshape(-1, H)[self.rows]
        off = self.shares / record.format.unit_roundoff
        given = [_draws(known, mode, self.rows) for known in (xs, before)]
        for _ in range(count):
            lift = in_any_order(mode, rng)
            parameters = unpack(cell.packed(), H).map(lift)
            x, h = (lift(drawn(rng)) for drawn in given)
            after = step(self.v, parameters, x, h)
            recorded = stored_in(record, one.layer).cast(np.asarray(after.value, np.float64))
            yield ((recorded.astype(np.float64) - expected) * off).astype(_NUMBERS)


def _draws(known: Known, mode: Rounding, rows: NDArray) -> Callable[[np.random.Generator], NDArray]:
    """What draws numbers that may have been those that are known. A run that repeats itself rounds
    one number to the same one each time: what is equal in a column is off by as much.
    """
    ball = known.rows(mode, rows)
    if known.radius is None:
        return lambda _rng: ball.mid
    kinds = np.stack([np.unique(column, return_inverse=True)[1] for column in ball.mid.T], 1)

    def drawn(rng: np.random.Generator) -> NDArray:
        shares = np.take_along_axis(rng.uniform(-1, 1, ball.mid.shape), kinds, 0)
        return np.asarray(ball.mid + ball.radius * shares)

    return drawn


def steps_of(source: Source, one: Held) -> Steps:
    """The steps of a direction that are known, or many of them."""
    _, xs, _, before = source.walk(one.layer, one.direction)
    masks = source.masks(one.direction)
    there = one.there & ~xs.lost & ~before.lost
    if masks.keep is not None:
        there = there & (masks.keep == 0).all(-1)
    rows = np.flatnonzero(there.ravel())
    return _steps_at(source, one, spread(rows, _SEEN // source.record.stack.hidden_size))


def spread(rows: NDArray, most: int) -> NDArray:
    """So many of the rows at most, all along, for neighbours are alike."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, max(most, 1)).astype(np.intp)])


def _steps_at(source: Source, one: Held, rows: NDArray) -> Steps:
    """Some of the rows of T·B."""
    mode, H = source.model.mode, source.record.stack.hidden_size
    _, xs, _, before = source.walk(one.layer, one.direction)
    cell = source.record.stack.cells[one.layer][one.direction]
    p = unpack({name: array.astype(_NUMBERS) for name, array in cell.packed().items()}, H)
    x, h = (known.rows(mode, rows).mid.astype(_NUMBERS) for known in (xs, before))
    bounds = one.bounds.reshape(-1, H)[rows]
    errors = (one.recorded - one.expected).reshape(-1, H)[rows]
    # A bound of 0 has no error, and of what has no bound nothing is known.
    shares = source.record.format.unit_roundoff / np.where(bounds > 0, bounds, np.inf)
    known = np.isfinite(errors) & (shares < _MOST)
    shares = np.where(known, shares, 0.0)
    errors = np.where(known, errors, 0.0) / np.where(known, bounds, 1.0)
    return Steps(
        source,
        one,
        rows,
        p,
        activations(source.model.variant, p, x, h),
        errors.astype(_NUMBERS),
        shares.astype(_NUMBERS),
    )
