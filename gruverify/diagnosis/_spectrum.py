"""The eigenvalues of J where windows end: each that is near 1 is a slow mode (3.10)."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

#: Multiplications that the eigenvalues of all matrices may take, H³ each.
_WORK = 2**25


def spectrum_of(jacobians: Floats) -> npt.NDArray[Any]:
    """The eigenvalues (n, H) of as many of the matrices (S, H, H) as are quickly done, the largest
    first.
    """
    count = max(1, _WORK // jacobians.shape[-1] ** 3)
    found = np.linalg.eigvals(jacobians[:count])
    return np.take_along_axis(found, np.argsort(-np.abs(found), axis=-1), -1)
