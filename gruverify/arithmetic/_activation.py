"""Activation functions that a GRU may have in place of σ and tanh, for every arithmetic.

What one may be wrong by has two parts. Roundings of its argument move along its graph, as errors of
the pre-activation do: where the graph is flat they are gone. Roundings of its value stay.

    |f̂(a) - f(mid)| ≤ (e + shift) max|f'| + missed

The maximum is over all arguments within e + shift of the midpoint, kinks included.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic._arrays import NDArray
from gruverify.arithmetic._ball import Ball
from gruverify.arithmetic._ball_functions import clipped
from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._functions import Array, sigmoid, tanh, through_wide
from gruverify.arithmetic._rounding import OUTWARD, Rounding

#: Lower and upper ends, entry by entry.
Ends: TypeAlias = tuple[Floats, Floats]


class Activation(ABC):
    """A function of one number. `range` holds all of its values, as an implementation rounds
    them.
    """

    @property
    @abstractmethod
    def range(self) -> tuple[float, float]: ...

    @property
    @abstractmethod
    def steepest(self) -> float:
        """The largest |f'|; infinite where f jumps."""

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where it bends, jumps or ends."""
        return ()

    @property
    def loosely(self) -> Activation:
        """The same function, of balls as steep everywhere as it is anywhere."""
        return self

    @abstractmethod
    def __call__(self, a: Array) -> Array:
        """Its values, elementwise."""

    @abstractmethod
    def times_slope(
        self, factor: Array, a: Array, value: Array, rest: Array | None = None
    ) -> Array:
        """factor∘f'(a), where `value` is f(a) and `rest` 1 - f(a), if that is known already."""


@dataclass(frozen=True)
class Sigmoid(Activation):
    """σ."""

    @property
    def range(self) -> tuple[float, float]:
        return (0.0, 1.0)

    @property
    def steepest(self) -> float:
        return 0.25

    def __call__(self, a: Array) -> Array:
        return sigmoid(a)

    def times_slope(
        self, factor: Array, a: Array, value: Array, rest: Array | None = None
    ) -> Array:
        if rest is None:
            rest = 1 - value
        return factor * value * rest

    def __str__(self) -> str:
        return "sigmoid"


@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent."""

    @property
    def range(self) -> tuple[float, float]:
        return (-1.0, 1.0)

    @property
    def steepest(self) -> float:
        return 1.0

    def __call__(self, a: Array) -> Array:
        return tanh(a)

    def times_slope(
        self, factor: Array, a: Array, value: Array, rest: Array | None = None
    ) -> Array:
        return factor * (1 - value * value)

    def __str__(self) -> str:
        return "tanh"


@dataclass(frozen=True)
class _Bounded(Activation):
    """A function of arrays and balls, by what is known of it."""

    loose: bool = field(default=False, kw_only=True, repr=False, compare=False)

    @property
    def loosely(self) -> Activation:
        return replace(self, loose=True)

    def __call__(self, a: Array) -> Array:
        if isinstance(a, Ball):
            return self._of_ball(a)
        if not isinstance(a, np.ndarray):
            raise TypeError(f"{self} is evaluated over arrays and balls, not {type(a).__name__}")
        return through_wide(self.values, a)

    def times_slope(
        self, factor: Array, a: Array, value: Array, rest: Array | None = None
    ) -> Array:
        if not isinstance(a, Ball):
            return factor * self.slopes(a, a)[0]
        low, high = self.slopes(a.mid - a.radius, a.mid + a.radius)
        return factor * Ball(a.mode, (low + high) / 2, (high - low) * (OUTWARD / 2))

    @abstractmethod
    def values(self, a: NDArray) -> NDArray:
        """f(a), in a's format."""

    @abstractmethod
    def slopes(self, low: Floats, high: Floats) -> Ends:
        """The least and the largest f' between two arguments."""

    def shift(self, m: Rounding, low: Floats, high: Floats) -> Floats:
        """How far roundings may move an argument between two."""
        return np.zeros(low.shape)

    def missed(self, m: Rounding, size: Floats, low: Floats) -> Floats:
        """What roundings may do to a value of at most that size, whose argument is `low` at
        least.
        """
        return np.zeros(size.shape)

    def jump(self, m: Rounding, low: Floats, high: Floats) -> Floats:
        """How far apart values may be because f jumps between two arguments."""
        return np.zeros(low.shape)

    def _of_ball(self, ball: Ball) -> Ball:
        a = clipped(ball)
        m, x = a.mode, a.mid
        e = a.radius * OUTWARD
        e = (e + self.shift(m, x - e, x + e)) * OUTWARD
        known = np.isfinite(e)
        e = np.where(known, e, 0.0)
        low, high = x - e, x + e
        if self.loose:
            steep = np.full(x.shape, self.steepest)
        else:
            steep = np.maximum(*map(np.abs, self.slopes(low, high)))
        mid, (least, most) = self.values(x), self.range
        inner = np.minimum(e * steep, most - least) + self.jump(m, low, high)
        rad = (inner + self.missed(m, np.abs(mid) + inner, low)) * OUTWARD
        known &= np.abs(mid) + rad < m.largest
        found = Ball(m, np.where(known, mid, 0.0), np.where(known, rad, np.inf))
        return found.known(within_unit=least >= 0 and most <= 1)


@dataclass(frozen=True)
class Ramp(_Bounded):
    """max(low, min(high, alpha x + beta)): relu, hard_sigmoid, linear and others.

    Whether alpha x + beta is written so, or as (x + beta/alpha) alpha, with the last product before
    or behind max and min: each of the numbers rounds once, and so does each operation.
    """

    alpha: float = 1.0
    beta: float = 0.0
    low: float = -np.inf
    high: float = np.inf

    @property
    def range(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def kinks(self) -> tuple[float, ...]:
        ends = [end for end in self.range if np.isfinite(end)]
        return tuple((end - self.beta) / self.alpha for end in ends)

    @property
    def steepest(self) -> float:
        return abs(self.alpha)

    def values(self, a: NDArray) -> NDArray:
        if self.alpha != 1:
            a = a * self.alpha
        if self.beta:
            a = a + self.beta
        return np.clip(a, self.low, self.high)

    def slopes(self, low: Floats, high: Floats) -> Ends:
        ends = low * self.alpha + self.beta, high * self.alpha + self.beta
        below, above = np.minimum(*ends), np.maximum(*ends)
        rises = np.where((above >= self.low) & (below <= self.high), self.alpha, 0.0)
        inside = np.where((below > self.low) & (above < self.high), self.alpha, 0.0)
        return np.minimum(rises, inside), np.maximum(rises, inside)

    def shift(self, m: Rounding, low: Floats, high: Floats) -> Floats:
        size, slope = np.maximum(np.abs(low), np.abs(high)), abs(self.alpha)
        lost = np.zeros(size.shape)
        if slope != 1:
            lost = lost + 2 * m.u * slope * size + m.eta
        if self.beta:
            lost = lost + m.u * (abs(self.beta) + 2 * (slope * size + abs(self.beta))) + m.eta
        return np.asarray(lost * ((1 + 4 * m.u) / slope))

    def missed(self, m: Rounding, size: Floats, low: Floats) -> Floats:
        # Only a product behind max and min rounds the ends of the range.
        if self.beta and abs(self.alpha) != 1:
            return np.minimum(size, self.high) * m.u
        return np.zeros(size.shape)

    def __str__(self) -> str:
        return _ramp_in_words(self)


@dataclass(frozen=True)
class LeakyRelu(_Bounded):
    """x, and alpha x below 0."""

    alpha: float = 0.01

    @property
    def kinks(self) -> tuple[float, ...]:
        return (0.0,)

    @property
    def range(self) -> tuple[float, float]:
        return (-np.inf, np.inf)

    @property
    def steepest(self) -> float:
        return max(1.0, abs(self.alpha))

    def values(self, a: NDArray) -> NDArray:
        return np.where(a >= 0, a, a * self.alpha).astype(a.dtype)

    def slopes(self, low: Floats, high: Floats) -> Ends:
        return _of_two(low, high, self.alpha, self.alpha)

    def missed(self, m: Rounding, size: Floats, low: Floats) -> Floats:
        return np.where(low < 0, 2 * m.u * (1 + m.u) * size + m.eta, 0.0)

    def __str__(self) -> str:
        return f"leaky_relu {self.alpha:g}"


@dataclass(frozen=True)
class ThresholdedRelu(_Bounded):
    """x above alpha, and 0 up to it. Close to the jump it is either."""

    alpha: float = 1.0

    @property
    def kinks(self) -> tuple[float, ...]:
        return (self.alpha,)

    @property
    def steepest(self) -> float:
        return np.inf

    @property
    def range(self) -> tuple[float, float]:
        return min(self.alpha, 0.0), np.inf

    def values(self, a: NDArray) -> NDArray:
        return np.where(a > self.alpha, a, 0).astype(a.dtype)

    def slopes(self, low: Floats, high: Floats) -> Ends:
        return np.where(low > self.alpha, 1.0, 0.0), np.where(high >= self.alpha, 1.0, 0.0)

    def jump(self, m: Rounding, low: Floats, high: Floats) -> Floats:
        near = m.u * abs(self.alpha) + m.eta
        jumps = (low <= self.alpha + near) & (high >= self.alpha - near)
        return np.where(jumps, np.maximum(np.abs(low), np.abs(high)), 0.0)

    def __str__(self) -> str:
        return f"thresholded_relu {self.alpha:g}"


@dataclass(frozen=True)
class ScaledTanh(_Bounded):
    """alpha tanh(beta x)."""

    alpha: float = 1.0
    beta: float = 1.0

    @property
    def range(self) -> tuple[float, float]:
        return -abs(self.alpha), abs(self.alpha)

    @property
    def steepest(self) -> float:
        return abs(self.alpha * self.beta)

    def values(self, a: NDArray) -> NDArray:
        return np.tanh(a * self.beta) * self.alpha

    def slopes(self, low: Floats, high: Floats) -> Ends:
        sizes = _at_least_and_most(abs(self.beta) * low, abs(self.beta) * high)
        ends = [self.alpha * self.beta * (1 - np.tanh(size) ** 2) for size in sizes]
        # 1 - tanh² cancels: where it is next to nothing, any of it is left in.
        spare = self.steepest * 2.0**-50
        return np.minimum(*ends) - spare, np.maximum(*ends) + spare

    def shift(self, m: Rounding, low: Floats, high: Floats) -> Floats:
        size = np.maximum(np.abs(low), np.abs(high))
        return 2 * m.u * (1 + m.u) * size + m.eta / abs(self.beta)

    def missed(self, m: Rounding, size: Floats, low: Floats) -> Floats:
        own = size / abs(self.alpha)
        return abs(self.alpha) * m.of_tanh(own) + 2 * m.u * (1 + m.u) * size + m.eta

    def __str__(self) -> str:
        return f"scaled_tanh {self.alpha:g}tanh({self.beta:g}x)"


@dataclass(frozen=True)
class Elu(_Bounded):
    """x, and alpha (eˣ - 1) below 0, where eˣ may be rounded before 1 is taken from it."""

    alpha: float = 1.0

    @property
    def kinks(self) -> tuple[float, ...]:
        return (0.0,)

    @property
    def range(self) -> tuple[float, float]:
        return -self.alpha, np.inf

    @property
    def steepest(self) -> float:
        return max(1.0, self.alpha)

    def values(self, a: NDArray) -> NDArray:
        return np.where(a >= 0, a, np.expm1(np.minimum(a, 0)) * self.alpha).astype(a.dtype)

    def slopes(self, low: Floats, high: Floats) -> Ends:
        ends = (self.alpha * np.exp(np.minimum(end, 0.0)) for end in (low, high))
        return _of_two(low, high, *ends)

    def missed(self, m: Rounding, size: Floats, low: Floats) -> Floats:
        most = np.minimum(size, self.alpha)
        lost = self.alpha * (_kappa(m) + 1) * m.u + 2 * m.u * (1 + m.u) * most + 2 * m.eta
        return np.where(low < 0, lost, 0.0)

    def __str__(self) -> str:
        return f"elu {self.alpha:g}"


@dataclass(frozen=True)
class Softsign(_Bounded):
    """x / (1 + |x|)."""

    @property
    def range(self) -> tuple[float, float]:
        return (-1.0, 1.0)

    @property
    def steepest(self) -> float:
        return 1.0

    def values(self, a: NDArray) -> NDArray:
        return np.asarray(a / (1 + np.abs(a)))

    def slopes(self, low: Floats, high: Floats) -> Ends:
        least, most = _at_least_and_most(low, high)
        return (1 + most) ** -2.0, (1 + least) ** -2.0

    def missed(self, m: Rounding, size: Floats, low: Floats) -> Floats:
        return 2 * m.u * (1 + 2 * m.u) * size + 2 * m.eta

    def __str__(self) -> str:
        return "softsign"


@dataclass(frozen=True)
class Softplus(_Bounded):
    """ln(1 + eˣ), where eˣ may be rounded, added to 1 and rounded again."""

    @property
    def range(self) -> tuple[float, float]:
        return (0.0, np.inf)

    @property
    def steepest(self) -> float:
        return 1.0

    def values(self, a: NDArray) -> NDArray:
        return np.asarray(np.logaddexp(a, 0).astype(a.dtype))

    def slopes(self, low: Floats, high: Floats) -> Ends:
        return sigmoid(low) * (2 - OUTWARD), sigmoid(high) * OUTWARD

    def shift(self, m: Rounding, low: Floats, high: Floats) -> Floats:
        # Nothing is known where eˣ overflows.
        return np.where(high < np.log(m.largest), 0.0, np.inf)

    def missed(self, m: Rounding, size: Floats, low: Floats) -> Floats:
        return (_kappa(m) + 1) * m.u * (1 + m.u) * (1 + size) + 2 * m.eta

    def __str__(self) -> str:
        return "softplus"


def _kappa(m: Rounding) -> float:
    """The accuracy of a library's exponentials and logarithms: as that of its σ and tanh."""
    return max(m.kappa_sigma, m.kappa_tanh)


def _at_least_and_most(low: Floats, high: Floats) -> Ends:
    """The smallest and the largest |x| between two."""
    least = np.maximum(np.maximum(low, -high), 0.0)
    return least, np.maximum(np.abs(low), np.abs(high))


def _of_two(low: Floats, high: Floats, first: Floats | float, last: Floats | float) -> Ends:
    """Slopes of what rises by 1 from 0 on, and below it by what lies between `first` and `last`."""
    below, above = low < 0, high >= 0
    small = np.minimum(np.where(below, np.minimum(first, last), 1.0), np.where(above, 1.0, np.inf))
    large = np.maximum(np.where(below, np.maximum(first, last), 1.0), np.where(above, 1.0, -np.inf))
    return small, large


def _ramp_in_words(ramp: Ramp) -> str:
    words = {(0.0, 1.0): "hard_sigmoid", (-1.0, 1.0): "hard_tanh", (0.0, np.inf): "relu"}
    words |= {(0.0, 6.0): "relu6", (-np.inf, np.inf): "affine"}
    name = words.get((ramp.low, ramp.high), "ramp")
    if (ramp.alpha, ramp.beta) == (1, 0):
        return name.replace("affine", "linear")
    slope = f"{ramp.alpha:g}x"
    if len(slope) > len("0.0001x") and abs(round(1 / ramp.alpha) * ramp.alpha - 1) < 2.0**-20:
        slope = f"x/{round(1 / ramp.alpha)}"
    return f"{name} {slope} + {ramp.beta:g}".replace("+ -", "- ")


@dataclass(frozen=True)
class Functions:
    """The activation functions of a GRU: that of both gates, and that of the candidate."""

    gate: Activation = Sigmoid()
    candidate: Activation = Tanh()

    @property
    def scale(self) -> float | None:
        """The range of a state: it stays between the ends of the candidate's where z is in [0, 1].
        None where it has none.
        """
        least, most = self.candidate.range
        if self.gate.range[0] < 0 or self.gate.range[1] > 1 or not np.isfinite(most - least):
            return None
        return most - least

    @property
    def jump(self) -> bool:
        """Whether one of them jumps, and so has no slope."""
        return bool(np.isinf(max(self.gate.steepest, self.candidate.steepest)))

    @property
    def loosely(self) -> Functions:
        """The same, of balls as steep everywhere as they are anywhere; those that jump stay."""
        if self.jump:
            return self
        return Functions(self.gate.loosely, self.candidate.loosely)

    def __str__(self) -> str:
        return f"{self.gate} and {self.candidate}"


#: What a GRU has unless something else is said.
USUAL = Functions()
