"""What of a state is left after a lag, exactly, and by the Jacobian's summands: each alone, and all
but one.

    ∂h_t/∂h_{t-k} = J_t … J_{t-k+1},   J = D(keep) + Elman part + gates' own terms

A product is held as a matrix whose largest entry is 1, and the logarithm of its size: nothing
overflows or underflows, however long the lag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.diagnosis._row import Row
from gruverify.diagnosis._windows import Windows
from gruverify.formulas import Summands, summands

Floats: TypeAlias = npt.NDArray[np.float64]

#: The summands of J: the direct way D(keep), the Elman part and the gates' own terms.
SUMMANDS = ("carry", "elman", "gates")
#: What is multiplied over a lag: the whole Jacobian, each summand alone, all but one, and its
#: diagonal (what a unit hands on to itself).
PARTS = ("all", *SUMMANDS, *(f"without {name}" for name in SUMMANDS), "diagonal")


@dataclass(frozen=True, eq=False)
class ByLag:
    """Logarithms of norms by lag; NaN where a window is shorter, -inf for exactly 0.

    norms: of each of `PARTS`, the spectral norm of the product, (n, S). units: how much each unit
    depends on the state a lag before, the norms of the rows of the whole product, (n, S, H).
    carried: what the direct way alone keeps of each unit, (n, S, H). jacobians: J at the windows'
    ends, (S, H, H).
    """

    lags: npt.NDArray[np.intp]
    norms: dict[str, Floats]
    units: Floats
    carried: Floats
    jacobians: Floats

    def median(self, part: str) -> Floats:
        """The logarithm of a part's norm at each lag, (n,): the lower median of the windows that
        reach so far.
        """
        ranked = np.sort(self.norms[part], axis=1)  # NaN comes last
        middle = ((~np.isnan(ranked)).sum(1) - 1) // 2
        return np.asarray(np.take_along_axis(ranked, middle[:, None], 1)[:, 0])


class _Product:
    """The product of matrices (S, H, H) for each window, from the last step back."""

    def __init__(self, windows: int, units: int) -> None:
        self.matrices = np.broadcast_to(np.eye(units), (windows, units, units)).copy()
        self.logs = np.zeros(windows)

    def times(self, factors: Floats) -> None:
        """Multiply the first windows, those that reach so far, by one step more."""
        n = len(factors)
        # Windows are sorted, the longest first: those that go on are always the first n.
        found = self.matrices[:n] @ factors
        sizes = np.abs(found).max((1, 2))
        self.matrices = found / np.where(sizes > 0, sizes, 1)[:, None, None]
        self.logs = self.logs[:n] + _log(sizes)

    def norms(self) -> Floats:
        """Logarithms of the spectral norms, (n,)."""
        # The largest eigenvalue of MᵀM: cheaper than singular values; its error is relative to
        # the largest.
        squares = np.linalg.eigvalsh(self.matrices.swapaxes(1, 2) @ self.matrices)[:, -1]
        return _log(np.maximum(squares, 0.0)) / 2 + self.logs

    def rows(self) -> Floats:
        """Logarithms of the rows' Euclidean norms, (n, H)."""
        return _log(np.sqrt((self.matrices**2).sum(-1))) + self.logs[:, None]


def norms_by_lag(row: Row, windows: Windows) -> ByLag:
    """The products of a row's Jacobians back from the ends of the windows, at every lag that is
    looked at.
    """
    (_, _, H), S, n = row.sizes, len(windows.ends), len(windows.lags)
    norms = {part: np.full((n, S), np.nan) for part in PARTS}
    units, carried = np.full((n, S, H), np.nan), np.full((n, S, H), np.nan)
    products = {part: _Product(S, H) for part in PARTS if part not in ("carry", "diagonal")}
    kept, own, places = (
        np.zeros((S, H)),
        np.zeros((S, H)),
        dict(zip(windows.lags.tolist(), range(n), strict=True)),
    )
    first = np.empty(0)
    for lag in range(1, windows.longest + 1):
        there = int((windows.ends >= lag).sum())
        a = row.activations_at(windows.ends[:there] - lag, windows.members[:there])
        s = summands(row.cell.variant, row.run.parameters, a)
        factors = _factors(s)
        J = factors["all"]
        if lag == 1:
            first = J
        # Products of diagonal matrices are sums of logarithms: no matrix is needed for these two.
        kept = kept[:there] + _log(s.carry)
        own = own[:there] + _log(np.abs(np.einsum("sii->si", J)))
        for part, product in products.items():
            product.times(factors[part])
        if (place := places.get(lag)) is not None:
            for part, product in products.items():
                norms[part][place, :there] = product.norms()
            norms["carry"][place, :there] = kept.max(-1)
            norms["diagonal"][place, :there] = own.max(-1)
            units[place, :there], carried[place, :there] = products["all"].rows(), kept
    return ByLag(windows.lags, norms, units, carried, first)


def _factors(s: Summands) -> dict[str, Floats]:
    """J, and what is left of it without some of its summands, (S, H, H) each."""
    through = np.asarray(s.elman + s.gates)
    return {
        "all": _with_diagonal(through, s.carry),
        "elman": s.elman,
        "gates": s.gates,
        "without carry": through,
        "without elman": _with_diagonal(s.gates, s.carry),
        "without gates": _with_diagonal(s.elman, s.carry),
    }


def _with_diagonal(matrices: Floats, diagonal: Floats) -> Floats:
    found, i = matrices.copy(), np.arange(matrices.shape[-1])
    found[:, i, i] += diagonal
    return found


def _log(sizes: npt.NDArray[Any]) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(sizes))
