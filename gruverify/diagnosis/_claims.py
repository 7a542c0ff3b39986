"""The question's two claims, put to the numbers.

"Long memory is in active update gates, short memory in active reset gates with little z": of units,
if it is the units with the longer memory whose gates are open more; of steps, if it is a unit's own
better remembered stretches in which its gate is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.diagnosis._memory import Memory, lengths_of
from gruverify.diagnosis._paths import ByLag
from gruverify.diagnosis._row import Row
from gruverify.diagnosis._windows import Windows

Floats: TypeAlias = npt.NDArray[np.float64]

#: From this rank correlation on a claim holds; where chance does as well once in that many
#: shuffles, it does not.
_STRONG, _SHUFFLES, _CHANCE = 0.5, 999, 0.01


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation, over how many pairs, and the share of shuffles that come as far
    from 0. NaN where one side does not vary.
    """

    rho: float
    count: int
    chance: float

    @property
    def holds(self) -> bool:
        """Whether it is strong, and no chance."""
        return self.rho >= _STRONG and self.chance <= _CHANCE


@dataclass(frozen=True)
class Claim:
    """A claim, and how far it is true of units and of steps: correlations that are positive where
    it is.
    """

    statement: str
    units: Correlation
    steps: Correlation


def claims_of(row: Row, windows: Windows, found: ByLag, memory: Memory) -> tuple[Claim, Claim]:
    """Both claims, about the memory of each unit in each window, and its gates in the window's last
    steps: as many as the row remembers.
    """
    lengths, _ = lengths_of(found.lags, found.units)
    keep, elman = _gates(row, windows, max(1, round(memory.length.steps)))
    return (
        _claim("long memory is in active update gates", lengths, keep),
        _claim("short memory is in active reset gates with little z", -lengths, elman),
    )


def _gates(row: Row, windows: Windows, steps: int) -> tuple[Floats, Floats]:
    """What is kept, and what an open reset gate lets into a candidate that is taken: the means over
    the last steps of each window, (S, H).
    """
    keep, elman = list[Floats](), list[Floats]()
    for end, member in zip(windows.ends, windows.members, strict=True):
        last = slice(max(0, end - steps), end)
        kept = row.keep[last, member]
        keep.append(kept.mean(0))
        elman.append((row.r[last, member] * (1 - kept)).mean(0))
    return np.stack(keep), np.stack(elman)


def _claim(statement: str, memory: Floats, gate: Floats) -> Claim:
    """memory, gate: (S, H)."""
    # A fixed seed: whether a claim holds must not change from one look to the next.
    rng = np.random.default_rng(0)
    of_units = _correlation(memory.mean(0)[None], gate.mean(0)[None], rng)
    # Means of units taken out, and shuffled within each unit: only what moves in time is left.
    of_steps = _correlation((memory - memory.mean(0)).T, (gate - gate.mean(0)).T, rng)
    return Claim(statement, of_units, of_steps)


def _correlation(a: Floats, b: Floats, rng: np.random.Generator) -> Correlation:
    """Of all pairs of (n, m); shuffled within each of the n rows."""
    ranks, others = _ranks(a.ravel()).reshape(a.shape), _ranks(b.ravel()).reshape(b.shape)
    rho = _pearson(ranks, others)
    if math.isnan(rho):
        return Correlation(rho, a.size, math.nan)
    shuffled = [_pearson(rng.permuted(ranks, axis=1), others) for _ in range(_SHUFFLES)]
    as_far = sum(abs(each) >= abs(rho) for each in shuffled)
    # The observed order counts as one of the shuffles, so that chance is never 0.
    return Correlation(rho, a.size, (as_far + 1) / (_SHUFFLES + 1))


def _ranks(values: Floats) -> Floats:
    """The rank of each value; equal ones share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts)
    return np.asarray((upto - (counts - 1) / 2)[place])


def _pearson(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    sizes = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    if not sizes:
        return math.nan
    return float((a * b).sum()) / sizes
