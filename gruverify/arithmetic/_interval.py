"""Intervals of arrays, rounded outward: (low, high) with every exact result between them."""

from __future__ import annotations

from functools import reduce
from itertools import product
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic._bounds import Bound, Floats
from gruverify.arithmetic._form import outward, upward
from gruverify.arithmetic._formats import float64
from gruverify.arithmetic._rounding import OUTWARD

Interval: TypeAlias = tuple[Floats, Floats]


def magnitude(a: Interval) -> Floats:
    """The largest absolute value."""
    return np.maximum(np.abs(a[0]), np.abs(a[1]))


def middle(a: Interval) -> Interval:
    """A number in the middle, and how far both ends are from it at most."""
    low, high = a
    mid = low / 2 + high / 2
    radius = np.maximum(high - mid, mid - low)
    # A point stays one: exact numbers must not become intervals.
    return mid, np.where(radius > 0, np.nextafter(radius, np.inf), radius)


def meet(a: Interval, b: Interval) -> Interval:
    """What is in both; a NaN in either stays one."""
    return np.maximum(a[0], b[0]), np.minimum(a[1], b[1])


def widen(a: Interval, by: Bound) -> Interval:
    """Both ends moved outward."""
    return outward(a[0] - by, a[1] + by)


def add(a: Interval, b: Interval) -> Interval:
    """The sum of two."""
    return outward(a[0] + b[0], a[1] + b[1])


def negative(a: Interval) -> Interval:
    """The negative of one."""
    return -a[1], -a[0]


def multiply(a: Interval, b: Interval) -> Interval:
    """The product of two, by its corners."""
    corners = [one * other for one, other in product(a, b)]
    return outward(reduce(np.minimum, corners), reduce(np.maximum, corners))


def blend(z: Interval, one: Interval, zero: Interval) -> Interval:
    """The blend z one + (1-z) zero for z in [0, 1]: linear in z, so that z's ends have its own."""
    lows, highs = list[Floats](), list[Floats]()
    for end in z:
        rest = 1.0 - end
        for ends, other, of in ((lows, 0, -np.inf), (highs, 1, np.inf)):
            total = end * one[other] + rest * zero[other]
            size = np.abs(end * one[other]) + np.abs(rest * zero[other])
            # Three roundings meet (1-z)·zero, two the other product.
            room = 4 * (float64.unit_roundoff * size + float64.min_subnormal)
            ends.append(np.nextafter(total + np.copysign(room, of), of))
    return np.minimum(*lows), np.maximum(*highs)


def matmul(a: Interval, W: Floats, off: Floats | None) -> Interval:
    """A (..., n) times a matrix (n, m) that is known to within `off`; None: exactly."""
    mid, radius = middle(a)
    n, size = len(W), np.abs(W)
    met = 2 * (n + 2) * float64.unit_roundoff * size
    if off is not None:
        met = met + off
    most = (radius @ (size + met) + np.abs(mid) @ met) * upward(n) * OUTWARD
    product = mid @ W
    return widen((product, product), most + 4 * n * float64.min_subnormal)
