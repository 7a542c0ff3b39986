"""The order in which a direction meets the steps of each member."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import NDArray


def own_order(lengths: npt.NDArray[np.intp], steps: int, direction: int) -> NDArray:
    """Which row (T, B) each member's direction takes as its first, second and so on; backward
    begins at its last.

    Taken twice it is the order of time again.
    """
    k = np.broadcast_to(np.arange(steps)[:, None], (steps, len(lengths)))
    if direction:
        # Padding stays where it is, so that the order is its own inverse.
        return np.where(k < lengths, lengths - 1 - k, k)
    return k


def reordered(array: NDArray, index: NDArray) -> NDArray:
    """The rows (T, B, n) where `index` (T, B) says."""
    return np.take_along_axis(array, index[..., None], 0)
