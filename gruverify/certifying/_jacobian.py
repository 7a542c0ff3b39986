"""What the entries of ∂h/∂h' and the rows of ∂h/∂x can be at most, for all states in [-1, 1] and
all inputs within a bound.

Each gate of each unit has its own interval, around its own bias: theory.md (6.1) has one for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gruverify.cell import Cell, Parameters, Variant
from gruverify.certifying._ranges import Box, Floats, Range, gate_range, slope_of


@dataclass(frozen=True, eq=False)
class JacobianBound:
    """|∂h_i/∂h'_j| ≤ δ_ij k_i + (1 - k_i) taken_ij + moved_ij, where k_i, what is kept of unit i,
    is somewhere between `least` and `most`, (H,).

    taken: through the candidate, (H, H); moved: through the update gate, (H, H). driven: the most
    that Σ_j |∂h_i/∂x_j| can be, (H,).
    """

    least: Floats
    most: Floats
    taken: Floats
    moved: Floats
    driven: Floats

    def times(self, weights: Floats) -> Floats:
        """The most that the bound makes of weights (H,), unit by unit: it is linear in k_i, so that
        one of its ends is the worst.
        """
        through = self.taken @ weights
        ends = [k * weights + (1 - k) * through for k in (self.least, self.most)]
        return np.maximum(*ends) + self.moved @ weights


def jacobian_bound(cell: Cell, largest_input: float = 1.0) -> JacobianBound:
    """The bound for |x| ≤ largest_input. Source: (2.2) of docs/theory.md, entry by entry."""
    p, box = cell.parameters(lambda array: array.astype(np.float64)), Box(largest_input)
    z = gate_range(p.W_xz, p.W_hz, p.b_xz + p.b_hz, box)
    r = gate_range(p.W_xr, p.W_hr, p.b_xr + p.b_hr, box)
    candidate = candidate_range(cell.variant, p, r, box)
    reset = _reset_after(p, r, box) if cell.variant.reset == "after" else _reset_before(p, r)
    slope = 1 - np.tanh(candidate.nearest_to_zero) ** 2
    apart = 1 + np.tanh(candidate.size)  # of a state and a candidate
    # S_z D(h'-c) of (2.2), each factor at its largest, whatever its sign.
    by_z = slope_of(z) * apart
    least, most = z.low, z.high
    if cell.variant.update == "replace":
        least, most = 1 - z.high, 1 - z.low
    # The braces of (2.2): D(r) W_hc, and what the state does through the reset gate.
    taken = slope[:, None] * (reset.of_state + reset.of_gate @ np.abs(p.W_hr))
    driven = slope * (_rows(p.W_xc) + reset.of_gate @ _rows(p.W_xr))
    # (2.3), row by row; the candidate's share is largest where least is kept.
    driven = (1 - least) * driven + by_z * _rows(p.W_xz)
    return JacobianBound(least, most, taken, by_z[:, None] * np.abs(p.W_hz), driven)


@dataclass(frozen=True, eq=False)
class _Reset:
    """What the candidate's pre-activation can depend on the state by, the reset gate at rest, and
    on the reset gate's own pre-activation, entry by entry: (H, H) each.
    """

    of_state: Floats
    of_gate: Floats


def candidate_range(variant: Variant, p: Parameters, r: Range, box: Box) -> Range:
    """Where the candidate's pre-activation is, the reset gate being within r."""
    driven = box.driven(p.W_xc)
    if variant.reset == "before":
        return Range.around(p.b_xc + p.b_hc, driven + box.recurrent(p.W_hc, r.high))
    reset, outside = r.times(_product(p, box)), Range.around(p.b_xc, driven)
    return Range(outside.low + reset.low, outside.high + reset.high)


def _reset_after(p: Parameters, r: Range, box: Box) -> _Reset:
    """With the reset gate after the product, W_hc h + b_hc."""
    return _Reset(r.high[:, None] * np.abs(p.W_hc), np.diag(_product(p, box).size * slope_of(r)))


def _reset_before(p: Parameters, r: Range) -> _Reset:
    """With the reset gate before the product, where it multiplies states of at most 1."""
    return _Reset(np.abs(p.W_hc) * r.high, np.abs(p.W_hc) * slope_of(r))


def _product(p: Parameters, box: Box) -> Range:
    """Where q = W_hc h + b_hc is."""
    return Range.around(p.b_hc, box.recurrent(p.W_hc))


def _rows(W: Floats) -> Floats:
    """The sum of the magnitudes in each row."""
    return np.asarray(np.abs(W).sum(1))
