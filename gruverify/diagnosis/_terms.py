"""The terms of the gradient by the step that they come from: dL_T/dU_z = Σ_k dL_T/dh_T (J_T …
J_{k+1}) ∂⁺h_k/∂U_z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.diagnosis._row import Row
from gruverify.formulas import contributions

Floats: TypeAlias = npt.NDArray[np.float64]

#: How much of the terms is to be kept where back-propagation is truncated.
_NEARLY_ALL = 0.99


@dataclass(frozen=True, eq=False)
class Terms:
    """Of a loss that is linear in h_T, in a random direction of ±1: the size of the term of
    dL_T/dU_z that comes from step T-k, by lag k from 0 to T-1, (T,): the lower median over the
    members of its Frobenius norm.

    within: how many steps have 99 % of the sum of these sizes; 0 if that is 0 or not finite.
    """

    sizes: Floats
    within: int


def terms_of(row: Row) -> Terms:
    """The terms of a row, for a loss on its last state."""
    (_, B, H), found = row.sizes, list[Floats]()
    g = direction_of_loss(B, H)
    with np.errstate(over="ignore", invalid="ignore"):  # a cotangent may grow beyond all bounds
        for term in contributions(row.run, None, g):
            # The term of one member is the outer product of α_z and x: its norm is that of both.
            found.append(_norms(term.gates.z) * _norms(term.step.x))
        sizes = np.sort(np.stack(found), axis=1)[:, (B - 1) // 2]
        total = float(sizes.sum())
    if not 0 < total < np.inf:
        return Terms(sizes, 0)
    return Terms(sizes, int((np.cumsum(sizes) < _NEARLY_ALL * total).sum()) + 1)


def _norms(rows: Floats) -> Floats:
    """The Euclidean norm of each row, which a square may not overflow."""
    return np.asarray(np.hypot.reduce(rows, axis=1))


def direction_of_loss(B: int, H: int) -> Floats:
    """The cotangent of h_T, (B, H): ±1 / √H, drawn once for all."""
    return np.asarray(np.random.default_rng(0).choice([-1.0, 1.0], (B, H)) / np.sqrt(H))
