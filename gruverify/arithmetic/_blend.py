"""The roundings of z∘one + (1-z)∘zero in each of its forms (theory.md 5; docs/tolerances.md)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np

from gruverify.arithmetic._bounds import Bound
from gruverify.arithmetic._exactness import Mask, both
from gruverify.arithmetic._formats import float64
from gruverify.arithmetic._rounding import Rounding


class Rough(NamedTuple):
    """Which operations round, each 1 where it does (None: everywhere).

    one, zero: where the product of the gate with that end rounds, as it does unless the end is an
    exact 0 or ±2^k; has_one, has_zero: where that end is not an exact 0; difference: where z times
    the ends' difference rounds.
    """

    one: Mask = None
    zero: Mask = None
    has_one: Mask = None
    has_zero: Mask = None
    difference: Mask = None


#: Nothing is known to be exact.
_ALL = Rough()


def blend_rounding(
    mode: Rounding, z: Bound, rest: Bound, one: Bound, zero: Bound, gap: Bound, rough: Rough = _ALL
) -> Bound:
    """The most that the roundings of z∘one + (1-z)∘zero come to, in whichever of the mode's forms
    (theory.md 5).

    `z` and `rest` bound the gate and 1 minus it, `one` and `zero` the magnitudes of the two ends,
    `gap` their distance.
    """
    forms = _forms(mode, z, rest, one, zero, gap, rough)
    rounding = mode.u * (1 + 4 * mode.u) * reduce(np.maximum, forms)
    if "A" not in mode.blend and "D" not in mode.blend:
        # The midpoint is found in float64 and in form A, which rounds more than B or C where the
        # ends are close: without its share a right float64 blend exceeded its radius by a quarter.
        as_a = _as_weights(z * one, rest * zero, rough)
        rounding = rounding + float64.unit_roundoff * (1 + 4 * mode.u) * as_a
    return rounding + 3 * mode.eta


def _forms(
    mode: Rounding, z: Bound, rest: Bound, one: Bound, zero: Bound, gap: Bound, rough: Rough
) -> Iterator[Bound]:
    """What the roundings of each form come to, in units of roundoff.

    A: z·one, 1-z, (1-z)·zero and the sum. B, zero + z(one-zero): the difference, the product, the
    sum. C, one + (1-z)(zero-one): those, and 1-z, which rounds whatever z is. D, σ(a)·one +
    σ(-a)·zero: as A, but that the errors of two gates do not cancel where the ends are alike. Where
    an end is an exact 0 the difference does not round, and where it is the one that is added to,
    nor does the sum.
    """
    names = mode.blend
    of_one, of_zero = z * one, rest * zero
    result = of_one + of_zero
    if "A" in names or "D" in names:
        as_a = _as_weights(of_one, of_zero, rough)
        yield as_a
        # Each of the two gates is wrong by itself: by units of its value, or of 1.
        if "D" in names and mode.sigmoid == "absolute":
            yield as_a + mode.kappa_sigma * (one + zero)
        elif "D" in names:
            yield as_a + mode.kappa_sigma * result
    # A difference with an exact 0 is the other end itself.
    differs, product = both(rough.has_one, rough.has_zero), rough.difference
    if "B" in names:
        step = z * gap
        yield _times(step, differs) + _times(step, product) + _times(result, rough.has_zero)
    if "C" in names:
        step = rest * gap
        yield _times(step, differs) + step + _times(step, product) + _times(result, rough.has_one)


def _as_weights(of_one: Bound, of_zero: Bound, rough: Rough) -> Bound:
    """What the roundings of form A come to, from the sizes of its two products."""
    products = (
        _times(of_one, rough.one)
        + _times(of_zero, rough.zero)
        + _times(of_zero, rough.has_zero)  # 1-z rounds whatever z is
    )
    return products + _times(of_one + of_zero, both(rough.has_one, rough.has_zero))


def _times(size: Bound, mask: Mask) -> Bound:
    return size if mask is None else size * mask
