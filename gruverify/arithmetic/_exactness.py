"""Which numbers are exact zeros, or exact powers of two: entry by entry, and at the cost of one
look where none is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: 1 where something holds of an entry and 0 elsewhere; None if it holds of all.
Mask = Any

_SIGNIFICAND = np.int64(2**52 - 1)


def nonzero(mid: Floats, *wrong: Any) -> Mask:
    """Where a number is anything but an exact 0: not 0, or wrong by something."""
    # Dense numbers are the rule: one look, and no mask to carry along.
    if np.count_nonzero(mid) == mid.size:
        return None
    some = mid != 0
    for bound in wrong:
        if isinstance(bound, np.ndarray):
            some = some | (bound != 0)
        elif bound:
            return None
    if np.count_nonzero(some) == some.size:
        return None
    return some.astype(np.float64)


def rough(mid: Floats) -> Mask:
    """Where an exact number is neither 0 nor ±2^k: its significand has more than one bit."""
    # 0, ±2^k and infinities have no bit there. Subnormal powers of two have one, and count as
    # rough, which is safe.
    some = (mid.view(np.int64) & _SIGNIFICAND).astype(bool)
    if np.count_nonzero(some) == some.size:
        return None
    return some.astype(np.float64)


def both(one: Mask, other: Mask) -> Mask:
    """Where both hold."""
    if one is None or other is None:
        return other if one is None else one
    return one * other


def either(one: Mask, other: Mask) -> Mask:
    """Where one of them holds."""
    if one is None or other is None:
        return None
    return np.maximum(one, other)


def everywhere(mask: Mask, shape: tuple[int, ...]) -> Floats:
    """The mask as an array of that shape."""
    if mask is None:
        return np.ones(shape)
    return mask if mask.shape == shape else np.broadcast_to(mask, shape)


def joined(masks: Sequence[Mask], shapes: Sequence[tuple[int, ...]]) -> Mask:
    """The masks of arrays of those shapes as that of their rows together."""
    if all(mask is None for mask in masks):
        return None
    return np.concatenate(
        [everywhere(mask, shape) for mask, shape in zip(masks, shapes, strict=True)]
    )
