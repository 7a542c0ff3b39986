"""Affine arithmetic: enclosures of what a format computes, that know what depends on what.

A number is an affine form (`_form`), the interval that it lies in (`_interval`), which is never
wider than the form and often narrower, and the roundings that are still to be charged. These are
kept by a `Ball` of the largest magnitudes: the model of rounding, in any order of evaluation, is
that of ball arithmetic, and is written there alone. When a number is used, its ball's radius
becomes the form's own, and widens the interval.

So every number encloses whatever an implementation within the model of rounding may compute, for
every choice of the symbols. The interval is plain interval arithmetic next to the form: without
generators nothing else is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import _interval as interval
from gruverify.arithmetic._ball import Ball, Pending, Sum
from gruverify.arithmetic._blend import blend_rounding
from gruverify.arithmetic._bounds import Bound, Floats
from gruverify.arithmetic._curves import SIGMOID, TANH, Curve, bend_of
from gruverify.arithmetic._exactness import Mask, rough
from gruverify.arithmetic._form import Form, Symbols, placed_forms
from gruverify.arithmetic._interval import Interval
from gruverify.arithmetic._once import once
from gruverify.arithmetic._products import bent, product
from gruverify.arithmetic._rounding import OUTWARD, Rounding
from gruverify.arithmetic._sums import Results

#: How many noise symbols a number may have between steps, unless said otherwise.
GENERATORS = 2048
#: The radius of a ball is a sum of as many numbers as a matrix has rows: this makes up for what
#: adding up to 2^16 of them rounds.
_ADDED_UP = 1.0 + 2.0**-36
#: An interval that is narrower than its form by this factor is worth more than what the form knows
#: of dependencies.
_MUCH = 0.5
#: Of how many symbols products are followed on symbols of pairs.
ROOTS = 64


@dataclass(eq=False)
class Noise:
    """The symbols of one run in a model of rounding.

    generators: how many a number may have between steps, 0 for plain intervals; roots: of how many
    the pairs are followed, 0 for plain affine forms; used: how many symbols there are.
    """

    mode: Rounding
    generators: int = GENERATORS
    roots: int = ROOTS
    used: int = field(default=0, init=False)

    def fresh(self, count: int) -> Symbols:
        """Symbols that nothing depends on yet."""
        self.used += count
        return np.arange(self.used - count, self.used)

    def point(self, values: npt.ArrayLike) -> Affine:
        """Numbers that the implementation is given: exactly these, or what it makes of them."""
        ball = Ball.exact(self.mode, values)
        radius = np.zeros(ball.shape) + ball.radius
        ends = ball.mid, ball.mid
        if radius.any():
            ends = interval.widen(ends, radius)
        return Affine(self, Form.point(ball.mid, radius), ends)

    def between(self, low: Floats, high: Floats) -> Affine:
        """Numbers (B, n) that lie anywhere between two: column by column with a symbol of its own,
        unless they are the same in every row.
        """
        mid, radius = interval.middle((low, high))
        given = self.mode.of_given_between(low, high)
        form, ends = Form.point(mid, radius), (low, high)
        if self.generators:
            form = promoted(self, form)
        if given is not None:
            form, ends = form.widened(given), interval.widen(ends, given)
            if self.mode.arithmetic == self.mode.format:  # what is flushed becomes 0
                zero = np.where(given > 0, 0.0, low)
                ends = np.minimum(low, zero), np.maximum(high, np.where(given > 0, 0.0, high))
        return Affine(self, form, ends)


class Affine:
    """An array of numbers with what each may be. `ends` are below and above all of it; see the
    module's text.

    Offers what the formulas of a step use: `+ - * @`, indexing, `.T`, `sigmoid`, `tanh`, `blend`,
    `placed` and `carried`.
    """

    __array_ufunc__ = None

    def __init__(self, noise: Noise, form: Form, ends: Interval, load: Ball | None = None) -> None:
        """A number; with `load`, one whose roundings are pending: a sum or a product."""
        self.noise, self.form = noise, form
        self.ends = ends
        if load is not None:
            # The load was put together from magnitudes, where nothing cancels; the sum's own
            # magnitude may be smaller, and a rounding of |s| is charged of that.
            load.known(mid=self.magnitude)
        self._load = load

    @property
    def shape(self) -> tuple[int, ...]:
        return self.form.centre.shape

    @property
    def low(self) -> Floats:
        """No number in it is below this; to be read of numbers that are used already, as states."""
        return self._rounded().ends[0]

    @property
    def high(self) -> Floats:
        """No number in it is above this."""
        return self._rounded().ends[1]

    @once
    def magnitude(self) -> Floats:
        """The largest absolute value, but for what is still to be rounded."""
        return interval.magnitude(self.ends)

    @property
    def load(self) -> Ball:
        """The pending roundings, of a ball of magnitudes."""
        if self._load is None:
            self._load = Ball(self.noise.mode, self.magnitude).known(rough=_rough(self.ends))
        return self._load

    # -- sums and products -------------------------------------------------------------------------

    def __add__(self, other: Affine | float) -> Affine:
        return self._plus(other, 1.0)

    __radd__ = __add__

    def __sub__(self, other: Affine | float) -> Affine:
        return self._plus(other, -1.0)

    def __rsub__(self, other: float) -> Affine:
        return self.noise.point(other) - self

    def _plus(self, other: Affine | float, sign: float) -> Affine:
        if not isinstance(other, Affine):
            if other == 0:
                return self
            other = self.noise.point(other)
        a, b = self._term(), other._term()
        form = a.form.plus(b.form, sign)
        ends = interval.add(a.ends, b.ends if sign > 0 else interval.negative(b.ends))
        return self._pending(form, ends, a.load + b.load)

    def __neg__(self) -> Affine:
        a = self._rounded()
        return Affine(a.noise, a.form.negative(), interval.negative(a.ends))

    def __mul__(self, other: Affine) -> Affine:
        a, b = self._factor(), other._factor()
        ends = interval.multiply(a.ends, b.ends)
        return self._pending(product(a.form, b.form, self.noise.roots), ends, a.load * b.load)

    def __matmul__(self, other: Affine) -> Affine:
        """The product with a matrix that depends on no symbol: weights."""
        a, b = self._rounded(), other._rounded()
        assert not len(b.form.symbols), "a matrix product is with weights"
        off = b.form.own if b.form.own.any() else None
        W, form = b.form.centre, a.form
        # Else |W| would meet what each number has of its own, and nothing of it could cancel later.
        if self.noise.generators and form.own.any():
            form = promoted(self.noise, form)
        ends = interval.meet(interval.matmul(a.ends, W, off), (total := form.matmul(W, off)).ends)
        # The stored result is as large as the interval says, not as the product of magnitudes.
        load = a.load.times(b.load, Results(interval.magnitude(ends), 1.0))
        return Affine(self.noise, total, ends, load)

    def _pending(self, form: Form, ends: Interval, load: Ball) -> Affine:
        return Affine(self.noise, form, interval.meet(ends, form.ends), load)

    def _term(self) -> Affine:
        """A product goes on as it is, unless it may overflow on the way."""
        if self.load._term() is not self.load:
            return self._rounded()
        return self

    def _factor(self) -> Affine:
        """A sum is rounded before it is multiplied; a product goes on as it is."""
        return self._rounded() if isinstance(self.load, Sum) else self

    def _rounded(self) -> Affine:
        """The number with its pending roundings charged."""
        return self._round if isinstance(self._load, Pending) else self

    @once
    def _round(self) -> Affine:
        rounded = self._charged(self.load.rad * _ADDED_UP)
        if isinstance(self.load, Sum):
            # Another factor may meet its terms one by one.
            rounded.load.known(parts=self.load.weight)
        return rounded

    def _charged(self, rounding: Bound) -> Affine:
        """Numbers within so much of these."""
        form = self.form.widened(rounding)
        return Affine(self.noise, form, interval.widen(self.ends, rounding))

    # -- shape -------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Affine:
        a = self._rounded()
        return Affine(a.noise, a.form[index], (a.ends[0][index], a.ends[1][index]))

    @once
    def T(self) -> Affine:
        """The transpose."""
        a = self._rounded()
        return Affine(a.noise, a.form.T, (a.ends[0].T, a.ends[1].T))

    def placed(self, shape: tuple[int, ...], parts: Sequence[tuple[Any, Affine]]) -> Affine:
        """Exact zeros of that shape, with each part put at its index."""
        each = [(index, part._rounded()) for index, part in parts]
        low, high = np.zeros(shape), np.zeros(shape)
        for index, part in each:
            low[index], high[index] = part.ends
        form = placed_forms(shape, [(index, part.form) for index, part in each])
        return Affine(self.noise, form, (low, high))

    # -- functions ---------------------------------------------------------------------------------

    def sigmoid(self) -> Affine:
        """σ, within κu of itself; what flushes to 0 is below σ where exp(-a) overflows."""
        a, m = self._rounded(), self.noise.mode
        gate = a._through(SIGMOID)
        rounding = m.of_sigmoid(gate.magnitude) * OUTWARD
        # Only what is below the threshold may be flushed, so no more than σ there is lost.
        flushed = SIGMOID.between(np.asarray(m.sigmoid_flushes))[1]
        below = a.ends[0] < m.sigmoid_flushes
        rounding = rounding + np.where(below, np.minimum(gate.magnitude, flushed), 0.0)
        return gate._known(rounding, 0.0)

    def tanh(self) -> Affine:
        """tanh, within κu of itself, and exactly 0 at an exact 0; or within κu of 1."""
        a, m = self._rounded(), self.noise.mode
        bent = a._through(TANH)
        rounding = m.of_tanh(bent.magnitude) * OUTWARD
        if m.tanh == "relative":
            rounding = rounding * (a.magnitude != 0)
        return bent._known(rounding, -1.0)

    def _through(self, curve: Curve) -> Affine:
        """A curve of exact numbers; nothing, where nothing is known of them."""
        low, high = self.ends
        unknown = ~(np.isfinite(low) & np.isfinite(high))
        low, high = np.where(unknown, 0.0, low), np.where(unknown, 0.0, high)
        bend = bend_of(curve, low, high, self.form.centre)
        form = bent(self.form, bend, self.noise.roots).widened(np.where(unknown, np.inf, 0.0))
        ends = interval.meet(bend.ends, form.ends)
        return Affine(self.noise, form, _unknown(ends, unknown))

    def _known(self, rounding: Floats, least: float) -> Affine:
        """An activation with its rounding, that is between `least` and 1 if libraries' are."""
        found = self._charged(rounding)
        if self.noise.mode.holds_exact_values:
            low, high = found.ends
            found.ends = _unknown(
                (np.maximum(low, least), np.minimum(high, 1.0)), ~np.isfinite(low + high)
            )
        return found

    def blend(self, one: Affine, zero: Affine) -> Affine:
        """z∘one + (1-z)∘zero for a gate z, as zero + z∘(one - zero), in which z stands once; the
        roundings are those of the worst of the forms that it may be computed in.
        """
        z, a, b = self._rounded(), one._rounded(), zero._rounded()
        m, apart = self.noise.mode, a.form.plus(b.form, -1.0)
        gap = interval.magnitude(
            interval.meet(apart.ends, interval.add(a.ends, interval.negative(b.ends)))
        )
        form = b.form.plus(product(z.form, apart, self.noise.roots))
        ends = interval.meet(_between(z.ends, a.ends, b.ends), form.ends)
        up, rest = z.magnitude, interval.magnitude(_rest(z.ends))
        most, least = a.magnitude, b.magnitude
        rounding = blend_rounding(m, up, rest, most, least, gap) * OUTWARD
        known = np.isfinite(z.ends[0] + z.ends[1]) & (
            np.maximum(gap, np.maximum(most, least)) + rounding < m.largest
        )
        found = Affine(self.noise, form, ends)._charged(np.where(known, rounding, np.inf))
        if m.stays_in_box:
            inside = known & (np.maximum(most, least) <= 1.0)
            box = np.where(inside, 1.0, np.inf)
            found.ends = interval.meet(found.ends, (-box, box))
        return found

    def carried(self) -> Affine:
        """What is gone on with from step to step, with no more generators than there may be."""
        off = self.noise.mode.of_returned(self.magnitude) if self.noise.mode.carries_less else None
        a = self._rounded() if off is None else self._rounded()._charged(off)
        return Affine(a.noise, reduced(a.noise, a.form, a.ends), a.ends)

    def combined(self, weights: Floats) -> Interval:
        """Numbers below and above x @ weights for weights (n, m): exactly of these numbers, and not
        of what a format would make of them.
        """
        a = self._rounded()
        return interval.meet(
            interval.matmul(a.ends, weights, None), a.form.matmul(weights, None).ends
        )

    def __repr__(self) -> str:
        return f"Affine({self.low!r} ... {self.high!r}, {self.noise.mode.format.name})"


def _rough(ends: Interval) -> Mask:
    """1 where a number is not known to be one exact 0 or ±2^k."""
    low, high = ends
    same = rough(np.ascontiguousarray(low))
    if same is None:
        return None
    return np.where(low == high, same, 1.0)


def _rest(z: Interval) -> Interval:
    """1 - z."""
    one = np.ones(z[0].shape)
    return interval.add((one, one), interval.negative(z))


def _between(z: Interval, one: Interval, zero: Interval) -> Interval:
    """The blend z one + (1-z) zero, between the two if z is between 0 and 1."""
    if z[0].min(initial=0.0) >= 0 and z[1].max(initial=0.0) <= 1:
        return interval.blend(z, one, zero)
    return interval.add(interval.multiply(z, one), interval.multiply(_rest(z), zero))


def _unknown(ends: Interval, where: npt.NDArray[np.bool_]) -> Interval:
    """Everything, where nothing is known."""
    if not where.any():
        return ends
    return np.where(where, -np.inf, ends[0]), np.where(where, np.inf, ends[1])


def promoted(noise: Noise, form: Form) -> Form:
    """The form (B, n) with each number's own part on symbols: one for each column that has any."""
    columns = np.flatnonzero(form.own.any(0))
    parts = np.zeros((len(columns), *form.centre.shape))
    parts[np.arange(len(columns)), :, columns] = form.own[:, columns].T
    own = np.zeros(form.centre.shape)
    return form.with_parts(noise.fresh(len(columns)), parts, form.centre, own)


def reduced(noise: Noise, form: Form, ends: Interval) -> Form:
    """A form (B, n) of no more than `generators` symbols that encloses what the form and the
    interval both do.

    Where the interval is much narrower, it becomes the form. Of the generators those go into each
    number's own that lose least by it (Girard 2005: Σ|g| - max|g|, which is 0 of one along an
    axis); what is then each number's own becomes symbols, if there is room for them.
    """
    mid, radius = interval.middle(ends)
    boxed = radius < _MUCH * form.radius
    if boxed.any():
        own = np.where(boxed, radius, form.own)
        form = Form(form.symbols, np.where(boxed, mid, form.centre), form.parts * ~boxed, own)
    room = noise.generators - form.centre.shape[-1]
    keep_own = room < 0
    most = max(noise.generators if keep_own else room, 0)
    if len(form.symbols) > most:
        size = np.abs(form.parts)
        lost = (size.sum(-1) - size.max(-1)).sum(-1)
        kept = np.sort(np.argpartition(-lost, most)[:most]) if most else np.empty(0, np.intp)
        left = np.delete(form.parts, kept, axis=0)
        rest = Form(form.symbols[: len(left)], form.centre, left, form.own)
        form = Form(form.symbols[kept], form.centre, form.parts[kept], rest.radius)
    if keep_own:
        return form
    return promoted(noise, form)
