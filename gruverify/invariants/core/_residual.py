"""How far something is from what it should be, how far it may be, and whether that bound claims
anything.

A bound as wide as the quantity itself excludes nothing. An entry claims something if its bound is
below its own value, or below 1/16 of the quantity's range: 2 for a state, the largest value of its
array for a gradient unless more is known of it (`_ranges`). A comparison of which fewer than half
the entries claim something claims nothing, and nobody may call it passed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import SHARE, Ball, NDArray, float64
from gruverify.arithmetic import STATES as STATES

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Entries:
    """All entries of one comparison: error / bound of each, an axis for each of the `letters`."""

    letters: str
    margins: Floats


@dataclass(frozen=True)
class Residual:
    """The worst entry of one comparison: what it is, what it should be, the error, the bound, and
    their quotient.

    `where` names the entry, e.g. "dW_hz[i=0, j=1]". `expected` is the exact value, or the limit of
    an inequality. `entries` are those that it is the worst of, if they have axes. `compared` is how
    many entries were compared, and `claimed` how many of the bounds claim something. `scale` is the
    range of the quantity, 0 where it has none.
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
    scale: float = field(default=0.0, compare=False)

    @property
    def claims(self) -> bool:
        """Whether the comparison claims something: whether at least half of its entries do."""
        return 2 * self.claimed >= self.compared > 0


def compare(
    what: str,
    letters: str,
    actual: NDArray,
    expected: Ball,
    slack: Floats | float = 0.0,
    *,
    scale: float | None = None,
    about: npt.NDArray[np.bool_] | None = None,
) -> Residual:
    """|actual - mid| ≤ rad + slack, entry by entry; `letters` name the axes, `scale` is the range
    of the quantity, and `about` are the entries that the statement speaks of, all unless given.
    """
    values = np.asarray(actual, np.float64)
    error = np.abs(values - expected.mid)
    bound = expected.radius + slack
    return worst(what, letters, values, expected.mid, error, bound, scale=scale, about=about)


def agree_within(
    what: str,
    letters: str,
    one: NDArray,
    other: NDArray,
    bound: Floats,
    *,
    scale: float | None = None,
) -> Residual:
    """|one - other| ≤ bound, entry by entry, for two answers of which each is within its radius of
    the truth.
    """
    a, e = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return worst(what, letters, a, e, np.abs(a - e), bound, scale=scale)


def at_most(
    what: str,
    letters: str,
    actual: NDArray,
    limit: Floats,
    slack: Floats | float = 0.0,
    *,
    scale: float | None = None,
) -> Residual:
    """An inequality, actual ≤ limit + slack, entry by entry, for a quantity that is not negative;
    slack is what rounding allows.

    An entry claims something if rounding adds less than the limit itself, or less than 1/16 of the
    range, and if the limit is not beyond the range, where one is given.
    """
    values = np.asarray(actual, np.float64)
    bound = _spread(limit + slack, values.shape)
    return worst(what, letters, values, limit, values, bound, "≤", scale=scale)


def equal(
    what: str,
    letters: str,
    actual: NDArray,
    expected: NDArray,
    slack: Floats | float = 0.0,
    *,
    about: npt.NDArray[np.bool_] | None = None,
) -> Residual:
    """Exact equality, entry by entry, but for a slack that a backend declares; what overflowed
    twice is equal too.
    """
    values, others = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    alike = values == others
    if np.count_nonzero(alike) == alike.size:
        # The usual case, at the cost of one look.
        error = np.zeros(alike.shape)
    else:
        # A NaN is the same answer as a NaN; ∞ is equal to ∞ already.
        alike |= np.isnan(values) & np.isnan(others)
        with np.errstate(invalid="ignore"):
            error = np.where(alike, 0.0, np.abs(values - others))
    return worst(what, letters, values, others, error, _spread(slack, values.shape), about=about)


def overlooked(unknown: npt.NDArray[np.bool_]) -> Floats:
    """A slack that claims nothing of some entries, and nothing but equality of the others."""
    return np.where(unknown, np.inf, 0.0)


def vague(radius: Floats, scale: float) -> npt.NDArray[np.bool_]:
    """Where something is known too little to claim anything of a quantity with that range."""
    # Negated, so that a NaN is vague.
    return ~(radius < scale * SHARE)


def worst(
    what: str,
    letters: str,
    actual: Floats,
    expected: npt.ArrayLike,
    error: Floats,
    bound: Floats,
    relation: str = "=",
    *,
    scale: float | None = None,
    about: npt.NDArray[np.bool_] | None = None,
) -> Residual:
    """The entry with the largest error / bound. An error that is not a number is infinite; where
    the bound is infinite nothing is claimed.

    `scale` is the range of the quantity; unless given, the largest value that is expected. `about`
    are the entries that the statement speaks of, all unless given: the others are not compared.
    """
    if about is None:
        compared = actual.size
    else:
        compared = int(np.count_nonzero(about))
    if not compared:
        return Residual(what, 0.0, 0.0, 0.0, 0.0, 0.0, relation, compared=0, claimed=0)
    if about is not None:
        # What the statement does not speak of is neither wrong nor a claim.
        bound = np.where(about, bound, np.inf)
    margins, flat = np.zeros(error.shape), 0
    if np.count_nonzero(error):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # Where nothing is wrong the margin is 0, also at a bound of 0 or infinity, which would
            # make a NaN.
            np.divide(error, bound, out=margins, where=error.astype(bool))
        flat = int(margins.argmax())
        # argmax stops at the first NaN: one look tells whether any margin is not a number.
        if not math.isfinite(margins.item(flat)):
            error, margins = _unbounded(error, bound, margins)
            flat = int(margins.argmax())
    wanted, bounds = (_spread(a, actual.shape) for a in (expected, bound))
    reach = _largest(wanted) if scale is None else scale
    if relation == "=":
        claimed = _claimed(wanted, bounds, reach)
    else:
        claimed = _limited(wanted, bounds, scale)
    return Residual(
        f"{what}[{_index(letters, flat, margins.shape)}]" if letters else what,
        actual.item(flat),
        wanted.item(flat),
        error.item(flat) if math.isfinite(bounds.item(flat)) else 0.0,
        bounds.item(flat),
        margins.item(flat),
        relation,
        Entries(letters, margins) if letters else None,
        compared,
        claimed,
        reach,
    )


def _spread(values: npt.ArrayLike, shape: tuple[int, ...]) -> Floats:
    """The values as an array of that shape."""
    if isinstance(values, float):
        return np.full(shape, values)
    array = np.asarray(values, np.float64)
    if array.shape == shape:
        return array
    return np.broadcast_to(array, shape)


def _claimed(expected: Floats, bound: Floats, scale: float) -> int:
    """How many entries claim something. A bound of 0 always does, or one that is what float64 may
    underflow by.
    """
    # Usually all bounds are small compared with the range, and no entry need be looked at.
    if bound.item(bound.argmax()) < scale * SHARE:
        return bound.size
    return int(
        np.count_nonzero(
            (bound < float64.min_normal) | (bound < np.abs(expected)) | (bound < scale * SHARE)
        )
    )


def _limited(limit: Floats, bound: Floats, scale: float | None) -> int:
    """How many entries of an inequality claim something; `bound` is the limit and what rounding
    adds.
    """
    with np.errstate(invalid="ignore"):
        rounding = bound - limit
        # An inequality may be far from sharp and still claim something; what rounding adds must not
        # be all of it.
        claims = (rounding < float64.min_normal) | (rounding < limit)
        if scale is not None:
            claims = (claims | (rounding < scale * SHARE)) & (bound <= scale)
    return int(np.count_nonzero(claims & np.isfinite(bound)))


def _largest(values: Floats) -> float:
    """The largest finite absolute value."""
    sizes = np.abs(values)
    size: float = sizes.item(sizes.argmax())
    if math.isfinite(size):
        return size
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _unbounded(error: Floats, bound: Floats, margins: Floats) -> tuple[Floats, Floats]:
    """Errors and margins where either is not a number, or nothing is claimed."""
    lost = np.isnan(error)
    # A NaN was expected nowhere, whatever the bound; but an infinite bound, below, excludes
    # nothing.
    margins = np.where(lost | ((error > 0) & (bound == 0)), np.inf, margins)
    return np.where(lost, np.inf, error), np.where(np.isfinite(bound), margins, 0.0)


def violated(what: str, actual: float = math.nan, expected: float = math.nan) -> Residual:
    """A statement without a number that does not hold."""
    return Residual(what, actual, expected, math.inf, 0.0, math.inf)


def ok(what: str) -> Residual:
    """A statement without a number that holds."""
    return Residual(what, 0.0, 0.0, 0.0, 0.0, 0.0)


def nothing_claimed(what: str) -> Residual:
    """A statement that says nothing of this case: what it is about cannot happen here, or cannot be
    told.
    """
    return Residual(what, 0.0, 0.0, 0.0, 0.0, 0.0, claimed=0)


@lru_cache(4096)
def _index(letters: str, flat: int, shape: tuple[int, ...]) -> str:
    """What the entry is called that is the one of that number, from 0, in an array of that
    shape.
    """
    named = list[str]()
    for letter, extent in zip(reversed(letters), reversed(shape), strict=True):
        flat, at = divmod(flat, extent)
        named.insert(0, f"{letter}={at}")
    return ", ".join(named)


def never(what: str, happens: npt.NDArray[np.bool_], excluded: npt.NDArray[np.bool_]) -> Residual:
    """What the mathematics excludes, entry by entry, happens at none of those entries; `what` says
    what would happen.

    Where it excludes nothing, nothing is claimed.
    """
    if (happens & excluded).any():
        return violated(what)
    return replace(
        ok(f"nowhere: {what}"),
        compared=excluded.size,
        claimed=excluded.size * int(excluded.any()),
    )


def nonzero_where_required(what: str, actual: NDArray, expected: Ball) -> Residual:
    """Not 0 wherever the enclosure excludes 0; where it excludes 0 nowhere nothing is claimed."""
    return never(f"{what} is 0 where it cannot be", actual == 0, expected.mignitude > 0)
