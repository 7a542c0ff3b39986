"""The roundings of z∘one + (1-z)∘zero in each of its forms (theory.md 5; theory-14.md, 14.9)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np

from gruverify.arithmetic._bounds import Bound
from gruverify.arithmetic._exactness import Mask, both
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
    return mode.u * (1 + 4 * mode.u) * reduce(np.maximum, forms) + 3 * mode.eta


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
        weights = (
            _times(of_one, rough.one)
            + _times(of_zero, rough.zero)
            + _times(of_zero, rough.has_zero)
        )
        as_a = weights + _times(result, both(rough.has_one, rough.has_zero))
        yield as_a + mode.kappa_sigma * result if "D" in names else as_a
    differs, product = both(rough.has_one, rough.has_zero), rough.difference
    if "B" in names:
        step = z * gap
        yield _times(step, differs) + _times(step, product) + _times(result, rough.has_zero)
    if "C" in names:
        step = rest * gap
        yield _times(step, differs) + step + _times(step, product) + _times(result, rough.has_one)


def _times(size: Bound, mask: Mask) -> Bound:
    return size if mask is None else size * mask
