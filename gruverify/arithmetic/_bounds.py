"""What ball arithmetic does to arrays."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Bound: TypeAlias = "Floats | float"


#: The range of a state: it lies in [-1, 1].
STATES = 2.0
#: A bound below this share of a quantity's range claims something, however small the value
#: (docs/tolerances.md).
SHARE = 1 / 16


def largest(bound: Bound) -> float:
    """The largest entry of what is nowhere negative; of small arrays this is the fastest way to
    it.
    """
    if not isinstance(bound, np.ndarray):
        return bound
    return bound.item(bound.argmax()) if bound.size else 0.0


def matmul(a: Floats, b: Floats) -> Floats:
    """The matrix product; of two matrices by the way that NumPy does at once."""
    return a.dot(b) if a.ndim == b.ndim == 2 else a @ b


def plus(bound: Bound, more: Bound) -> Any:
    """Their sum, for which nothing is done where one of them is 0 everywhere."""
    # Most errors of leaves are the number 0.0, for which no array need be added.
    if isinstance(bound, float) and bound == 0.0:
        return more
    if isinstance(more, float) and more == 0.0:
        return bound
    return bound + more


def within_range(reach: Floats, rad: Bound, limit: float) -> Bound:
    """The radius; infinite, and never a NaN, where the format may overflow on the way: nothing is
    known there.
    """
    # A NaN is below no limit, and so ends as infinity: where an infinite radius met an exact 0.
    most = reach + rad
    if largest(most) < limit:
        return rad
    return np.where(most < limit, rad, np.inf)
