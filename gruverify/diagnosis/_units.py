"""The gates of each unit over all steps: where they stand, how far they move, how long they
carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.diagnosis._row import Row

Floats: TypeAlias = npt.NDArray[np.float64]

#: A gate beyond these is open or shut, as the question's three cases want it.
OPEN, SHUT = 0.9, 0.1
#: A gate within this of 0 or 1 is saturated: its slope is at most 4 % of the largest.
SATURATED = 0.01


@dataclass(frozen=True, eq=False)
class Units:
    """Of each unit, (H,), over all steps and members.

    z_mean, z_spread, r_mean, r_spread: means and standard deviations. carry, forget, elman,
    between: the shares of steps in which the unit keeps its state, replaces it by a candidate that
    does not see it, or by one that does, and neither. z_saturated, r_saturated: the shares of steps
    within 0.01 of 0 or 1; z_dead, r_dead: 1 or -1 where that is so at every step on the same side,
    else 0. longest_carry: the most steps in a row that keep 0.9 or more. time_constant: -1 / mean
    ln(keep), the steps in which the direct way falls to 1/e.
    """

    z_mean: Floats
    z_spread: Floats
    r_mean: Floats
    r_spread: Floats
    carry: Floats
    forget: Floats
    elman: Floats
    between: Floats
    z_saturated: Floats
    r_saturated: Floats
    z_dead: npt.NDArray[np.int8]
    r_dead: npt.NDArray[np.int8]
    longest_carry: npt.NDArray[np.intp]
    time_constant: Floats


@dataclass(frozen=True)
class Variance:
    """Of a gate over units, steps and members: the share that lies between the units' means; the
    rest is in time and between members. NaN of a gate that does not move.
    """

    z_between: float
    r_between: float


def units_of(row: Row) -> Units:
    """The statistics of a row's units."""
    z, r, keep = row.z, row.r, row.keep
    carries, lets_go = keep > OPEN, keep < SHUT
    carry, forget = _share(carries), _share(lets_go & (r < SHUT))
    elman = _share(lets_go & (r > OPEN))
    with np.errstate(divide="ignore"):
        # The mean of logarithms, since what is kept multiplies from step to step: one exact 0 is
        # a time constant of 0.
        rate = -np.log(keep).mean((0, 1))
        time_constant = 1 / rate
    return Units(
        *(z.mean((0, 1)), z.std((0, 1)), r.mean((0, 1)), r.std((0, 1))),
        *(carry, forget, elman, np.maximum(1 - carry - forget - elman, 0.0)),
        *(_share(_saturated(z)), _share(_saturated(r)), _dead(z), _dead(r)),
        _longest(carries),
        time_constant,
    )


def variance_of(row: Row) -> Variance:
    """How the gates' variance is shared out."""
    return Variance(_between(row.z), _between(row.r))


def _between(gate: Floats) -> float:
    total = float(gate.var())
    if not total:
        return float("nan")
    return float(gate.mean((0, 1)).var()) / total


def _share(of: npt.NDArray[np.bool_]) -> Floats:
    return np.asarray(of.mean((0, 1)))


def _saturated(gate: Floats) -> npt.NDArray[np.bool_]:
    return (gate < SATURATED) | (gate > 1 - SATURATED)


def _dead(gate: Floats) -> npt.NDArray[np.int8]:
    high, low = (gate > 1 - SATURATED).all((0, 1)), (gate < SATURATED).all((0, 1))
    return np.asarray(high.astype(np.int8) - low.astype(np.int8))


def _longest(carries: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The most steps in a row, of any member."""
    now, most = np.zeros((2, *carries.shape[1:]), np.intp)
    for step in carries:
        now = np.where(step, now + 1, 0)
        most = np.maximum(most, now)
    return np.asarray(most.max(0))
