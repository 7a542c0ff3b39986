"""A certificate that a cell forgets where it started (theory.md 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gruverify.arithmetic import OUTWARD, NDArray, float64
from gruverify.cell._cell import Cell


def contraction_rate(cell: Cell, largest_input: float = 1.0) -> float:
    """λ such that |h(a) - h(b)| ≤ λ|a - b| after every step, for all states a, b in [-1, 1] and |x|
    ≤ largest_input.

    It holds in the norm of the largest entry, and certifies a contraction if it is below 1;
    infinite where (6.1) gives none. Source: (6.1), (6.2).
    """
    return _rate(cell, _norms(cell, largest_input))


def contracted(cell: Cell, largest_input: float = 1.0, below: float = 1.0) -> Cell:
    """The cell with its parameters halved until λ is certified to be below a number above ½, which
    it is with all parameters 0.

    All of them, because a saturated update gate allows no certificate.
    """
    norms, scale = _norms(cell, largest_input), 1.0
    while not _rate(cell, norms.times(scale)) < below:
        scale /= 2
    if scale == 1.0:
        return cell
    packed = {name: array * array.dtype.type(scale) for name, array in cell.packed().items()}
    # Once more: what became subnormal has been rounded.
    return contracted(replace(cell, **packed), largest_input, below)


@dataclass(frozen=True)
class _Norms:
    """What λ is made of: the largest row sum of magnitudes of each recurrent block, the largest
    entry of b_hc, and the largest magnitudes of pre-activations, of the candidate's without its
    recurrent part, too. All of them grow as the parameters do.
    """

    N_r: float
    N_z: float
    N_c: float
    beta: float
    reset: float
    update: float
    candidate: float
    candidate_of_input: float

    def times(self, scale: float) -> _Norms:
        """Those of the parameters times `scale`."""
        return _Norms(*(scale * norm for norm in vars(self).values()))


def _norms(cell: Cell, largest_input: float) -> _Norms:
    p = cell.parameters(lambda array: array.astype(np.float64))
    return _Norms(
        N_r=_norm(p.W_hr),
        N_z=_norm(p.W_hz),
        N_c=_norm(p.W_hc),
        beta=float(np.max(np.abs(p.b_hc), initial=0.0)),
        reset=_reach(p.W_xr, p.W_hr, p.b_xr + p.b_hr, largest_input),
        update=_reach(p.W_xz, p.W_hz, p.b_xz + p.b_hz, largest_input),
        candidate=_reach(p.W_xc, p.W_hc, p.b_xc + p.b_hc, largest_input),
        candidate_of_input=_reach(p.W_xc, 0.0, p.b_xc, largest_input),
    )


def _rate(cell: Cell, n: _Norms) -> float:
    reset, update = _sigmoid(n.reset), _sigmoid(n.update)
    if cell.variant.reset == "after":
        # RA: the reset gate multiplies b_hc as well, so its slope meets |W_hc h' + b_hc| ≤ N_c + β.
        L_c = n.N_c * (reset + n.N_r / 4) + n.beta * n.N_r / 4
        inner = n.candidate_of_input + reset * (n.N_c + n.beta)
    else:
        L_c = n.N_c * (reset + n.N_r / 4)
        inner = n.candidate
    gate = (1 + np.tanh(inner)) * n.N_z / 4
    # The certificate of (6.2). Where σ̄_z rounds to 1 a unit may keep its state for ever.
    if update == 1.0 or L_c >= 1 - gate / (1 - update):
        return float("inf")
    # Linear in z, so largest at an end of [1-σ̄_z, σ̄_z]; which end, depends on whether L_c is
    # below 1.
    rate = float(max(z + (1 - z) * L_c for z in (update, 1 - update)) + gate)
    # It is a bound, so it is rounded up: by what sums of H + I + 1 terms may lose, and by OUTWARD
    # for the rest.
    terms = cell.hidden_size + cell.input_size + 1
    return rate * OUTWARD * (1 + 2 * terms * float64.unit_roundoff)


def _norm(W: NDArray) -> float:
    """The largest row sum of magnitudes."""
    return float(np.abs(W).sum(1).max(initial=0.0))


def _reach(W_x: NDArray, W_h: NDArray | float, b: NDArray | float, largest_input: float) -> float:
    """The largest magnitude of a pre-activation."""
    if isinstance(W_h, np.ndarray):
        recurrent = np.abs(W_h).sum(1)
    else:
        recurrent = 0.0
    return float((largest_input * np.abs(W_x).sum(1) + recurrent + np.abs(b)).max(initial=0.0))


def _sigmoid(a: float) -> float:
    return float(1 / (1 + np.exp(-a)))
