"""σ and tanh as straight lines and as parabolas, with a proven remainder each: for all x between
two ends, f(x) = slope (x - c) + middle ± off, or that and curvature (x - c)².

The line. What is left of f besides a line, d(x) = f(x) - slope (x - c), is convex for x ≤ 0 and
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
from typing import Any, NamedTuple

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

    def third(self, slopes: Floats, across: Any) -> Ends:
        """Numbers below and above the third derivative on an interval: `slopes` are those at its
        ends, `across` is where 0 is inside; as a function of p it has its top at α/12.
        """
        most = np.where(across, self.steepest, slopes.max(0))
        least = slopes.min(0)
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
    """The line and the parabola for all x between low and high, around a centre that may lie
    anywhere.
    """
    # Where convex becomes concave; an interval on one side of 0 has an empty other side, of one
    # point.
    zero = np.clip(0.0, low, high)
    x = np.stack([low, high, zero, centre, low / 2 + high / 2])
    below, above = curve.between(x)
    slopes = curve.slope(below / 2 + above / 2)
    secant = (below[1] - above[0]) / np.maximum(high - low, _NARROW)
    # Any slope is sound: the remainder is found for the one that is taken.
    slope = np.clip(np.where(high - low > _NARROW, secant, slopes[4]), 0.0, curve.steepest)
    line = _line(curve, slope, x, (below, above))
    value = below[3] / 2 + above[3] / 2
    across = (np.minimum(low, centre) < 0) & (np.maximum(high, centre) > 0)
    least, most = curve.third(slopes[[0, 1, 3]], across)
    k, e = least / 2 + most / 2, np.maximum(most - least, 0.0) / 2
    R = np.maximum(np.abs(high - centre), np.abs(low - centre)) * (1 + _SLOPE)
    off = ((np.abs(k) / 4 + e) * R * R * R / 6) * (1 + _SLOPE) + _SLOPE * (1.0 + R + 2 * R * R)
    parabola = Line(slopes[3] + k * R * R / 8, value, off)
    return Bend(line, parabola, curve.bend(value) / 2, (below[0], above[1]))


def _line(curve: Curve, slope: Floats, x: Floats, values: Ends) -> Line:
    """The line of that slope around x[3], for all between x[0] and x[1]; x[2] is where the convex
    side ends; `values` are below and above the curve at each.
    """
    low, high, zero, centre = x[:4]
    down, up = _left_of_line(values, slope, x - centre)
    with np.errstate(divide="ignore"):  # arctanh(1): a slope of 0 is nowhere
        flat = np.minimum(curve.flat(slope), 1e3)
    touched = np.stack([np.clip(-flat, low, zero), np.clip(flat, zero, high)])
    starts, ends = np.stack([low, zero]), np.stack([zero, high])
    at = curve.between(touched)
    # What a tangent there may rise or fall until the ends of its side.
    reach = np.maximum(ends - touched, touched - starts)
    tilt = np.abs(curve.slope(at[0] / 2 + at[1] / 2) - slope) + _SLOPE
    tilt = tilt * reach * (1 + _SLOPE)
    below, above = _left_of_line(at, slope, touched - centre)
    least, most = down[:3].min(0), up[:3].max(0)
    least = np.where(low < 0, np.minimum(least, (below - tilt)[0]), least)
    most = np.where(high > 0, np.maximum(most, (above + tilt)[1]), most)
    middle = least / 2 + most / 2
    off = np.nextafter(np.maximum(most - middle, middle - least), np.inf)
    return Line(slope, middle, off)


def _left_of_line(values: Ends, slope: Floats, X: Floats) -> Ends:
    """What is left of the curve besides the line: f(x) - slope (x - c), with X = x - c."""
    line = slope * X
    room = 8 * (float64.unit_roundoff * (1.0 + np.abs(line)) + float64.min_subnormal)
    return values[0] - line - room, values[1] - line + room
