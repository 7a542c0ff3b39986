"""What the entries of ∂h/∂h' can be at most, for all states in [-1, 1] and all inputs within a
bound.

Each gate of each unit has its own interval, around its own bias: theory.md (6.1) has one for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.cell import Cell, Parameters

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JacobianBound:
    """|∂h_i/∂h'_j| ≤ δ_ij k_i + (1 - k_i) taken_ij + moved_ij, where k_i, what is kept of unit i,
    is somewhere between `least` and `most`, (H,).

    taken: through the candidate, (H, H); moved: through the update gate, (H, H).
    """

    least: Floats
    most: Floats
    taken: Floats
    moved: Floats

    def times(self, weights: Floats) -> Floats:
        """The most that the bound makes of weights (H,), unit by unit: it is linear in k_i, so that
        one of its ends is the worst.
        """
        through = self.taken @ weights
        ends = [k * weights + (1 - k) * through for k in (self.least, self.most)]
        return np.maximum(*ends) + self.moved @ weights


@dataclass(frozen=True)
class _Range:
    """Numbers between two ends, each (H,)."""

    low: Floats
    high: Floats

    @classmethod
    def around(cls, middle: Floats, reach: Floats) -> _Range:
        return cls(middle - reach, middle + reach)

    def times(self, other: _Range) -> _Range:
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return _Range(np.min(ends, axis=0), np.max(ends, axis=0))

    @property
    def size(self) -> Floats:
        """The largest magnitude."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def nearest_to_zero(self) -> Floats:
        """The smallest magnitude."""
        return np.maximum(np.maximum(self.low, -self.high), 0.0)


def jacobian_bound(cell: Cell, largest_input: float = 1.0) -> JacobianBound:
    """The bound for |x| ≤ largest_input. Source: (2.2) of docs/theory.md, entry by entry."""
    p = cell.parameters(lambda array: array.astype(np.float64))
    z = _gate(p.W_xz, p.W_hz, p.b_xz + p.b_hz, largest_input)
    r = _gate(p.W_xr, p.W_hr, p.b_xr + p.b_hr, largest_input)
    candidate, inner = (_after if cell.variant.reset == "after" else _before)(p, r, largest_input)
    slope = 1 - np.tanh(candidate.nearest_to_zero) ** 2
    apart = 1 + np.tanh(candidate.size)  # of a state and a candidate
    moved = (_slope_of(z) * apart)[:, None] * np.abs(p.W_hz)
    least, most = z.low, z.high
    if cell.variant.update == "replace":
        least, most = 1 - z.high, 1 - z.low
    return JacobianBound(least, most, slope[:, None] * inner, moved)


def _after(p: Parameters, r: _Range, largest_input: float) -> tuple[_Range, Floats]:
    """The pre-activation of the candidate, and what of its derivative stands behind 1 - c²."""
    q = _Range.around(p.b_hc, _rows(p.W_hc))
    driven = _Range.around(p.b_xc, largest_input * _rows(p.W_xc))
    reset = r.times(q)
    inner = r.high[:, None] * np.abs(p.W_hc)
    inner = inner + (q.size * _slope_of(r))[:, None] * np.abs(p.W_hr)
    return _Range(driven.low + reset.low, driven.high + reset.high), inner


def _before(p: Parameters, r: _Range, largest_input: float) -> tuple[_Range, Floats]:
    recurrent = np.abs(p.W_hc) @ r.high
    candidate = _Range.around(p.b_xc + p.b_hc, largest_input * _rows(p.W_xc) + recurrent)
    reset = np.diag(r.high) + _slope_of(r)[:, None] * np.abs(p.W_hr)
    return candidate, np.abs(p.W_hc) @ reset


def _gate(W_x: Floats, W_h: Floats, bias: Floats, largest_input: float) -> _Range:
    """Where a gate is: (H,) at either end."""
    a = _Range.around(bias, largest_input * _rows(W_x) + _rows(W_h))
    return _Range(_sigmoid(a.low), _sigmoid(a.high))


def _slope_of(gate: _Range) -> Floats:
    """The largest σ' = g(1 - g): 1/4 where the gate may be half open."""
    ends = np.maximum(gate.low * (1 - gate.low), gate.high * (1 - gate.high))
    return np.where((gate.low <= 0.5) & (gate.high >= 0.5), 0.25, ends)


def _rows(W: Floats) -> Floats:
    """The sum of the magnitudes in each row."""
    return np.asarray(np.abs(W).sum(1))


def _sigmoid(a: Floats) -> Floats:
    e = np.exp(-np.abs(a))
    return np.asarray(np.where(a < 0, e, 1) / (1 + e))
