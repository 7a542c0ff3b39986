"""Ball arithmetic: a midpoint, and a radius that is the tolerance (theory.md 9 and 13).

A `Ball` stands for everything that an implementation in the format under test may return for a formula: its midpoint is
the value in float64, its radius bounds what the roundings of the format (and of the midpoint's own float64) can add
up to.

Implementations differ in the order in which they add and multiply. So a sum remembers its terms and a product its
factors, and the radius allows every order, with or without fused multiply-adds:

    product of k factors   ((1+u)^(k-1) - 1) |Π f|             and (k-1) η Π max(1, |f|) for underflow on the way
    sum of T terms         u |Σ t| + (T-2) u (Σ|t| + |Σ t|)/2  beside the error inside each term

for the sum's last addition yields Σ t, and each of the T-2 before it a partial sum, which is at most the sum of the
positive terms or that of the negative ones, whichever is larger.

A number used in any other way (an activation, a factor of a product or matrix product) is rounded first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._formats import Format, float64

Floats: TypeAlias = npt.NDArray[np.float64]
Bound: TypeAlias = "Floats | float"

#: Accuracy granted to a library's σ and tanh, in units of roundoff (measured libraries stay below 4:
#: docs/tolerances.md).
KAPPA = 4.0

#: Radii are themselves computed in float64, by at most some dozens of operations: this makes up for their roundings.
OUTWARD = 1.0 + 256 * float64.unit_roundoff


@dataclass(frozen=True)
class Rounding:
    """What one operation in `format` may do to a number, the float64 reference's own share included.

    `kappa` is the accuracy of the backend's σ and tanh in units of roundoff.
    """

    format: Format
    kappa: float = KAPPA

    @cached_property
    def u(self) -> float:
        """Unit roundoff of the format plus that of the reference: both err."""
        return self.format.unit_roundoff + float64.unit_roundoff

    @cached_property
    def eta(self) -> float:
        """Underflow unit: what is lost at most when a result is subnormal."""
        return self.format.min_subnormal + float64.min_subnormal

    @cached_property
    def underflow_shows(self) -> bool:
        """Whether the underflow unit can be seen beside u: only then is it followed entry by entry (float16)."""
        return self.eta > self.u * self.u * self.u

    def gamma(self, k: int) -> float:
        """γ_k = ku/(1-ku): the relative error of k roundings; infinite once ku reaches 1."""
        ku = k * self.u
        return ku / (1 - ku) if ku < 1 else np.inf

    def each(self, terms: int) -> float:
        """The error of each addition in a sum of `terms`, relative to its exact result: u, and what it inherits."""
        return self.u * (1 + self.gamma(terms))


class Ball:
    """An array of balls. `mid` and `rad` have its shape; see the module's text for what they mean.

    Offers `+ - * @`, indexing, `.T`, `sum`, `sigmoid`, `tanh`, `diag_embed`, `blend`, `placed`: all that formulas use.
    """

    __array_ufunc__ = None
    __slots__ = ("_rad", "error", "factors", "floor", "mid", "mode", "scale", "terms", "weight")

    def __init__(self, mode: Rounding, mid: Floats, rad: Bound | None = None) -> None:
        """A ball of known radius; `rad=None` is an exact number."""
        self.mode = mode
        self.mid = mid
        self._rad: Bound | None = 0.0 if rad is None else rad
        self.error: Bound = self._rad  # the radius, but for the additions of a sum, and for underflow
        self.terms = 1
        self.factors = 1
        self.weight: Floats | None = None  # Σ|term|, once there are two terms
        self.scale: Bound | None = None  # Π max(1, |factor|), once there are two factors
        self.floor: Bound = 0.0  # underflow, in units of η

    @classmethod
    def exact(cls, mode: Rounding, values: npt.ArrayLike) -> Ball:
        """`values` as balls of radius 0: what the implementation under test is given."""
        return cls(mode, np.asarray(values).astype(np.float64))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.mid.shape

    @property
    def rad(self) -> Bound:
        """The radius: everything that the roundings up to and including this number's may amount to."""
        if self._rad is None:
            self._rad = self._radius()
        return self._rad

    @property
    def radius(self) -> Floats:
        """The radius as an array of the ball's shape."""
        rad = self.rad
        if isinstance(rad, np.ndarray) and rad.shape == self.mid.shape:
            return rad
        return np.broadcast_to(np.asarray(rad), self.mid.shape)

    @property
    def magnitude(self) -> Floats:
        """The largest absolute value in the ball."""
        return np.abs(self.mid) + self.rad

    @property
    def mignitude(self) -> Floats:
        """The smallest absolute value in the ball."""
        return np.maximum(np.abs(self.mid) - self.rad, 0.0)

    def _radius(self) -> Bound:
        m = self.mode
        if self.weight is None:
            reach, rad = self._reach(), self.error * OUTWARD
        else:
            reach, rad = self.weight, self._additions()
            rad += self.error * ((1 + m.gamma(self.terms)) * OUTWARD)
        return _claimed(reach, rad + self.floor * (m.eta * OUTWARD), m.format.max)

    def _reach(self) -> Floats:
        """How large a product may become on the way."""
        size = np.abs(self.mid)
        return np.maximum(size, self.scale) if self._overflows and self.scale is not None else size

    @property
    def _overflows(self) -> bool:
        """Whether some order of multiplying the factors overflows."""
        return self.scale is not None and _max(self.scale) >= self.mode.format.max

    def _additions(self) -> Floats:
        """What the roundings of a sum's additions come to: each yields the sum itself or a partial sum."""
        assert self.weight is not None
        each = self.mode.each(self.terms) * OUTWARD
        if self.terms == 2:
            return np.abs(self.mid) * each
        rad = np.abs(self.mid)
        rad *= each * self.terms / 2
        rad += self.weight * (each * (self.terms / 2 - 1))
        return rad

    def common(self) -> Ball:
        """What several results are made of, as large as it may be: what is wrong with its factors is in all of them;
        they differ only where each has multiplied the factors in an order of its own.
        """
        product = self._factor()
        size, m = product.magnitude, self.mode
        claimed = (size < m.format.max) & (not product._overflows)
        reordered = (size * m.gamma(product.factors - 1) + product.floor * m.eta) * OUTWARD
        return Ball(m, size, np.where(claimed, reordered, np.inf))

    # -- sums ---------------------------------------------------------------------------------------------------------

    def __add__(self, other: Ball | float) -> Ball:
        if not isinstance(other, Ball):
            if other == 0:
                return self
            other = Ball.exact(self.mode, other)
        a, b = self._term(), other._term()
        total = _pending(self.mode, a.mid + b.mid)
        total.error = a.error + b.error
        total.weight = a._size() + b._size()
        total.terms = a.terms + b.terms
        total.floor = a.floor + b.floor
        return total

    __radd__ = __add__

    def __neg__(self) -> Ball:
        """Exact, and so of the same standing: a sum stays a sum."""
        negated = _pending(self.mode, -self.mid)
        for name in ("_rad", "error", "factors", "terms", "weight", "scale", "floor"):
            setattr(negated, name, getattr(self, name))
        return negated

    def __sub__(self, other: Ball | float) -> Ball:
        return self + (-other)

    def __rsub__(self, other: float) -> Ball:
        return -self + other

    def sum(self, axis: int) -> Ball:
        """Σ along `axis`, in any order."""
        rounded = self._rounded()
        total = _pending(self.mode, rounded.mid.sum(axis))
        total.error = rounded.radius.sum(axis)
        total.terms = max(self.shape[axis], 1)
        total.weight = np.abs(rounded.mid).sum(axis)
        return total

    def _term(self) -> Ball:
        """A product goes on as it is, unless it may overflow on the way: then nothing is known of the sum."""
        return self._rounded() if self._overflows else self

    def _size(self) -> Floats:
        """Σ|term|."""
        return np.abs(self.mid) if self.weight is None else self.weight

    # -- products -----------------------------------------------------------------------------------------------------

    def __mul__(self, other: Ball | float) -> Ball:
        if not isinstance(other, Ball):
            other = Ball.exact(self.mode, other)
        a, b = self._factor(), other._factor()
        product = _pending(self.mode, a.mid * b.mid)
        product.error = _product_error(a, b) if a.mid.size <= b.mid.size else _product_error(b, a)
        product.factors = a.factors + b.factors
        product.scale = a._scale() * b._scale()
        product.floor = product.scale * (product.factors - 1.0)
        return product

    __rmul__ = __mul__

    def __matmul__(self, other: Ball) -> Ball:
        a, b = self._rounded(), other._rounded()
        size_a, size_b = np.abs(a.mid), np.abs(b.mid)
        product = _pending(self.mode, a.mid @ b.mid)
        product.weight = size_a @ size_b
        product.error = product.weight * self.mode.u
        if not a.exactly:
            product.error += a.radius @ (size_b + b.rad) * (1 + self.mode.u)
        if not b.exactly:
            product.error += size_a @ b.radius * (1 + self.mode.u)
        product.terms = max(a.shape[-1], 1)
        product.floor = float(a.shape[-1])
        return product

    def _scale(self) -> Bound:
        if self.scale is not None:
            return self.scale
        if self.mode.underflow_shows:
            return np.maximum(self.magnitude, 1.0)
        return max(_max(self.magnitude), 1.0)

    def _factor(self) -> Ball:
        """A sum is rounded before it is multiplied; a product goes on as it is."""
        return self if self.weight is None else self._rounded()

    def _rounded(self) -> Ball:
        return self if self._is_rounded else Ball(self.mode, self.mid, self.rad)

    @property
    def _is_rounded(self) -> bool:
        return self.weight is None and self.factors == 1

    @property
    def exactly(self) -> bool:
        """Whether this is a plain number, of radius 0."""
        return self._is_rounded and isinstance(self.error, float) and self.error == 0.0

    # -- shape --------------------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Ball:
        """Exact, and so of the same standing: a sum stays a sum, a product a product."""

        def part(bound: Any) -> Any:
            return np.broadcast_to(bound, self.shape)[index] if isinstance(bound, np.ndarray) else bound

        taken = _pending(self.mode, self.mid[index])
        for name in ("_rad", "error", "weight", "scale", "floor"):
            setattr(taken, name, part(getattr(self, name)))
        taken.terms, taken.factors = self.terms, self.factors
        return taken

    def placed(self, shape: tuple[int, ...], parts: Sequence[tuple[Any, Ball]]) -> Ball:
        """Exact zeros of that shape, with each part put at its index."""
        mid, rad = np.zeros(shape), np.zeros(shape)
        for index, part in parts:
            mid[index], rad[index] = part.mid, part.radius
        return Ball(self.mode, mid, rad)

    @property
    def T(self) -> Ball:
        return Ball(self.mode, self.mid.T, None if self.exactly else self.radius.T)

    def diag_embed(self) -> Ball:
        """D(v): (..., H) -> (..., H, H)."""
        eye = np.eye(self.shape[-1])
        return Ball(self.mode, self.mid[..., None] * eye, None if self.exactly else self.radius[..., None] * eye)

    # -- linear combinations ------------------------------------------------------------------------------------------

    @staticmethod
    def combined_rows(terms: Sequence[tuple[Ball, Ball]], diagonal: Ball | None) -> Ball:
        """D(diagonal) + Σ_k D(d_k) W_k for exact W_k: the sum of products above, with most of the work done on
        vectors.
        """
        m = terms[0][0].mode
        count = len(terms) + (diagonal is not None)
        each, inherits = m.each(count) * OUTWARD, (1 + m.gamma(count)) * OUTWARD
        ordered = each * (count / 2 - 1) if count > 1 else 0.0

        def allowance(d: Ball) -> Floats:
            size = np.abs(d.mid)
            return (size * m.u + d.rad * (1 + m.u)) * inherits + size * ordered

        weights = np.stack([W.mid for _, W in terms], 1)
        mid = _rows(np.stack([d.mid for d, _ in terms], -1), weights)
        rad = _rows(np.stack([allowance(d) for d, _ in terms], -1), np.abs(weights))
        scales = [_scale_of_rows(d, W) for d, W in terms]
        rad += sum(d.factors * scale for (d, _), scale in zip(terms, scales, strict=True)) * (m.eta * OUTWARD)
        if diagonal is not None:
            i = np.arange(diagonal.shape[-1])
            mid[..., i, i] += diagonal.mid
            rad[..., i, i] += diagonal.rad * inherits + np.abs(diagonal.mid) * ordered
        size = np.abs(mid)
        rad += size * (each * count / 2 if count > 1 else 0.0)
        return Ball(m, mid, _claimed(size + sum(scales), rad, m.format.max))

    # -- functions ----------------------------------------------------------------------------------------------------

    def sigmoid(self) -> Ball:
        """σ, accurate to κu relative; it may flush to 0 where exp(-a) overflows in the format (theory.md 5)."""
        m = self.mode
        mid = _sigmoid(self.mid)
        e = self.rad
        near = np.maximum(np.abs(self.mid) - e, 0.0)
        inner = np.minimum(e * (_sigmoid(near) * _sigmoid(-near)), 1.0)
        flushed = np.where(self.mid - e < m.format.sigmoid_flushes, mid + inner, 0.0)
        return self._activated(mid, inner + m.kappa * m.u * (mid + inner) + m.eta + flushed)

    def tanh(self) -> Ball:
        """tanh, accurate to κu absolutely: 2σ(2a)-1 is as good a tanh as any."""
        m = self.mode
        e = self.rad
        near = np.maximum(np.abs(self.mid) - e, 0.0)
        inner = np.minimum(e * (4 * _sigmoid(2 * near) * _sigmoid(-2 * near)), 2.0)
        return self._activated(np.tanh(self.mid), inner + m.kappa * m.u)

    def _activated(self, mid: Floats, rad: Bound) -> Ball:
        # A pre-activation that may overflow may be a NaN: then nothing is known of the activation either.
        return Ball(self.mode, mid, np.where(np.isinf(self.rad), np.inf, rad * OUTWARD))

    def blend(self, one: Ball, zero: Ball) -> Ball:
        """z∘one + (1-z)∘zero for a gate z, however it is arranged (theory.md 5, forms A, B, C, and 9.6).

        The gate's error meets the difference of the two ends, not each of them; the roundings are those of the worst
        of z·a + (1-z)·b, b + z(a-b) and a + (1-z)(b-a).
        """
        m = self.mode
        z, dz = self._rounded(), self.rad
        a, b = one._rounded(), zero._rounded()
        mid = z.mid * a.mid + (1 - z.mid) * b.mid
        up, rest = np.minimum(z.mid + dz, 1), np.minimum(1 - z.mid + dz, 1)
        distance = np.abs(a.mid - b.mid)
        inner = up * a.rad + rest * b.rad + dz * distance
        gap = distance + a.rad + b.rad
        rad = (inner + blend_rounding(m, up, rest, a.magnitude, b.magnitude, gap)) * OUTWARD
        reach = np.maximum(gap, np.maximum(a.magnitude, b.magnitude))
        return Ball(m, mid, _claimed(reach, rad, m.format.max))

    def __repr__(self) -> str:
        return f"Ball({self.mid!r} ± {self.radius!r}, {self.mode.format.name})"


def blend_rounding(mode: Rounding, z: Bound, rest: Bound, one: Bound, zero: Bound, gap: Bound) -> Bound:
    """The most that the roundings of z∘one + (1-z)∘zero come to, in whichever of its three forms (theory.md 5).

    `z` and `rest` bound the gate and 1 minus it, `one` and `zero` the magnitudes of the two ends, `gap` their distance.
    """
    result = z * one + rest * zero
    by_weights = result + z * one + 2 * rest * zero
    from_zero = result + 2 * z * gap
    from_one = result + 3 * rest * gap
    worst = np.maximum(np.maximum(by_weights, from_zero), from_one)
    return mode.u * (1 + 4 * mode.u) * worst + 3 * mode.eta


def _max(bound: Bound) -> float:
    return float(bound.max(initial=0.0)) if isinstance(bound, np.ndarray) else bound


def _pending(mode: Rounding, mid: Floats) -> Ball:
    ball = Ball(mode, mid)
    ball._rad = None
    return ball


def _rows(d: Floats, W: Floats) -> Floats:
    """Σ_k D(d_k) W_k from d (B, n, K) and W (n, K, m), as one matrix product for each row: (B, n, m)."""
    return np.asarray(np.matmul(d.swapaxes(0, 1), W).swapaxes(0, 1))


def _scale_of_rows(d: Ball, W: Ball) -> Any:
    """Π max(1, |factor|) over d's own factors and W, for D(d) W."""
    scale = d._scale()
    return (scale[..., None] if isinstance(scale, np.ndarray) else scale) * W._scale()


def _product_error(a: Ball, b: Ball) -> Bound:
    """(|a|+δa)(|b|+δb)(1+u) - |a||b|, arranged so that most of it is done on `a`, the smaller array."""
    u = a.mode.u
    size_a = np.abs(a.mid)
    error: Bound = np.abs(b.mid) * (size_a * u + a.error * (1 + u))
    if not b.exactly:
        error = error + b.error * ((size_a + a.error) * (1 + u))
    return error


def _claimed(reach: Floats, rad: Bound, largest: float) -> Bound:
    """The radius; infinite, and never a NaN, where the format may overflow on the way: nothing is known there."""
    if reach.max(initial=0.0) + _max(rad) < largest:
        return rad
    return np.where(reach + rad < largest, rad, np.inf)


def _sigmoid(a: Floats) -> Floats:
    e = np.exp(-np.abs(a))
    return np.where(a < 0, e, 1.0) / (1.0 + e)
