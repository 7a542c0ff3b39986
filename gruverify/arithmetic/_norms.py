"""Norms of matrices of balls."""

from __future__ import annotations

import numpy as np

from gruverify.arithmetic._arrays import NDArray
from gruverify.arithmetic._ball import Ball
from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._formats import float64


def spectral_norms(matrices: Ball) -> Floats:
    """Upper bounds (B,) of the largest singular value of any matrix in each of B balls (B, n,
    n).
    """
    J = matrices.mid
    n = J.shape[-1]
    # eigvalsh may not come to an end over infinities.
    if not np.isfinite(J).all():
        # No norm is finite then, and LAPACK need not converge over infinities.
        return np.full(len(J), np.inf)
    J, exponents = _scaled(J)
    largest = np.linalg.eigvalsh(J.swapaxes(-1, -2) @ J)[..., -1]
    # The product errs by n u |J|'|J|, of which the norm is at most n²u ‖J‖², and so do the
    # eigenvalues of it.
    outward = 1 + 8 * n * n * float64.unit_roundoff
    # The Frobenius norm of the radii bounds the spectral norm of any matrix within them.
    radii, beside = _scaled(matrices.radius)
    around = np.sqrt((radii**2).sum((-1, -2)))
    with np.errstate(over="ignore"):
        norms = np.ldexp(np.sqrt(np.maximum(largest, 0.0)), exponents) + np.ldexp(around, beside)
        # Taken back, each of the two may have been rounded down among subnormal numbers.
        return np.asarray(norms * outward + 2 * float64.min_subnormal)


def _scaled(matrices: Floats) -> tuple[Floats, NDArray]:
    """Matrices (B, n, m) times powers of two, so that their largest entries are near 1, and the
    exponents (B,) that take it back: squares of what is beyond 10^±154 would leave float64.
    """
    _, exponents = np.frexp(np.abs(matrices).max((-1, -2), initial=0.0))
    return np.ldexp(matrices, -exponents[..., None, None]), exponents
