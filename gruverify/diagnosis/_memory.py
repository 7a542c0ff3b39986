"""How many steps are remembered, and by what.

The memory of a product of Jacobians is the longest lag at which its norm is still 1/e: of one unit
that keeps z of its state in each step that is its time constant, -1/ln z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.diagnosis._paths import PARTS, SUMMANDS, ByLag

Floats: TypeAlias = npt.NDArray[np.float64]
Source: TypeAlias = Literal["nothing", "growth", "carry", "elman", "gates", "together"]

#: ln 1/e.
_LEFT = -1.0


@dataclass(frozen=True, order=True)
class Length:
    """A number of steps; `at_least` where it was still there at the longest lag looked at."""

    steps: float
    at_least: bool = False


@dataclass(frozen=True, eq=False)
class Memory:
    """Of one direction of a layer: the median over the windows of what is remembered.

    length: by the whole Jacobian; parts: by each of `PARTS` if there were nothing else; units: of
    each unit, (H,), `units_at_least` where that is a lower bound; carried: of each unit by the
    direct way alone, (H,). source: the summand that alone has half of the length or more;
    "together" if none has, "growth" where differences grow, "nothing" where less than one step is
    remembered. needed: the summands without which it is less than half. carriers: the units that
    carry half of it or more by the direct way alone, the longest first. growth: the factor by which
    differences grow in a step, over the longest lag.
    """

    length: Length
    parts: dict[str, Length]
    units: Floats
    units_at_least: npt.NDArray[np.bool_]
    carried: Floats
    source: Source
    needed: tuple[str, ...]
    carriers: tuple[int, ...]
    growth: float

    @property
    def order(self) -> npt.NDArray[np.intp]:
        """The units, the longest memory first."""
        return np.lexsort((-self.carried, -self.units))


def memory_of(found: ByLag) -> Memory:
    """The memory that norms by lag come to."""
    lengths = {part: _median(found.lags, found.norms[part]) for part in PARTS}
    length = lengths["all"]
    by_unit = [_median(found.lags, found.units[..., i]) for i in range(found.units.shape[-1])]
    carried = [_median(found.lags, found.carried[..., i]) for i in range(found.units.shape[-1])]
    enough = max(length.steps / 2, 1.0)
    order = sorted(range(len(carried)), key=lambda i: -carried[i].steps)
    # The windows that reach farthest are the first.
    growth = math.exp(float(found.norms["all"][-1, 0]) / int(found.lags[-1]))
    return Memory(
        length,
        lengths,
        np.array([each.steps for each in by_unit]),
        np.array([each.at_least for each in by_unit]),
        np.array([each.steps for each in carried]),
        _source(length, lengths, found),
        tuple(name for name in SUMMANDS if lengths[f"without {name}"].steps < length.steps / 2),
        tuple(i for i in order if carried[i].steps >= enough),
        growth,
    )


def _source(length: Length, lengths: dict[str, Length], found: ByLag) -> Source:
    if length.steps < 1:
        return "nothing"
    if length.at_least and float(found.median("all")[-1]) > 1:
        return "growth"
    enough: tuple[Source, ...] = ("carry", "elman", "gates")
    for part in enough:
        if lengths[part].steps >= length.steps / 2:
            return part
    return "together"


def _median(lags: npt.NDArray[np.intp], logs: Floats) -> Length:
    """The median over the windows of logarithms (n, S); the lower one of an even number."""
    lengths, open_ended = lengths_of(lags, logs)
    # What was still there at its last lag is longer than anything that faded.
    ranked = np.sort(np.where(open_ended, np.inf, lengths))
    median = float(ranked[(len(ranked) - 1) // 2])
    if math.isfinite(median):
        return Length(median)
    return Length(float(lengths[open_ended].max()), True)


def lengths_of(lags: npt.NDArray[np.intp], logs: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The longest lag at which each window's norm is still 1/e, between two lags as if it faded
    evenly there; and whether it was so at the last lag that it has. logs: (n, ...).
    """
    # Lag 0 is the empty product, I, of norm 1.
    grid = np.concatenate([[0], lags]).astype(np.float64)
    values = np.concatenate([np.zeros((1, *logs.shape[1:])), logs])
    known = (~np.isnan(values)).sum(0) - 1
    place = np.arange(len(grid)).reshape(-1, *[1] * (logs.ndim - 1))
    # The last such lag and not the first: a norm may dip below 1/e and come back.
    last = np.where(values >= _LEFT, place, 0).max(0)
    after = np.minimum(last + 1, known)
    here, there = (np.take_along_axis(values, at[None], 0)[0] for at in (last, after))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(np.isfinite(there) & (after > last), (here - _LEFT) / (here - there), 0.0)
    return grid[last] + (grid[after] - grid[last]) * share, last == known
