"""Ball arithmetic: a midpoint, and a radius that is the tolerance (theory.md 9 and 13).

A `Ball` stands for everything that an implementation in the format under test may return for a formula: its midpoint is
the value in float64, its radius bounds what the roundings of the format (and of the midpoint's own float64) can add up to.

Implementations differ in the order in which they add and multiply. So a sum remembers its terms and a product its
factors, and the radius allows every order, with or without fused multiply-adds:

    product of k factors   γ_{k-1} |Π f|                             and (k-1) η Π max(1, |f|) for underflow on the way
    sum of T terms         γ_1 |Σ t| + (T-2) γ_1 (Σ|t| + |Σ t|)/2    beside the error inside each term

for the sum's last addition yields Σ t, and each of the T-2 before it a partial sum, which is at most the sum of the positive
terms or that of the negative ones, whichever is larger.

A number used in any other way (an activation, a factor of a product or matrix product, an index) is rounded first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._formats import Format, float64

Floats: TypeAlias = npt.NDArray[np.float64]
Bound: TypeAlias = "Floats | float"

#: Accuracy granted to a library's σ and tanh, in units of roundoff (measured libraries stay below 4: docs/tolerances.md).
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

    Offers `+ - * @`, indexing, `.T`, `sum`, `sigmoid`, `tanh`, `diag_embed` and `blend`: all that the formulas use.
    """

    __array_ufunc__ = None
    __slots__ = ("_rad", "factors", "floor", "mid", "mode", "scale", "spread", "terms", "weight")

    def __init__(self, mode: Rounding, mid: Floats, rad: Bound | None = None) -> None:
        """A ball of known radius; `rad=None` is an exact number."""
        self.mode = mode
        self.mid = mid
        self._rad: Bound | None = 0.0 if rad is None else rad
        self.spread: Bound = self._rad  # what the errors of the operands amount to, before this number's own roundings
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
        return np.broadcast_to(np.asarray(self.rad), self.mid.shape)

    @property
    def magnitude(self) -> Floats:
        """The largest absolute value in the ball."""
        return np.abs(self.mid) + self.rad

    @property
    def mignitude(self) -> Floats:
        """The smallest absolute value in the ball."""
        return np.maximum(np.abs(self.mid) - self.rad, 0.0)

    def _radius(self) -> Bound:
        size = np.abs(self.mid)
        if self.weight is None:
            reach, rad = size, self._inside(size)
        else:
            reach = self.weight
            each = self.mode.each(self.terms)
            rad = self.spread * (1 + self.mode.gamma(self.terms)) + each * self._additions(size)
        rad = (rad + self.mode.eta * self.floor) * OUTWARD
        largest = np.max(reach, initial=0.0) + np.max(rad, initial=0.0)
        return rad if largest < self.mode.format.max else _overflowing(reach, rad, self.mode.format.max)

    def _inside(self, size: Floats) -> Bound:
        """The error of the terms of a sum, or of a product with its own roundings."""
        if self.factors == 1:
            return self.spread
        gamma = self.mode.gamma(self.factors - 1)
        return gamma * size + (1 + gamma) * self.spread

    def _additions(self, size: Floats) -> Bound:
        """What the additions of a sum yield, all together: the sum itself, and T-2 partial sums."""
        assert self.weight is not None
        return size if self.terms == 2 else size * (self.terms / 2) + self.weight * (self.terms / 2 - 1)

    # -- sums ---------------------------------------------------------------------------------------------------------

    def __add__(self, other: Ball | float) -> Ball:
        if not isinstance(other, Ball):
            if other == 0:
                return self
            other = Ball.exact(self.mode, other)
        total = _pending(self.mode, self.mid + other.mid)
        sizes = self._size(), other._size()
        total.spread = self._inside(sizes[0]) + other._inside(sizes[1])
        total.weight = sizes[0] + sizes[1]
        total.terms = self.terms + other.terms
        total.floor = self.floor + other.floor
        return total

    __radd__ = __add__

    def __neg__(self) -> Ball:
        """Exact, and so of the same standing: a sum stays a sum."""
        negated = _pending(self.mode, -self.mid)
        for name in ("_rad", "spread", "terms", "factors", "weight", "scale", "floor"):
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
        total.spread = rounded.radius.sum(axis)
        total.terms = max(self.shape[axis], 1)
        total.weight = np.abs(rounded.mid).sum(axis)
        return total

    def _size(self) -> Floats:
        """Σ|term|."""
        return np.abs(self.mid) if self.weight is None else self.weight

    # -- products -----------------------------------------------------------------------------------------------------

    def __mul__(self, other: Ball | float) -> Ball:
        if not isinstance(other, Ball):
            other = Ball.exact(self.mode, other)
        a, b = self._factor(), other._factor()
        product = _pending(self.mode, a.mid * b.mid)
        product.spread = _spread(a, b)
        product.factors = a.factors + b.factors
        product.scale = a._scale() * b._scale()
        product.floor = (product.factors - 1) * product.scale
        return product

    __rmul__ = __mul__

    def __matmul__(self, other: Ball) -> Ball:
        a, b = self._rounded(), other._rounded()
        size_a, size_b = np.abs(a.mid), np.abs(b.mid)
        product = _pending(self.mode, a.mid @ b.mid)
        product.weight = size_a @ size_b
        product.spread = self.mode.gamma(1) * product.weight
        if not _is_exact(a):
            product.spread += a.radius @ (size_b + b.rad) * (1 + self.mode.gamma(1))
        if not _is_exact(b):
            product.spread += size_a @ b.radius * (1 + self.mode.gamma(1))
        product.terms = max(a.shape[-1], 1)
        product.floor = float(a.shape[-1])
        return product

    def _scale(self) -> Bound:
        if self.scale is not None:
            return self.scale
        if self.mode.underflow_shows:
            return np.maximum(self.magnitude, 1.0)
        return max(float(np.max(self.magnitude, initial=0.0)), 1.0)

    def _factor(self) -> Ball:
        """A sum is rounded before it is multiplied; a product goes on as it is."""
        return self if self.weight is None else self._rounded()

    def _rounded(self) -> Ball:
        return self if self._is_leaf else Ball(self.mode, self.mid, self.rad)

    @property
    def _is_leaf(self) -> bool:
        return self.weight is None and self.factors == 1

    # -- shape --------------------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Ball:
        exact = _is_exact(self)
        return Ball(self.mode, self.mid[index], None if exact else self.radius[index])

    @property
    def T(self) -> Ball:
        return Ball(self.mode, self.mid.T, None if _is_exact(self) else self.radius.T)

    def diag_embed(self) -> Ball:
        """D(v): (..., H) -> (..., H, H)."""
        eye = np.eye(self.shape[-1])
        return Ball(self.mode, self.mid[..., None] * eye, None if _is_exact(self) else self.radius[..., None] * eye)

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
        spread = up * a.rad + rest * b.rad + dz * distance
        gap = distance + a.rad + b.rad
        rounding = blend_rounding(m, up, rest, a.magnitude, b.magnitude, gap)
        return Ball(m, mid, (spread + rounding) * OUTWARD)

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


def _pending(mode: Rounding, mid: Floats) -> Ball:
    ball = Ball(mode, mid)
    ball._rad = None
    return ball


def _spread(a: Ball, b: Ball) -> Bound:
    """(|a|+δa)(|b|+δb) - |a||b|, without subtracting."""
    if _is_exact(a):
        return 0.0 if _is_exact(b) else np.abs(a.mid) * b.spread
    if _is_exact(b):
        return np.abs(b.mid) * a.spread
    return np.abs(a.mid) * b.spread + a.spread * (np.abs(b.mid) + b.spread)


def _is_exact(ball: Ball) -> bool:
    return isinstance(ball.spread, float) and ball.spread == 0.0 and ball._is_leaf


def _overflowing(mids: Bound, rad: Bound, largest: float) -> Bound:
    """Where the format may overflow on the way, nothing is known: an infinite radius (never a NaN)."""
    return np.where(np.asarray(mids) + rad < largest, rad, np.inf)


def _sigmoid(a: Floats) -> Floats:
    e = np.exp(-np.abs(a))
    return np.where(a < 0, e, 1.0) / (1.0 + e)
