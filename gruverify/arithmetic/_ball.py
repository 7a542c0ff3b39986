"""Ball arithmetic: a midpoint, and a radius that is the tolerance (theory.md 9 and 13,
docs/tolerances.md).

A `Ball` stands for everything that an implementation in the format under test may return for a
formula: its midpoint is the value in float64, its radius bounds what the roundings of the format
(and of the midpoint's own float64) can add up to.

Implementations differ in the order in which they add and multiply. So a sum remembers its terms and
a product its factors, and the radius allows every order, with or without fused multiply-adds and
wider accumulators:

    product of k factors   ((1+u)^(k-1) - 1) |Π f|, and (k-1) η Π max(1, |f|) for underflow
    sum                    (14.1) or (14.2), as `_sums` derives them

What is exact costs nothing, entry by entry. A number of radius 0 is exact. A sum does not count an
exact 0; a product with an exact 0 is one; a product with an exact ±2^k rounds nothing (but for
underflow).

A number used in any other way (an activation, a factor of a product or matrix product) is rounded
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._ball_functions import (
    blend_of,
    clipped,
    product_error,
    sigmoid_of,
    tanh_of,
    unless_lost,
)
from gruverify.arithmetic._bounds import Bound, Floats, largest, matmul, plus, within_range
from gruverify.arithmetic._exactness import Mask, both, either, everywhere, nonzero, rough
from gruverify.arithmetic._once import once
from gruverify.arithmetic._rounding import OUTWARD, Rounding
from gruverify.arithmetic._rows import rows_combined
from gruverify.arithmetic._sums import Count, Results, round_sum, shares

#: What is found of a ball once, and may change with its arrays.
_FOUND = ("inexact", "_scaled", "_round", "T")


class Ball:
    """An array of balls. `mid` and `rad` have its shape; see the module's text for what they mean.

    Offers `+ - * @`, indexing, `.T`, `sum`, `sigmoid`, `tanh`, `diag_embed`, `blend`, `placed`: all
    that formulas use.
    """

    # Else NumPy would take `array * ball` apart and multiply entry by entry.
    __array_ufunc__ = None
    # What a plain number is; a sum, a product or a part sets those that differ.
    terms: Count = 1.0
    operands: Count = 1.0
    factors = 1
    weight: Floats | None = None  # Σ|term|, once there are two terms
    parts: Floats | None = None  # of a rounded sum: its weight
    stored: Floats | None = None  # Σ|operand|, where the accumulator is wider than the format
    scale: Bound | None = None  # Π max(1, |factor|), once there are two factors
    floor: Bound = 0.0  # underflow, in units of η
    spread: Bound | None = None  # of a Jacobian: Σ Π max(1, |factor|) over its products
    across = False  # a matrix whose columns are the members of the batch
    within_unit = True  # of a gate: whether it is in [0, 1], as computed

    def __init__(self, mode: Rounding, mid: Floats, rad: Bound | None = None) -> None:
        """A ball of known radius; `rad=None` is an exact number."""
        self.mode = mode
        self.mid = mid
        self.rad = self.error = known = 0.0 if rad is None else rad
        #: Whether this is a plain number, of radius 0.
        self.exactly = isinstance(known, float) and known == 0.0

    @classmethod
    def exact(cls, mode: Rounding, values: npt.ArrayLike) -> Ball:
        """`values` as the implementation has them once it is given them: of radius 0, mostly."""
        mid = np.asarray(values).astype(np.float64)
        return cls(mode, mid, None if mode.takes_as_given else mode.of_given(mid))

    @classmethod
    def observed(cls, mode: Rounding, values: npt.ArrayLike) -> Ball:
        """`values` that the implementation returned, as balls of what it may itself go on with."""
        mid = np.asarray(values).astype(np.float64)
        return cls(mode, mid, mode.of_returned(mid))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.mid.shape

    @once
    def size(self) -> Floats:
        """|mid|."""
        return np.abs(self.mid)

    @once
    def rad(self) -> Bound:
        """The radius: all that the roundings up to and with this number's may amount to."""
        return self._radius()

    @property
    def radius(self) -> Floats:
        """The radius as an array of the ball's shape."""
        rad = self.rad
        # A radius may be one number, or a smaller array: most sums are charged one for all entries.
        if isinstance(rad, np.ndarray) and rad.shape == self.mid.shape:
            return rad
        whole = np.empty(self.mid.shape)
        whole[...] = rad
        return whole

    @once
    def magnitude(self) -> Floats:
        """The largest absolute value in the ball."""
        return self.size if self.exactly else self.size + self.rad

    @property
    def mignitude(self) -> Floats:
        """The smallest absolute value in the ball."""
        return np.maximum(self.size - self.rad, 0.0)

    def _radius(self) -> Bound:
        m = self.mode
        if self.weight is None:
            # A product, or a plain number: relative roundings, and underflows in units of η.
            rad = self.error * OUTWARD + self.floor * (m.eta * OUTWARD)
            return within_range(self._reach(), rad, m.largest)
        # A sum: (14.1), or (14.2) with a wider accumulator, as `_sums` derives them.
        each = shares(m, self.terms, self.operands)
        rad = self.size * each.of_sum
        if not isinstance(each.of_weight, float) or each.of_weight:
            rad += self.weight * each.of_weight
        if each.of_stored is not None:
            rad += self._stored() * each.of_stored
        if each.most is not None:
            # Once (N-1)u is not small the quadratic term makes this bound, which has none, the
            # better one.
            rad = np.minimum(rad, self.weight * each.most)
        rad += plus(self.error, plus(each.flushed, self.floor) * m.eta) * each.of_error
        return within_range(self.weight, rad, m.largest)

    def _reach(self) -> Floats:
        """How large a product may become on the way."""
        return (
            np.maximum(self.size, self.scale)
            if self._overflows and self.scale is not None
            else self.size
        )

    @property
    def _overflows(self) -> bool:
        """Whether some order of multiplying the factors overflows."""
        return self.scale is not None and largest(self.scale) >= self.mode.largest

    def common(self) -> Ball:
        """What several results are made of, as large as it may be: what is wrong with its factors
        is in all of them; they differ only where each has multiplied the factors in an order of its
        own.
        """
        product = self._factor()
        size, m = product.magnitude, self.mode
        claimed = (size < m.largest) & (not product._overflows)
        # k factors take k-1 multiplications, in whatever order.
        reordered = (size * m.gamma(product.factors - 1) + product.floor * m.eta) * OUTWARD
        return Ball(m, size, np.where(claimed, reordered, np.inf))

    # -- what is exact -----------------------------------------------------------------------------

    @once
    def nonzero(self) -> Mask:
        """1 where this number or product is not an exact 0; None if it is so nowhere."""
        return nonzero(self.mid, self.rad)

    @once
    def inexact(self) -> Floats:
        """|mid| where this number or product is no exact 0 or ±2^k, and 0 elsewhere."""
        return self.size if self.rough is None else self.size * self.rough

    @once
    def rough(self) -> Mask:
        """1 where this number or product is no exact 0 or ±2^k; None if it is so nowhere."""
        return rough(self.mid) if self.exactly else self.nonzero

    # -- sums --------------------------------------------------------------------------------------

    def __add__(self, other: Ball | float) -> Ball:
        if not isinstance(other, Ball):
            if other == 0:
                return self
            other = _constant(self.mode, other)
        a, b = self._term(), other._term()
        return a._added_to(b, a.mid + b.mid)

    __radd__ = __add__

    def __neg__(self) -> Ball:
        """Exact, and so of the same standing: a sum stays a sum."""
        # Rounding to nearest is odd, so that nothing of the radius changes.
        negated = _alike(self)
        negated.mid = -self.mid
        return negated

    def __sub__(self, other: Ball | float) -> Ball:
        if not isinstance(other, Ball):
            return self + (-other)
        a, b = self._term(), other._term()
        return a._added_to(b, a.mid - b.mid)

    def __rsub__(self, other: float) -> Ball:
        a, b = _constant(self.mode, other), self._term()
        return a._added_to(b, a.mid - b.mid)

    def _added_to(self, other: Ball, mid: Floats) -> Ball:
        """The sum, or the difference, of two terms: signs are exact, so both are wrong alike."""
        total = _pending(self.mode, mid)
        total.error, total.floor = plus(self.error, other.error), self.floor + other.floor
        weight, terms, operands, stored = self._summed()
        more, further, others, besides = other._summed()
        total.weight, total.terms = weight + more, terms + further
        if self.mode.wide:
            total.operands, total.stored = operands + others, stored + besides
        if self.spread is not None or other.spread is not None:
            # An entry of a Jacobian adds up products, and loses what each of them may.
            total.spread = self._spread() + other._spread()
        return total

    def sum(self, axis: int) -> Ball:
        """Σ along `axis`, in any order: over the batch, and so in the format itself if the mode
        says so.
        """
        return self.summed(axis)

    def summed(self, axis: int, results: Results | None = None) -> Ball:
        """The sum along `axis`; `results` are those of the parts that it is put together of, itself
        unless given.
        """
        a = self.rounded()
        total = _pending(self.mode, a.mid.sum(axis))
        total.error = 0.0 if a.exactly else a.radius.sum(axis)
        total.weight = a.size.sum(axis)
        total.terms = float(self.shape[axis]) if a.nonzero is None else a.nonzero.sum(axis)
        round_sum(total, across=True, inexact=None, results=results)
        return total

    def _term(self) -> Ball:
        """As a term of a sum: a product goes on as it is, unless it may overflow on the way."""
        # Of a sum with an infinity nothing is known.
        return self.rounded() if self.scale is not None and self._overflows else self

    def _summed(self) -> tuple[Floats, Count, Count, Floats]:
        """Σ|term|, how many terms and operands, and Σ|operand|; an exact 0 counts as none."""
        if self.weight is None:
            count = 1.0 if self.nonzero is None else self.nonzero
            return self.size, count, count, self.size
        stored = self._stored() if self.mode.wide else self.weight
        return self.weight, self.terms, self.operands, stored

    def _stored(self) -> Floats:
        """Σ|operand|, where the accumulator is wider than the format."""
        return self.size if self.stored is None else self.stored

    # -- products ----------------------------------------------------------------------------------

    def __mul__(self, other: Ball | float) -> Ball:
        if not isinstance(other, Ball):
            other = _constant(self.mode, other)
        a, b = self._factor(), other._factor()
        product = _pending(self.mode, a.mid * b.mid)
        # A factor ±2^k moves the exponent alone; but what it is multiplied with still carries its
        # error.
        rounds = both(a.rough, b.rough)
        u = self.mode.u if rounds is None else self.mode.u * rounds
        product.error = (
            product_error(a, b, u) if a.mid.size <= b.mid.size else product_error(b, a, u)
        )
        product.factors = a.factors + b.factors
        product.scale = a.scaled() * b.scaled()
        # Whatever underflowed after one multiplication is met by the factors that come later.
        product.floor = product.scale * (product.factors - 1.0)
        if a.spread is not None or b.spread is not None:
            product.floor = product.floor + self._reversed() * a._spread() * b._spread()
        product.rough = either(a.rough, b.rough)
        product.nonzero = both(a.nonzero, b.nonzero)
        if product.nonzero is not None:
            product.floor = product.floor * product.nonzero
        return product

    __rmul__ = __mul__

    def __matmul__(self, other: Ball) -> Ball:
        return self.times(other)

    def times(self, other: Ball, results: Results | None = None) -> Ball:
        """The matrix product; `results` are those of the parts that it is put together of, itself
        unless given.
        """
        m = self.mode
        a, b = self.rounded(), other.rounded()
        product = _pending(m, matmul(a.mid, b.mid))
        product.weight = inexact = matmul(a.size, b.size)
        if not a.exactly:
            product.error = matmul(a.radius, b.magnitude) * m.inherited
        if not b.exactly:
            product.error = plus(product.error, matmul(a.size, b.radius) * m.inherited)
        # One number for all entries where nothing is exactly 0, as with dense weights: counting
        # would take another matrix product.
        product.terms = float(a.shape[-1])
        if a.nonzero is not None or b.nonzero is not None:
            product.terms = matmul(everywhere(a.nonzero, a.shape), everywhere(b.nonzero, b.shape))
        if a.rough is not None or b.rough is not None:
            # A product with a ±2^k or a 0 rounds nothing: only the others are charged.
            inexact = matmul(a.inexact, b.inexact)
        round_sum(product, across=self.across, inexact=inexact, results=results)
        if m.u_m:
            # What is wrong with the operands is met by the roundings of product and result.
            operands = (2 + m.u_m) * m.u_m * (1 + 2 * m.u)
            product.error = product.error + product.weight * operands
            product.floor = (
                product.floor
                + a.shape[-1] * (largest(a.magnitude) + largest(b.magnitude)) * m.operand_floor
            )
        if b.spread is not None:
            product.spread = np.maximum(a.size, 1.0) @ np.broadcast_to(b.spread, b.shape)
        return product

    def scaled(self) -> Bound:
        """Π max(1, |factor|)."""
        return self._scaled if self.scale is None else self.scale

    @once
    def _scaled(self) -> Bound:
        # The radius belongs to it: the factor that an implementation has may be that large.
        most = self.magnitude
        if (
            self.parts is not None
        ):  # another factor may meet the terms of a sum one by one: none is larger than this
            most = np.maximum(most, (self.parts + self.size) / 2)
        return np.maximum(most, 1.0) if self.mode.underflow_shows else max(largest(most), 1.0)

    def _spread(self) -> Bound:
        return self.scaled() if self.spread is None else self.spread

    def _reversed(self) -> float:
        """How many η the entry of a Jacobian may lose where reverse mode multiplies its factors
        from the other end.

        On its way through a matrix product it rounds g·take·(1-c²), what the product makes of it,
        the reset gate's three factors and the last product: seven times, by half an η each, or by a
        whole one where it is flushed.
        """
        # Seven halves, and as many whole ones, each rounded up.
        return 4.0 if self.mode.subnormals else 8.0

    def _factor(self) -> Ball:
        """A sum is rounded before it is multiplied; a product goes on as it is."""
        return self if self.weight is None else self.rounded()

    def rounded(self) -> Ball:
        """Itself as the implementation has it: a sum or a product rounded, once for all uses."""
        return self if self.weight is None and self.factors == 1 else self._round

    @once
    def _round(self) -> Ball:
        rounded = Ball(self.mode, self.mid, self.rad)
        rounded.size, rounded.spread, rounded.across = self.size, self.spread, self.across
        rounded.parts = self.weight
        # A look that was taken already is not taken again; `self` stands for "not looked yet".
        if vars(self).get("nonzero", self) is None:
            rounded.nonzero = None
        return rounded

    # -- shape -------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Ball:
        """Exact, and so of the same standing: a sum stays a sum, a product a product."""
        shape, taken = self.mid.shape, object.__new__(Ball)
        found = vars(taken)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                # What is one for many entries (a row of counts, say) has to be as large before it
                # is cut.
                whole = value if value.shape == shape else np.broadcast_to(value, shape)
                found[name] = whole[index]
            elif name not in _FOUND:
                found[name] = value
        for name in _FOUND:
            found.pop(name, None)
        return taken

    def placed(self, shape: tuple[int, ...], parts: Sequence[tuple[Any, Ball]]) -> Ball:
        """Exact zeros of that shape, with each part put at its index."""
        mid, rad = np.zeros(shape), np.zeros(shape)
        for index, part in parts:
            mid[index], rad[index] = part.mid, part.radius
        return Ball(self.mode, mid, rad)

    @once
    def T(self) -> Ball:
        """The transpose. On the left of a product it stands for a sum over the batch, the formulas'
        only such one.
        """
        turned = Ball(self.mode, self.mid.T, None if self.exactly else self.radius.T)
        turned.across = not self.across
        known, found = vars(self.rounded()), vars(turned)
        # Weights are transposed at every step: what is known of them once is known of their
        # transpose.
        for name in ("size", "nonzero", "rough"):
            if name in known:
                found[name] = None if known[name] is None else known[name].T
        return turned

    def diag_embed(self) -> Ball:
        """D(v): (..., H) -> (..., H, H)."""
        eye = np.eye(self.shape[-1])
        radius = None if self.exactly else self.radius[..., None] * eye
        return Ball(self.mode, self.mid[..., None] * eye, radius)

    @staticmethod
    def combined_rows(terms: Sequence[tuple[Ball, Ball]], diagonal: Ball | None) -> Ball:
        """D(diagonal) + Σ_k D(d_k) W_k for exact W_k, with most of the work done on vectors."""
        m = terms[0][0].mode
        mid, rad, scales = rows_combined(terms, diagonal)
        rows = Ball(m, mid, within_range(np.abs(mid) + scales, rad, m.largest))
        rows.spread = scales
        return rows

    # -- functions ---------------------------------------------------------------------------------

    def sigmoid(self) -> Ball:
        """σ, accurate to κu relative; it may flush to 0 where exp(-a) overflows in the format
        (theory.md 5).
        """
        mid, rad = sigmoid_of(clipped(self))
        gate = Ball(self.mode, mid, unless_lost(self, rad))
        gate.nonzero, gate.size = None, mid
        return gate

    def tanh(self) -> Ball:
        """tanh, accurate to κu relative, and exactly 0 at an exact 0; or to κu absolutely, as
        2σ(2a)-1 is.
        """
        mid, rad, present = tanh_of(clipped(self))
        activated = Ball(self.mode, mid, unless_lost(self, rad))
        activated.within_unit = False
        if self.mode.tanh == "relative":
            activated.nonzero = present
        return activated

    def blend(self, one: Ball, zero: Ball) -> Ball:
        """z∘one + (1-z)∘zero for a gate z, however the mode says that it may be arranged (theory.md
        5).

        The gate's error meets the difference of the two ends, not each of them; the roundings are
        those of the worst of z·a + (1-z)·b, b + z(a-b), a + (1-z)(b-a) and σ·a + σ'·b, σ' a gate of
        its own.
        """
        mid, rad = blend_of(self.rounded(), one.rounded(), zero.rounded())
        return Ball(self.mode, mid, rad)

    def carried(self) -> Ball:
        """What is gone on with from step to step: this, unless that is less precise than what is
        returned.
        """
        # A state that is kept wider than it is returned errs less than this ball, which rounds it:
        # nothing is added then.
        off = self.mode.of_returned(self.magnitude) if self.mode.carries_less else None
        return self if off is None else Ball(self.mode, self.mid, self.radius + off)

    def __repr__(self) -> str:
        return f"Ball({self.mid!r} ± {self.radius!r}, {self.mode.format.name})"


def _constant(mode: Rounding, number: float) -> Ball:
    """A plain number that formulas name, such as the 1 in 1-z."""
    if number not in mode.remembered:
        mode.remembered[number] = Ball.exact(mode, number)
    found: Ball = mode.remembered[number]
    return found


def _pending(mode: Rounding, mid: Floats) -> Ball:
    """A sum or a product, of which the radius is found once it is used."""
    ball = object.__new__(Ball)
    ball.mode, ball.mid, ball.error, ball.exactly = mode, mid, 0.0, False
    return ball


def _alike(ball: Ball) -> Ball:
    """A copy of the ball, but for what is found of it once and may change with its arrays."""
    other = object.__new__(Ball)
    found = vars(other)
    found.update(vars(ball))
    for name in _FOUND:
        found.pop(name, None)
    return other
