"""A non-negative number between two floats, and how many of its digits may be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal

import numpy as np

from gruverify.arithmetic import Ball


@dataclass(frozen=True, slots=True)
class Enclosure:
    """The true number lies in [low, high], low ≥ 0. Both are 0 for what is exactly 0."""

    low: float
    high: float

    @property
    def mid(self) -> float:
        return self.low + (self.high - self.low) / 2

    @property
    def is_zero(self) -> bool:
        """Whether it is exactly 0."""
        return self.high == 0

    def __truediv__(self, other: Enclosure) -> Enclosure:
        """The quotient; unbounded where the divisor may be 0."""
        if self.is_zero:
            return self
        if other.high > 0:
            low = self.low / other.high
        else:
            low = 0.0
        if other.low > 0:
            high = self.high / other.low
        else:
            high = math.inf
        # A quotient that underflows is not 0.
        return _outward(low, high or math.ulp(0.0))

    def text(self, digits: int = 3) -> str:
        """At most that many significant digits, as the radius supports; an upper bound where it
        supports none.
        """
        if self.is_zero:
            return "0"
        if not math.isfinite(self.high):
            return "unknown"
        # A digit is known if the radius is below a unit of its place.
        known = int(min(digits, self._known_digits()))
        if known < 1:
            return "≤ " + _decimal(self.high, Context(prec=1, rounding=ROUND_CEILING))
        return _decimal(self.mid, Context(prec=known, rounding=ROUND_HALF_EVEN))

    def _known_digits(self) -> float:
        radius = (self.high - self.low) / 2
        if self.low == 0:
            return 0
        if radius:
            return math.floor(math.log10(self.mid) - math.log10(radius))
        return math.inf

    def __str__(self) -> str:
        return self.text()


def largest(ball: Ball) -> Enclosure:
    """The largest entry's magnitude."""
    return _outward(float(ball.mignitude.max()), float(ball.magnitude.max()))


def largest_row_sum(matrix: Ball) -> Enclosure:
    """The norm that the largest entry induces on matrices (..., n, m): the largest Σ_j |M_ij|."""
    return largest(Ball(matrix.mode, np.abs(matrix.mid), matrix.rad).sum(-1))


def total_of(parts: Sequence[Enclosure]) -> Enclosure:
    """Their sum."""
    return _outward(math.fsum(part.low for part in parts), math.fsum(part.high for part in parts))


def worst_of(parts: Sequence[Enclosure]) -> Enclosure:
    """Their maximum."""
    return Enclosure(max(part.low for part in parts), max(part.high for part in parts))


def _outward(low: float, high: float) -> Enclosure:
    # What was computed in float64 on the way here is off by less than an ulp; a 0 was not computed.
    return Enclosure(
        max(math.nextafter(low, -math.inf), 0.0), math.nextafter(high, math.inf) if high else 0.0
    )


def _decimal(value: float, context: Context) -> str:
    rounded = context.create_decimal(Decimal(value))
    if -4 < rounded.adjusted() < 4:
        return f"{rounded:f}"
    mantissa, exponent = f"{rounded:e}".split("e")
    return f"{mantissa}e{int(exponent)}"
