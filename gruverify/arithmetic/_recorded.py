"""Numbers that were written down in a format of their own: rounding to it is a rounding more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._ball import Ball
from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._formats import Format
from gruverify.arithmetic._rounding import OUTWARD, Rounding


def half_spacing(values: npt.ArrayLike, fmt: Format) -> Floats:
    """How far numbers may be from those that round to them in the format: half an ulp, everything
    if they overflow.
    """
    # What is recorded as the largest number, or as infinity, may have been anything beyond.
    return np.where(np.abs(values) < fmt.max, spacing(values, fmt) * (OUTWARD / 2), np.inf)


def spacing(values: npt.ArrayLike, fmt: Format) -> Floats:
    """One ulp: the distance of neighbouring numbers of the format, at the size of each value."""
    _, exponents = np.frexp(np.asarray(values, np.float64))
    # frexp's significand is below 1, and 0 has exponent 0 there.
    powers = np.where(
        np.asarray(values) == 0, fmt.min_exponent, np.maximum(exponents - 1, fmt.min_exponent)
    )
    return np.asarray(np.ldexp(1.0, powers - fmt.precision + 1))


def rounded_to(mode: Rounding, values: npt.ArrayLike, fmt: Format) -> Ball:
    """Numbers that an implementation is given, of which `values` are known: either are the others
    rounded to `fmt`.
    """
    given = Ball.exact(mode, values)
    return Ball(mode, given.mid, given.radius + half_spacing(given.mid, fmt))


def went_on_with(mode: Rounding, values: npt.ArrayLike, fmt: Format) -> Ball:
    """States that an implementation went on with, of which `values` were recorded in the format
    `fmt`.
    """
    returned = Ball.observed(mode, values)
    if not is_narrower(fmt, mode.format):
        return returned
    return Ball(mode, returned.mid, returned.radius + half_spacing(returned.mid, fmt))


def as_recorded(ball: Ball, fmt: Format) -> Ball:
    """What may be recorded in the format `fmt` of results in the ball."""
    if not is_narrower(fmt, ball.mode.format):
        return ball
    return Ball(ball.mode, ball.mid, ball.radius + half_spacing(ball.magnitude, fmt))


def is_narrower(fmt: Format, other: Format) -> bool:
    """Whether some numbers of `other` are none of `fmt`."""
    return fmt.precision < other.precision or fmt.max_exponent < other.max_exponent
