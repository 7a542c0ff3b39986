"""How far something is from what it should be, and how far it may be."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Ball

Floats: TypeAlias = npt.NDArray[np.float64]
NDArray: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Entries:
    """All entries of one comparison: error / bound of each, an axis for each of the `letters`."""

    letters: str
    margins: Floats


@dataclass(frozen=True)
class Residual:
    """The worst entry of one comparison: what it is, what it should be, the error, the bound, and their quotient.

    `where` names the entry, e.g. "dW_hz[i=0, j=1]". `expected` is the exact value, or the limit of an inequality.
    `entries` are those that it is the worst of, if they have axes. `compared` is how many entries were compared, and
    `claimed` how many of the bounds claim something: those below the value itself, or below 1/16 of the quantity's
    range. A comparison of which fewer than half claim something claims nothing.
    """

    where: str
    actual: float
    expected: float
    error: float
    bound: float
    margin: float
    relation: str = "="
    entries: Entries | None = field(default=None, compare=False, repr=False)
    compared: int = field(default=1, compare=False)
    claimed: int = field(default=1, compare=False)

    @property
    def claims(self) -> bool:
        """Whether the comparison claims something."""
        return 2 * self.claimed >= self.compared > 0


def compare(what: str, letters: str, actual: NDArray, expected: Ball, slack: Floats | float = 0.0) -> Residual:
    """|actual - mid| ≤ rad + slack, entry by entry; `letters` name the axes."""
    values = actual.astype(np.float64)
    return worst(what, letters, values, expected.mid, np.abs(values - expected.mid), expected.radius + slack)


def apart(what: str, letters: str, one: NDArray, other: NDArray, bound: Floats) -> Residual:
    """|one - other| ≤ bound, entry by entry, for two answers of which each is within its radius of the truth."""
    a, e = one.astype(np.float64), other.astype(np.float64)
    return worst(what, letters, a, e, np.abs(a - e), bound)


def at_most(what: str, letters: str, actual: NDArray, limit: Floats, slack: Floats | float = 0.0) -> Residual:
    """Actual ≤ limit + slack, entry by entry, for a quantity that is not negative; slack is what rounding allows."""
    values = np.asarray(actual, np.float64)
    return worst(what, letters, values, limit, values, np.broadcast_to(limit + slack, values.shape), "≤")


def equal(what: str, letters: str, actual: NDArray, expected: NDArray, slack: Floats | float = 0.0) -> Residual:
    """Exact equality, entry by entry, but for a slack that a backend declares; what overflowed twice is equal too."""
    values, others = actual.astype(np.float64), expected.astype(np.float64)
    alike = (values == others) | (np.isnan(values) & np.isnan(others))
    with np.errstate(invalid="ignore"):
        error = np.where(alike, 0.0, np.abs(values - others))
    return worst(what, letters, values, others, error, np.broadcast_to(np.asarray(slack), values.shape))


def worst(
    what: str, letters: str, actual: Floats, expected: npt.ArrayLike, error: Floats, bound: Floats, relation: str = "="
) -> Residual:
    """The entry with the largest error / bound. An error that is not a number is infinite; where the bound is infinite
    nothing is claimed.
    """
    if not actual.size:
        return Residual(what, 0.0, 0.0, 0.0, 0.0, 0.0, relation)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        margins = np.divide(error, bound, out=np.zeros(error.shape), where=error != 0)
    if not np.isfinite(margins.max()):
        error, margins = _unbounded(error, bound, margins)
    flat = int(margins.argmax())
    at = np.unravel_index(flat, margins.shape)
    return Residual(
        f"{what}[{_index(letters, at)}]" if letters else what,
        float(actual[at]),
        float(np.broadcast_to(np.asarray(expected, np.float64), actual.shape)[at]),
        float(error[at]) if np.isfinite(bound[at]) else 0.0,
        float(bound[at]),
        float(margins[at]),
        relation,
        Entries(letters, margins) if letters else None,
    )


def _unbounded(error: Floats, bound: Floats, margins: Floats) -> tuple[Floats, Floats]:
    """Errors and margins where either is not a number, or nothing is claimed."""
    lost = np.isnan(error)
    margins = np.where(lost | ((error > 0) & (bound == 0)), np.inf, margins)
    return np.where(lost, np.inf, error), np.where(np.isfinite(bound), margins, 0.0)


def violated(what: str, actual: float = math.nan, expected: float = math.nan) -> Residual:
    """A statement without a number that does not hold."""
    return Residual(what, actual, expected, math.inf, 0.0, math.inf)


def holds(what: str) -> Residual:
    """A statement without a number that holds."""
    return Residual(what, 0.0, 0.0, 0.0, 0.0, 0.0)


def _index(letters: str, at: tuple[Any, ...]) -> str:
    return ", ".join(f"{letter}={int(i)}" for letter, i in zip(letters, at, strict=True))


def present(what: str, actual: NDArray, expected: Ball) -> Residual:
    """Not 0 wherever the enclosure excludes 0."""
    lost = (actual == 0) & (expected.mignitude > 0)
    return violated(f"{what} is 0 where it cannot be") if lost.any() else holds(f"{what} ≠ 0")
