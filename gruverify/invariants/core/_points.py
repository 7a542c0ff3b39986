"""The pre-activations at which σ and tanh are looked at."""

from __future__ import annotations

from functools import cache

import numpy as np

from gruverify.arithmetic import Format, NDArray

#: Pre-activations of a wide format.
_POINTS = 2**14


@cache
def every_number(format: Format) -> NDArray:
    """The numbers of a 16-bit format, or that many of a wide one, in ascending order: (N,) in the
    format.

    None is beyond a quarter of the largest, from where a sum may overflow on the way, and nothing
    can be claimed.
    """
    if format.dtype.itemsize == 2:
        with np.errstate(invalid="ignore"):
            # Every pattern of 16 bits: NaN and infinities go with the comparison below.
            numbers = np.arange(2**16, dtype=np.uint16).view(format.dtype).astype(np.float64)
    else:
        numbers = _points(format).astype(np.float64)
    found = np.unique(numbers[np.abs(numbers) <= format.max / 4]).astype(format.dtype)
    found.flags.writeable = False
    return found


def _points(f: Format) -> NDArray:
    """Half of them evenly over all that a gate tells apart, a quarter of all sizes, and those
    around thresholds.
    """
    reach = -1.1 * f.sigmoid_underflows
    even = np.linspace(-reach, reach, _POINTS // 2)
    sizes = np.exp2(np.linspace(f.min_exponent - f.precision + 1, f.max_exponent, _POINTS // 8))
    marks = np.array(
        [f.sigmoid_saturates, f.sigmoid_rounds_to_one, f.sigmoid_flushes, f.sigmoid_underflows]
    )
    marks = np.concatenate([marks, [f.tanh_saturates, np.log(f.min_normal), *range(1, 128)]])
    ulps = 2 * f.unit_roundoff * np.exp2(np.floor(np.log2(np.abs(marks))))
    # Eight neighbours to either side: a threshold that is off by an ulp shows.
    around = (marks[:, None] + ulps[:, None] * np.arange(-8, 9)).ravel()
    return f.cast(np.concatenate([even, sizes, -sizes, around, -around]))


@cache
def gate_numbers(format: Format) -> NDArray:
    """The numbers at which a gate is neither 1/2 nor, but for the last bits, 0 or 1: at most 4096,
    (N,).
    """
    numbers = every_number(format)
    size = np.abs(numbers.astype(np.float64))
    some = numbers[(size >= 2.0**-6) & (size <= -1.1 * format.sigmoid_underflows)]
    return some[:: -(-len(some) // 4096)]
