"""Limits of the step at extreme gates, with explicit bounds that hold for all weights, states and
inputs (theory.md 3, 4).

Every bound is an upper bound for each row i (unit) and member b of the batch, computed in float64
from the largest magnitudes in the enclosures; row sums stand where theory.md has the infinity norm.
`keep` and `take` are what h' and c are multiplied with (z and 1-z, or the other way round).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Ball
from gruverify.cell import Cell, Variant
from gruverify.formulas._step import Activations

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Magnitudes:
    """Upper bounds of what a step is made of: (B, H) each, and the row sums of the recurrent
    weights, (H,) each.
    """

    variant: Variant
    h: Floats
    q: Floats
    r: Floats
    not_r: Floats
    z: Floats
    not_z: Floats
    keep: Floats
    take: Floats
    W_hc: Floats
    row_z: Floats
    row_r: Floats
    row_c: Floats


def magnitudes(cell: Cell, a: Activations) -> Magnitudes:
    """The magnitudes of a step whose activations `a` are balls."""
    v = cell.variant
    # Packed in the order r, z, n.
    W_hr, W_hz, W_hc = np.split(np.abs(cell.weight_hh.astype(np.float64)), 3)
    # Both from the ball: 1 minus an upper bound of z would be a lower bound.
    z, not_z = _up(a.z), _up(1 - a.z)
    if v.update == "keep":
        keep, take = z, not_z
    else:
        keep, take = not_z, z
    rows = (W.sum(1) for W in (W_hz, W_hr, W_hc))
    return Magnitudes(
        v, _up(a.h), _up(a.q), _up(a.r), _up(1 - a.r), z, not_z, keep, take, W_hc, *rows
    )


def _up(ball: Any) -> Floats:
    assert isinstance(ball, Ball)
    return ball.magnitude


def carry_gap(m: Magnitudes) -> Floats:
    """(3.1), (3.10): Σ_j |J_ij - δ_ij| ≤ take_i C_i. Zero at z = 1: then row i of J is e_i. (B,
    H).
    """
    return m.take * (1 + carry_rate(m))


def carry_rate(m: Magnitudes) -> Floats:
    """C_i - 1: Σ_j |J_ij - keep_i δ_ij| ≤ take_i (C_i - 1), whatever r is. (B, H)."""
    after = m.variant.reset == "after"
    if after:
        # r ≤ 1 and r(1-r) ≤ ¼: whatever the reset gate is.
        through = m.row_c + m.q * m.row_r / 4
    else:
        through = (1 + m.h * m.row_r / 4) @ m.W_hc.T
    return (1 + m.h) * m.row_z + through


def forget_gap(m: Magnitudes) -> Floats:
    """(3.2): Σ_j |J_ij| ≤ keep_i (1 + (1+|h'_i|) N_z) + what the reset gate lets through. (B,
    H).
    """
    return m.keep * (1 + (1 + m.h) * m.row_z) + _let_through(m, m.r)


def elman_gap(m: Magnitudes) -> Floats:
    """(3.3): Σ_j |J_ij - (1-c_i²) W_hc,ij| ≤ keep_i (1 + (1+|h'_i|) N_z + N_c) + what r < 1 holds
    back. (B, H).
    """
    return m.keep * (1 + (1 + m.h) * m.row_z + m.row_c) + _let_through(m, m.not_r)


def _let_through(m: Magnitudes, gate: Floats) -> Floats:
    """gate∘(N_c + |q| N_r) after the product, |W_hc| gate∘(1 + |h'| N_r) before it; gate is r or
    1-r.
    """
    if m.variant.reset == "after":
        return gate * (m.row_c + m.q * m.row_r)
    return (gate * (1 + m.h * m.row_r)) @ m.W_hc.T


def carry_growth(steps: list[Magnitudes]) -> Floats:
    """(3.6): ‖J_K … J_1 - I‖ ≤ Π (1 + ε_t C_t) - 1, the infinity norm, for each member of the
    batch. (B,).
    """
    # In logarithms, for gaps may be 10^-16, next to which 1 + gap is 1.
    return np.asarray(np.expm1(np.sum([np.log1p(carry_gap(m).max(1)) for m in steps], axis=0)))
