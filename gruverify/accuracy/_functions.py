"""σ and tanh as the steps of a GRU show them: at every number of a 16-bit format, densely over a
wide one. What is true is float64's to a narrower format, and Arb's to float64 itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.accuracy._truth import distances
from gruverify.arithmetic import Array, Format, NDArray, float64, sigmoid, spacing, tanh
from gruverify.backends import Backend
from gruverify.engine import Probe, points_of

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shown:
    """A function as a GRU shows it: pre-activations (N,) in ascending order, what came out, what is
    true, rounded to float64, and how far off each value is in units in the last place (ulp) of
    that: infinite where it is not a number.
    """

    function: str
    format: Format
    points: Floats
    values: Floats
    exact: Floats
    errors: Floats

    @cached_property
    def _normal(self) -> npt.NDArray[np.bool_]:
        """Where the exact value is a normal number: what becomes of smaller ones, `last_zero` says,
        and an ulp of theirs says little.
        """
        return np.asarray(np.abs(self.exact) >= self.format.min_normal)

    @property
    def worst(self) -> tuple[float, float]:
        """The largest error of a normal number, and the pre-activation that it is at."""
        # -1 is below every error, so the place is one of a normal number.
        place = int(np.where(self._normal, self.errors, -1.0).argmax())
        return float(self.errors[place]), float(self.points[place])

    def percentile(self, percent: float) -> float:
        """The error that that many percent of the normal numbers do not exceed."""
        return float(np.percentile(self.errors[self._normal], percent, method="higher"))

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value that is a number; NaN if none is."""
        numbers = self.values[~np.isnan(self.values)]
        if not numbers.size:
            return np.nan, np.nan
        return float(numbers.min()), float(numbers.max())

    @property
    def leaves_range(self) -> bool:
        """Whether a value lies outside of that of the function, [0, 1] or [-1, 1]."""
        least, most = self.range
        return least < (0.0 if self.function == "σ" else -1.0) or most > 1.0

    @property
    def first_one(self) -> float | None:
        """From which pre-activation on every value is 1; None if none is."""
        # "From there on" needs the last value that is not 1: some functions fall back below it.
        below = np.flatnonzero(self.values != 1)
        if below.size and below[-1] == len(self.values) - 1:
            return None
        return float(self.points[below[-1] + 1 if below.size else 0])

    @property
    def last_zero(self) -> float | None:
        """Up to which pre-activation below 0 a value is 0; None if none is."""
        zeros = self.points[(self.values == 0) & (self.points < 0)]
        return float(zeros.max()) if zeros.size else None

    @property
    def falls(self) -> int:
        """How often a value is smaller than that of the pre-activation before: the functions
        rise.
        """
        return int(np.count_nonzero(np.diff(self.values) < 0))


def shown_functions(backend: Backend, fmt: Format) -> Iterator[Shown]:
    """σ by the update gate, unless the backend starts from zeros alone, and tanh by the candidate.

    Raises:
        ImportError: python-flint is not installed, which float64 is measured with.
        ValueError: its cells have one input alone, or an answer has another shape than states.
        Exception: whatever the backend raises.
    """
    probe = Probe(backend, fmt)
    if probe.shown < 1:
        raise ValueError("a cell of one input cannot shut one gate and show the other")
    if probe.shows_sigma:
        # A little beyond both ends: that it is 0 and 1 there is part of what is shown.
        points = _ascending(fmt, 1.05 * fmt.sigmoid_underflows, 1.5 * fmt.sigmoid_rounds_to_one)
        yield _shown("σ", fmt, points, probe.sigma_at(points), sigmoid)
    most = 1.5 * fmt.tanh_saturates
    points = _ascending(fmt, -most, most)
    yield _shown("tanh", fmt, points, probe.tanh_at(points), tanh)


def _ascending(fmt: Format, low: float, high: float) -> NDArray:
    return np.unique(points_of(fmt, low, high, fmt.precision))


def _shown(
    function: str,
    fmt: Format,
    points: NDArray,
    values: NDArray,
    truth: Callable[[Array], Array],
) -> Shown:
    at, found = points.astype(np.float64), values.astype(np.float64)
    if fmt != float64:
        exact = truth(at)
        off = np.abs(found - exact) / spacing(exact, fmt)
        return Shown(function, fmt, at, found, exact, np.where(np.isnan(off), np.inf, off))
    from gruverify.arithmetic.arb import arb_array

    # At a point σ and tanh lose none but the last few of Arb's 128 bits: these suffice.
    true = truth(arb_array(at))
    exact = true.mid
    errors, _ = distances(found, true, spacing(exact, fmt))
    return Shown(function, fmt, at, found, exact, errors)
