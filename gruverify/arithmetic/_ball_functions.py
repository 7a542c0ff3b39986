"""What products and functions of balls are wrong by: a product, σ, tanh and the blend (theory.md 5;
docs/tolerances.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gruverify.arithmetic._blend import Rough, blend_rounding
from gruverify.arithmetic._bounds import Bound, Floats, largest, within_range
from gruverify.arithmetic._exactness import Mask, both, either, nonzero
from gruverify.arithmetic._rounding import OUTWARD

if TYPE_CHECKING:
    from gruverify.arithmetic._ball import Ball


def product_error(a: Ball, b: Ball, u: Bound) -> Bound:
    """(|a|+δa)(|b|+δb)(1+u) - |a||b|, arranged so that most of it is done on `a`, the smaller
    array.
    """
    error: Bound = b.size * (a.size * u if a.exactly else a.size * u + a.error * (1 + u))
    if not b.exactly:
        most = a.size if a.exactly else a.size + a.error
        error = error + b.error * (most * (1 + u))
    return error


def clipped(a: Ball) -> Ball:
    """The argument of σ or tanh, no larger than the mode's clip."""
    m = a.mode
    if m.clip is None:
        return a
    mid, rad = np.clip(a.mid, -m.clip, m.clip), a.radius * OUTWARD
    low, high = np.clip(a.mid - rad, -m.clip, m.clip), np.clip(a.mid + rad, -m.clip, m.clip)
    # A clip that is no number of the format is rounded to it.
    near = (a.size + rad >= m.clip * (1 - m.u)) * (m.u * m.clip)
    within = np.maximum(high - mid, mid - low) + near
    return type(a)(m, mid, np.where(np.isinf(rad), np.inf, within * OUTWARD))


def unless_lost(a: Ball, rad: Bound) -> Bound:
    """The radius of a function of `a`, rounded outward; infinite where `a` may overflow."""
    rad = rad * OUTWARD
    # A pre-activation that may overflow may be a NaN: then nothing is known of the activation
    # either. `largest` of a NaN is a NaN, which is below nothing.
    if largest(a.rad) < np.inf:
        return rad
    return np.where(np.isinf(a.rad), np.inf, rad)


def sigmoid_of(a: Ball) -> tuple[Floats, Bound]:
    """Midpoint and radius of σ over a ball, but for what may overflow in it."""
    m, e = a.mode, a.rad
    mid = _logistic(a.mid, a.size)
    # σ' falls with |a|, so it is largest where the ball comes nearest to 0; and σ cannot move by
    # more than its range.
    inner = np.minimum(e * _logistic_slope(np.maximum(a.size - e, 0.0)), 1.0)
    rad = inner + m.of_sigmoid(mid + inner)
    # There exp(-a) overflows and 1/(1+exp(-a)) is 0 (theory.md 5, first row): all of σ is granted.
    below = a.mid - e < m.sigmoid_flushes
    return mid, rad + np.where(below, mid + inner, 0.0) if np.count_nonzero(below) else rad


def tanh_of(a: Ball) -> tuple[Floats, Bound, Mask]:
    """Midpoint and radius of tanh over a ball, and where it is anything but an exact 0."""
    m, e = a.mode, a.rad
    slope = 4 * _logistic_slope(2 * np.maximum(a.size - e, 0.0))  # tanh(a) = 2σ(2a) - 1
    inner = np.minimum(e * slope, 2.0)
    mid, present = np.tanh(a.mid), nonzero(a.mid, e)
    rad = inner + m.of_tanh(np.abs(mid) + inner)
    # 2σ(2a)-1 is off by κu of 1 even at 0, so that there an exact 0 has no exact tanh.
    if m.tanh == "absolute" or present is None:
        return mid, rad, present
    return mid, rad * present, present


def blend_of(z: Ball, a: Ball, b: Ball) -> tuple[Floats, Bound]:
    """Midpoint and radius of z∘a + (1-z)∘b over balls, in every form that the mode allows."""
    m, dz = z.mode, z.rad
    # Form A: `blend_rounding` accounts for what float64 rounds in it.
    mid = z.mid * a.mid + (1 - z.mid) * b.mid
    # (9.6): no gate is above 1, however wide its ball.
    if z.within_unit:
        up, rest = np.minimum(z.mid + dz, 1), np.minimum(1 - z.mid + dz, 1)
    else:  # σ's place is taken by a function that goes further
        up, rest = z.magnitude, np.abs(1 - z.mid) + dz
    distance = np.abs(a.mid - b.mid)
    # z'a' + (1-z')b' - za - (1-z)b = z'(a'-a) + (1-z')(b'-b) + (z'-z)(a-b): the gate's error meets
    # the distance of the ends alone.
    inner = up * a.rad + rest * b.rad + dz * distance
    gap = distance + a.rad + b.rad
    most_a, most_b = a.magnitude, b.magnitude
    ends = both(a.nonzero, b.nonzero)
    rounds = Rough(a.rough, b.rough, a.nonzero, b.nonzero, either(ends, either(a.rough, b.rough)))
    rad = (inner + blend_rounding(m, up, rest, most_a, most_b, gap, rounds)) * OUTWARD
    reach = np.maximum(gap, np.maximum(most_a, most_b))
    if not z.within_unit:
        reach = np.maximum(reach, np.maximum(up, rest) * reach)
    return mid, within_range(reach, rad, m.largest)


def _logistic(a: Floats, size: Floats) -> Floats:
    """σ(a), given |a|."""
    # Of a negative number only, so that nothing overflows.
    e = np.exp(-size)
    return np.where(a < 0, e, 1.0) / (1.0 + e)


def _logistic_slope(a: Floats) -> Floats:
    """σ'(a) = σ(a)σ(-a) for a ≥ 0."""
    e = np.exp(-a)
    whole = 1.0 + e
    return e / (whole * whole)
