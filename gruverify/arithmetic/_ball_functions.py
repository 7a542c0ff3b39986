"""What sums, products and functions of balls are, and are wrong by (theory.md 5;
docs/tolerances.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gruverify.arithmetic._blend import Rough, blend_rounding
from gruverify.arithmetic._bounds import Bound, Floats, largest, matmul, plus, within_range
from gruverify.arithmetic._exactness import Mask, both, either, everywhere, nonzero
from gruverify.arithmetic._rounding import OUTWARD, Rounding
from gruverify.arithmetic._sums import Count, Results, rounded_results

if TYPE_CHECKING:
    from gruverify.arithmetic._ball import Ball


class Factors(NamedTuple):
    """What a `Product` is made of, in its order."""

    mid: Floats
    error: Bound
    factors: int
    scale: Bound
    floor: Bound
    rough: Mask
    nonzero: Mask


class Terms(NamedTuple):
    """What a `Sum` is made of, in its order."""

    mid: Floats
    weight: Floats
    terms: Count
    error: Bound
    floor: Bound
    operands: Count
    stored: Floats
    spread: Bound | None = None


def factors_multiplied(a: Ball, b: Ball) -> Factors:
    """The product a∘b of two numbers or products."""
    m = a.mode
    # A factor ±2^k moves the exponent alone; but what it is multiplied with still carries its
    # error.
    rounds = both(a.rough, b.rough)
    u = m.u if rounds is None else m.u * rounds
    # Most of the work is done on the smaller array.
    error = _product_error(a, b, u) if a.mid.size <= b.mid.size else _product_error(b, a, u)
    factors, scale = a.factors + b.factors, a.scaled() * b.scaled()
    # Whatever underflowed after one multiplication is met by the factors that come later.
    floor = scale * (factors - 1.0)
    if a.spread is not None or b.spread is not None:
        floor = floor + _lost_in_reverse(m) * a.spreading() * b.spreading()
    present = both(a.nonzero, b.nonzero)
    if present is not None:
        floor = floor * present
    return Factors(a.mid * b.mid, error, factors, scale, floor, either(a.rough, b.rough), present)


def _lost_in_reverse(m: Rounding) -> float:
    """How many η the entry of a Jacobian may lose where reverse mode multiplies its factors from
    the other end.

    On its way through a matrix product it rounds g·take·(1-c²), what the product makes of it, the
    reset gate's three factors and the last product: seven times, by half an η each, or by a whole
    one where it is flushed.
    """
    # Seven halves, and as many whole ones, each rounded up.
    return 4.0 if m.subnormals else 8.0


def matrices_multiplied(a: Ball, b: Ball, across: bool, results: Results | None) -> Terms:
    """The matrix product of two numbers; across: whether the sum runs over the batch; results:
    those of the parts that it is put together of, itself if None.
    """
    m = a.mode
    mid, weight = matmul(a.mid, b.mid), matmul(a.size, b.size)
    error: Bound = 0.0
    if not a.exactly:
        error = matmul(a.radius, b.magnitude) * m.inherited
    if not b.exactly:
        error = plus(error, matmul(a.size, b.radius) * m.inherited)
    # One number for all entries where nothing is exactly 0, as with dense weights: counting would
    # take another matrix product.
    terms: Count = float(a.shape[-1])
    if a.nonzero is not None or b.nonzero is not None:
        terms = matmul(everywhere(a.nonzero, a.shape), everywhere(b.nonzero, b.shape))
    inexact = weight
    if a.rough is not None or b.rough is not None:
        # A product with a ±2^k or a 0 rounds nothing: only the others are charged.
        inexact = matmul(a.inexact, b.inexact)
    lost = rounded_results(
        m, mid, weight, terms, error, across=across, inexact=inexact, results=results
    )
    error, floor = lost.error, lost.floor
    if m.u_m:
        # What is wrong with the operands is met by the roundings of product and result.
        operands = (2 + m.u_m) * m.u_m * (1 + 2 * m.u)
        error = error + weight * operands
        floor = (
            floor + a.shape[-1] * (largest(a.magnitude) + largest(b.magnitude)) * m.operand_floor
        )
    spread = None
    if b.spread is not None:
        spread = np.maximum(a.size, 1.0) @ np.broadcast_to(b.spread, b.shape)
    return Terms(mid, weight, terms, error, floor, lost.operands, lost.stored, spread)


def summed_along(a: Ball, axis: int, results: Results | None) -> Terms:
    """Σ of a number along `axis`, which is that of the batch; `results` as of matrix products."""
    mid, weight = a.mid.sum(axis), a.size.sum(axis)
    error: Bound = 0.0 if a.exactly else a.radius.sum(axis)
    terms: Count = float(a.shape[axis]) if a.nonzero is None else a.nonzero.sum(axis)
    lost = rounded_results(
        a.mode, mid, weight, terms, error, across=True, inexact=None, results=results
    )
    return Terms(mid, weight, terms, *lost)


def _product_error(a: Ball, b: Ball, u: Bound) -> Bound:
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
    # A clip that is not a number of the format is rounded to it.
    near = (a.size + rad >= m.clip * (1 - m.u)) * (m.u * m.clip)
    within = np.maximum(high - mid, mid - low) + near
    # A sum is none any more.
    return type(a.rounded())(m, mid, np.where(np.isinf(rad), np.inf, within * OUTWARD))


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
