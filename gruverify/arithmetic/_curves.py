"""σ and tanh as straight lines and as parabolas, with a proven remainder each: for all x between
two ends, f(x) = slope (x - c) + middle ± off, or that and curvature (x - c)².

The line. What is left of f beside a line, d(x) = f(x) - slope (x - c), is convex for x ≤ 0 and
concave for x ≥ 0. So on the convex side its largest value is at an end, and it lies above each of
its tangents; on the concave side the other way round. A tangent is taken near the point where d is
flat; that the point is found by libraries' logarithms and roots makes the remainder no less sound,
for a tangent anywhere will do.

The parabola. With X = x - c, Taylor's theorem has f(c) + f'(c) X + f''(c)/2 X² and a sixth of the
third derivative somewhere between, times X³. With k ± e around that derivative and |X| ≤ R the
latter is k/6 (¾ R² X ± R³/4) ± e/6 R³: ¾ R² X is the line that is nearest to X³.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._enclosed import WIDENING, Ends, sigmoid_between, tanh_between
from gruverify.arithmetic._formats import float64

#: Of narrower intervals the secant would be rounding.
_NARROW = 2.0**-20
#: What f', f'' and the third derivative may miss by where f is known to within 2^-47.
_SLOPE, _THIRD = 8 * WIDENING, 128 * WIDENING


@dataclass(frozen=True)
class Curve:
    """σ or tanh.

    between: numbers below and above it; slope and bend: p = f' and f'', by the value; flat: where
    f' is a given number, for x ≥ 0; steepest: the largest f'. The third derivative is α p - 6 p².
    """

    between: Callable[[Floats], Ends]
    slope: Callable[[Floats], Floats]
    bend: Callable[[Floats], Floats]
    flat: Callable[[Floats], Floats]
    steepest: float
    alpha: float

    def value(self, x: Floats) -> Floats:
        """f(x), to within 2^-47."""
        low, high = self.between(x)
        return low / 2 + high / 2

    def slope_at(self, x: Floats) -> Floats:
        """f'(x)."""
        return self.slope(self.value(x))

    def third(self, low: Floats, high: Floats) -> Ends:
        """Numbers below and above the third derivative between two ends: as a function of p it has
        its top at α/12.
        """
        at_low, at_high = self.slope_at(low), self.slope_at(high)
        across = (low < 0) & (high > 0)
        most = np.where(across, self.steepest, np.maximum(at_low, at_high))
        least = np.minimum(at_low, at_high)
        each = [p * (self.alpha - 6 * p) for p in (least, most)]
        top = np.clip(self.alpha / 12, least, most)
        most_of_all = np.maximum(np.maximum(*each), top * (self.alpha - 6 * top))
        return np.minimum(*each) - _THIRD, most_of_all + _THIRD


SIGMOID = Curve(
    sigmoid_between,
    lambda s: s * (1.0 - s),
    lambda s: s * (1.0 - s) * (1.0 - 2 * s),
    lambda slope: 2 * np.arctanh(np.sqrt(np.maximum(1.0 - 4.0 * slope, 0.0))),
    steepest=0.25,
    alpha=1.0,
)
TANH = Curve(
    tanh_between,
    lambda t: 1.0 - t * t,
    lambda t: -2 * t * (1.0 - t * t),
    lambda slope: np.arctanh(np.sqrt(np.maximum(1.0 - slope, 0.0))),
    steepest=1.0,
    alpha=4.0,
)


class Line(NamedTuple):
    """slope (x - c) + middle ± off."""

    slope: Floats
    middle: Floats
    off: Floats


@dataclass(frozen=True, eq=False)
class Bend:
    """A curve between two ends as a line, and as a line with curvature (x - c)²; and the numbers
    that it lies between.
    """

    line: Line
    parabola: Line
    curvature: Floats
    ends: Ends


def bend_of(curve: Curve, low: Floats, high: Floats, centre: Floats) -> Bend:
    """Both for all x between low and high, around a centre that may lie anywhere."""
    line, ends = _line(curve, low, high, centre)
    value = curve.value(centre)
    least, most = curve.third(np.minimum(low, centre), np.maximum(high, centre))
    k, e = least / 2 + most / 2, np.maximum(most - least, 0.0) / 2
    R = np.maximum(np.abs(high - centre), np.abs(low - centre)) * (1 + _SLOPE)
    slope = curve.slope(value) + k * R * R / 8
    off = ((np.abs(k) / 4 + e) * R * R * R / 6) * (1 + _SLOPE) + _SLOPE * (1.0 + R + 2 * R * R)
    return Bend(line, Line(slope, value, off), curve.bend(value) / 2, ends)


def _line(curve: Curve, low: Floats, high: Floats, centre: Floats) -> tuple[Line, Ends]:
    """The line of all x between low and high, and the least and the largest value."""
    at_ends = curve.between(low), curve.between(high)
    slope = _slope(curve, low, high, at_ends)

    def beside(x: Floats) -> Ends:
        """d(x)."""
        (below, above), line = curve.between(x), slope * (x - centre)
        room = 8 * (float64.unit_roundoff * (1.0 + np.abs(line)) + float64.min_subnormal)
        return below - line - room, above - line + room

    with np.errstate(divide="ignore"):  # arctanh(1): a slope of 0 is nowhere
        flat = np.minimum(curve.flat(slope), 1e3)
    zero = np.clip(0.0, low, high)
    at_low, at_high, at_zero = beside(low), beside(high), beside(zero)
    down = np.minimum(np.minimum(at_low[0], at_high[0]), at_zero[0])
    up = np.maximum(np.maximum(at_low[1], at_high[1]), at_zero[1])

    def tangent(x: Floats, start: Floats, end: Floats) -> Ends:
        """d(x), and what a tangent there may rise or fall until the ends of its side."""
        reach = np.maximum(end - x, x - start)
        tilt = (np.abs(curve.slope_at(x) - slope) + _SLOPE) * reach * (1 + _SLOPE)
        below, above = beside(x)
        return below - tilt, above + tilt

    concave = tangent(np.clip(flat, zero, high), zero, high)[1]
    convex = tangent(np.clip(-flat, low, zero), low, zero)[0]
    up = np.where(high > 0, np.maximum(up, concave), up)
    down = np.where(low < 0, np.minimum(down, convex), down)
    middle = down / 2 + up / 2
    off = np.nextafter(np.maximum(up - middle, middle - down), np.inf)
    return Line(slope, middle, off), (at_ends[0][0], at_ends[1][1])


def _slope(curve: Curve, low: Floats, high: Floats, at_ends: tuple[Ends, Ends]) -> Floats:
    """The slope between the ends, or in the middle of a narrow interval."""
    width = high - low
    secant = (at_ends[1][0] - at_ends[0][1]) / np.maximum(width, _NARROW)
    chosen = np.where(width > _NARROW, secant, curve.slope_at(low / 2 + high / 2))
    return np.clip(chosen, 0.0, curve.steepest)
