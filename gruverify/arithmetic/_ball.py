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
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._ball_functions import (
    blend_of,
    clipped,
    factors_multiplied,
    matrices_multiplied,
    sigmoid_of,
    summed_along,
    tanh_of,
    unless_lost,
)
from gruverify.arithmetic._bounds import Bound, Floats, largest, plus, within_range
from gruverify.arithmetic._exactness import Mask, nonzero, rough
from gruverify.arithmetic._functions import added_rows
from gruverify.arithmetic._once import once
from gruverify.arithmetic._rounding import OUTWARD, Rounding
from gruverify.arithmetic._rows import rows_combined
from gruverify.arithmetic._sums import Count, Results, shares

#: What is found of a ball once, and may change with its arrays.
_FOUND = ("inexact", "_scaled", "_round", "T")


class Ball:
    """An array of balls. `mid` and `rad` have its shape; see the module's text for what they mean.

    Offers `+ - * @`, indexing, `.T`, `sum`, and the methods of `Arithmetic`: all that formulas use.
    What `+ - * @` make is a `Sum` or a `Product`, which the formulas go on with; a plain number is
    neither.
    """

    # Else NumPy would take `array * ball` apart and multiply entry by entry.
    __array_ufunc__ = None
    #: How many factors a number is the product of, and its underflow in units of η.
    factors = 1
    floor: Bound = 0.0
    spread: Bound | None = None  # of a Jacobian: Σ Π max(1, |factor|) over its products
    parts: Floats | None = None  # of a rounded sum: its weight
    across = False  # a matrix whose columns are the members of the batch
    within_unit = True  # of a gate: whether it is in [0, 1], as computed

    def __init__(self, mode: Rounding, mid: Floats, rad: Bound | None = None) -> None:
        """A ball of known radius; `rad=None` is an exact number."""
        self.mode = mode
        self.mid = mid
        self.rad = self.error = known = 0.0 if rad is None else rad
        #: Whether this is a plain number, of radius 0.
        self.exactly = isinstance(known, float) and known == 0.0

    def known(self, **found: object) -> Self:
        """Itself, with attributes that need not be found, or that are not as most have them."""
        vars(self).update(found)
        return self

    @classmethod
    def exact(cls, mode: Rounding, values: npt.ArrayLike) -> Ball:
        """`values`, not written to later, as the implementation has them: mostly of radius 0."""
        mid = np.asarray(values, np.float64)
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
    def rad(self) -> Bound:
        """The radius: all that the roundings up to and with this number's may amount to."""
        raise NotImplementedError  # a plain number is built with it

    @once
    def magnitude(self) -> Floats:
        """The largest absolute value in the ball."""
        return self.size if self.exactly else self.size + self.rad

    @property
    def mignitude(self) -> Floats:
        """The smallest absolute value in the ball."""
        return np.maximum(self.size - self.rad, 0.0)

    @property
    def _overflows(self) -> bool:
        """Whether some order of evaluating it overflows."""
        return False

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
        return self._copy({**vars(self), "mid": -self.mid})

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
        weight, terms, operands, stored = self._summed()
        more, further, others, besides = other._summed()
        weight, terms = weight + more, terms + further
        if self.mode.wide:
            operands, stored = operands + others, stored + besides
        spread = None
        if self.spread is not None or other.spread is not None:
            # An entry of a Jacobian adds up products, and loses what each of them may.
            spread = self.spreading() + other.spreading()
        error, floor = plus(self.error, other.error), self.floor + other.floor
        return Sum(self.mode, mid, weight, terms, error, floor, operands, stored, spread)

    def sum(self, axis: int) -> Ball:
        """Σ along `axis`, in any order: over the batch, and so in the format itself if the mode
        says so.
        """
        return self.summed(axis)

    def summed(self, axis: int, results: Results | None = None) -> Ball:
        """The sum along `axis`; `results` are those of the parts that it is put together of, itself
        unless given.
        """
        return Sum(self.mode, *summed_along(self.rounded(), axis, results))

    def _term(self) -> Ball:
        """As a term of a sum: a product goes on as it is, unless it may overflow on the way."""
        return self

    def _summed(self) -> tuple[Floats, Count, Count, Floats]:
        """Σ|term|, how many terms and operands, and Σ|operand|; an exact 0 counts as none."""
        count = 1.0 if self.nonzero is None else self.nonzero
        return self.size, count, count, self.size

    # -- products ----------------------------------------------------------------------------------

    def __mul__(self, other: Ball | float) -> Ball:
        if not isinstance(other, Ball):
            other = _constant(self.mode, other)
        a, b = self._factor(), other._factor()
        return Product(self.mode, *factors_multiplied(a, b))

    __rmul__ = __mul__

    def __matmul__(self, other: Ball) -> Ball:
        return self.times(other)

    def times(self, other: Ball, results: Results | None = None) -> Ball:
        """The matrix product; `results` are those of the parts that it is put together of, itself
        unless given.
        """
        a, b = self.rounded(), other.rounded()
        return Sum(self.mode, *matrices_multiplied(a, b, self.across, results))

    def scaled(self) -> Bound:
        """Π max(1, |factor|)."""
        return self._scaled

    @once
    def _scaled(self) -> Bound:
        # The radius belongs to it: the factor that an implementation has may be that large.
        most = self.magnitude
        if self.parts is not None:
            # Another factor may meet the terms of a sum one by one: none is larger than this.
            most = np.maximum(most, (self.parts + self.size) / 2)
        return np.maximum(most, 1.0) if self.mode.underflow_shows else max(largest(most), 1.0)

    def spreading(self) -> Bound:
        """How large the products become that it is the sum of, as an entry of a Jacobian."""
        return self.scaled() if self.spread is None else self.spread

    def _factor(self) -> Ball:
        """A sum is rounded before it is multiplied; a product goes on as it is."""
        return self

    def rounded(self) -> Ball:
        """Itself as the implementation has it: a sum or a product rounded, once for all uses."""
        return self

    # -- shape -------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Ball:
        """Exact, and so of the same standing: a sum stays a sum, a product a product."""
        shape, found = self.mid.shape, dict[str, Any]()
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                # What is one for many entries (a row of counts, say) has to be as large before it
                # is cut.
                whole = value if value.shape == shape else np.broadcast_to(value, shape)
                found[name] = whole[index]
            else:
                found[name] = value
        return self._copy(found)

    def _copy(self, attributes: dict[str, Any]) -> Ball:
        """A number of the same kind with these attributes, but for what has to be found again."""
        other = object.__new__(type(self))
        found = vars(other)
        found.update(attributes)
        for name in _FOUND:
            found.pop(name, None)
        return other

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
        # Weights are transposed at every step: what is known of them once is known of their
        # transpose.
        looked = vars(self.rounded())
        masks = {name: looked[name] for name in ("size", "nonzero", "rough") if name in looked}
        found = {name: None if mask is None else mask.T for name, mask in masks.items()}
        return turned.known(across=not self.across, **found)

    def diag_embed(self) -> Ball:
        """D(v): (..., H) -> (..., H, H)."""
        eye = np.eye(self.shape[-1])
        radius = None if self.exactly else self.radius[..., None] * eye
        return Ball(self.mode, self.mid[..., None] * eye, radius)

    @staticmethod
    def combined_rows(terms: Sequence[tuple[Ball, Ball]], on_diagonal: Ball | None) -> Ball:
        """D(on_diagonal) + Σ_k D(d_k) W_k, for exact W_k with most of the work done on vectors."""
        if not all(W.exactly for _, W in terms):
            added: Ball = added_rows(terms, on_diagonal)
            return added
        m = terms[0][0].mode
        mid, rad, scales = rows_combined(terms, on_diagonal)
        rows = Ball(m, mid, within_range(np.abs(mid) + scales, rad, m.largest))
        return rows.known(spread=scales)

    # -- functions ---------------------------------------------------------------------------------

    def sigmoid(self) -> Ball:
        """σ, accurate to κu relative; it may flush to 0 where exp(-a) overflows in the format
        (theory.md 5).
        """
        mid, rad = sigmoid_of(clipped(self))
        return Ball(self.mode, mid, unless_lost(self, rad)).known(nonzero=None, size=mid)

    def tanh(self) -> Ball:
        """tanh, accurate to κu relative, and exactly 0 at an exact 0; or to κu absolutely, as
        2σ(2a)-1 is.
        """
        mid, rad, present = tanh_of(clipped(self))
        activated = Ball(self.mode, mid, unless_lost(self, rad)).known(within_unit=False)
        # Of an absolute tanh an exact 0 is none any more.
        return activated.known(nonzero=present) if self.mode.tanh == "relative" else activated

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


class Pending(Ball):
    """A sum or a product, which is rounded once it is used otherwise."""

    #: Of a plain number alone the radius is known beforehand.
    exactly = False

    def _rounded_once(self, **found: object) -> Ball:
        rounded = Ball(self.mode, self.mid, self.rad).known(size=self.size, **found)
        # A look that was taken already is not taken again; `self` stands for "not looked yet".
        if vars(self).get("nonzero", self) is None:
            rounded.nonzero = None
        return rounded


class Product(Pending):
    """Several factors, multiplied in whatever order."""

    def __init__(
        self,
        mode: Rounding,
        mid: Floats,
        error: Bound,
        factors: int,
        scale: Bound,
        floor: Bound,
        rough: Mask,
        nonzero: Mask,
    ) -> None:
        """`error` has the relative roundings, `floor` the underflow in units of η, and `scale` is
        Π max(1, |factor|).
        """
        self.mode, self.mid, self.error, self.floor = mode, mid, error, floor
        self.factors, self.scale = factors, scale
        self.rough, self.nonzero = rough, nonzero

    @once
    def rad(self) -> Bound:
        """The radius: relative roundings, and underflows in units of η."""
        rad = self.error * OUTWARD + self.floor * (self.mode.eta * OUTWARD)
        # It may be as large as its factors above 1 on the way.
        reach = np.maximum(self.size, self.scale) if self._overflows else self.size
        return within_range(reach, rad, self.mode.largest)

    @property
    def _overflows(self) -> bool:
        """Whether some order of multiplying the factors overflows."""
        return largest(self.scale) >= self.mode.largest

    def _term(self) -> Ball:
        # Of a sum with an infinity nothing is known.
        return self.rounded() if self._overflows else self

    def scaled(self) -> Bound:
        """Π max(1, |factor|)."""
        return self.scale

    def rounded(self) -> Ball:
        """The product rounded, once for all uses."""
        return self._round

    @once
    def _round(self) -> Ball:
        return self._rounded_once()


class Sum(Pending):
    """Several terms, added up in whatever order."""

    def __init__(
        self,
        mode: Rounding,
        mid: Floats,
        weight: Floats,
        terms: Count,
        error: Bound,
        floor: Bound,
        operands: Count,
        stored: Floats,
        spread: Bound | None = None,
    ) -> None:
        """`weight` is Σ|term|; `operands` and `stored`, their number and Σ|operand|, count where
        the accumulator is wider than the format.
        """
        self.mode, self.mid, self.error, self.floor = mode, mid, error, floor
        self.weight, self.terms = weight, terms
        self.operands, self.stored = operands, stored
        self.spread = spread

    @once
    def rad(self) -> Bound:
        """The radius: (14.1), or (14.2) with a wider accumulator, as `_sums` derives them."""
        m, each = self.mode, shares(self.mode, self.terms, self.operands)
        rad = self.size * each.of_sum
        if not isinstance(each.of_weight, float) or each.of_weight:
            rad += self.weight * each.of_weight
        if each.of_stored is not None:
            rad += self.stored * each.of_stored
        if each.most is not None:
            # Once (N-1)u is not small the quadratic term makes this bound, which has none, the
            # better one.
            rad = np.minimum(rad, self.weight * each.most)
        rad += plus(self.error, plus(each.flushed, self.floor) * m.eta) * each.of_error
        return within_range(self.weight, rad, m.largest)

    def _summed(self) -> tuple[Floats, Count, Count, Floats]:
        return self.weight, self.terms, self.operands, self.stored

    def _factor(self) -> Ball:
        return self.rounded()

    def rounded(self) -> Ball:
        """The sum rounded, once for all uses."""
        return self._round

    @once
    def _round(self) -> Ball:
        return self._rounded_once(spread=self.spread, parts=self.weight)


def _constant(mode: Rounding, number: float) -> Ball:
    """A plain number that formulas name, such as the 1 in 1-z."""
    if number not in mode.remembered:
        mode.remembered[number] = Ball.exact(mode, number)
    found: Ball = mode.remembered[number]
    return found
