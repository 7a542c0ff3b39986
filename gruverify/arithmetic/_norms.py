"""Norms of matrices of balls."""

from __future__ import annotations

import numpy as np

from gruverify.arithmetic._ball import Ball
from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._formats import float64


def spectral_norms(matrices: Ball) -> Floats:
    """Upper bounds (B,) of the largest singular value of any matrix in each of B balls (B, n,
    n).
    """
    J = matrices.mid
    n = J.shape[-1]
    if not np.isfinite(J).all():
        return np.full(len(J), np.inf)
    largest = np.linalg.eigvalsh(J.swapaxes(-1, -2) @ J)[..., -1]
    # The product errs by n u |J|'|J|, of which the norm is at most n²u ‖J‖², and so do the
    # eigenvalues of it.
    outward = 1 + 8 * n * n * float64.unit_roundoff
    around = np.sqrt((matrices.radius**2).sum((-1, -2)))
    floor = n * np.sqrt(n * float64.min_subnormal)  # what underflows of the products
    return np.asarray((np.sqrt(np.maximum(largest, 0.0)) + around + floor) * outward)
