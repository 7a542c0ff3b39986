"""What the roundings of a sum's additions come to, whatever their order (docs/tolerances.md).

N terms t, which are the products inside matrix products and whatever else is added, make up P
operands p, which are whole matrix products and whatever else is added: W = Σ|t|, W_p = Σ|p|, s is
the sum, e what is wrong inside the terms. Numbers that are exactly 0 count neither as terms nor as
operands.

In any tree of additions the error is the sum, over its nodes, of a roundoff times what the node
adds up: the exact partial sum, which is at most (W+|s|)/2 and at the root s itself, and the errors
below it, at most their number of roundings times W (Jeannerod and Rump 2013; Lange and Rump 2019).
With the accumulator's own roundoff u that is

    u|s|[N≥2] + (N-2)⁺u (W+|s|)/2 + (N-1)(N-2)u² W,  at most (N-1)u W          (14.1)

beside (1+(N-1)u)e. With a wider accumulator u_a its N-1 additions and the P-1 results that are
stored each have such a line, and each stored one what the accumulator erred by:

    u_a|s|[N≥2] + (N-2)⁺u_a (W+|s|)/2
    + u|s|[P≥2] + (P-2)⁺u (W_p+|s|)/2 + (P-1)(P-2)u² W_p + crossed terms       (14.2)

No addition underflows, unless the smallest numbers are flushed to 0: then each may.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gruverify.arithmetic._bounds import Bound, Floats, largest, plus
from gruverify.arithmetic._rounding import OUTWARD, Rounding

#: A number of terms: one for all entries, or an array of one for each.
Count = Any


class Shares(NamedTuple):
    """With what |s|, W, W_p and e count in a radius; `flushed` are underflow units of the
    additions.
    """

    of_sum: Bound
    of_weight: Bound
    of_stored: Bound | None
    of_error: Bound
    most: Bound | None  # (N-1)u where W alone may be the better bound, else None
    flushed: Bound


class Results(NamedTuple):
    """Of a sum that is put together of several: Σ|result| over these, and how many of them are not
    the sum of nothing.
    """

    sizes: Floats
    count: Count


class Lost(NamedTuple):
    """What a sum is wrong by besides its additions, and what of it is stored."""

    error: Bound
    floor: Bound  # underflow, in units of η
    operands: Count
    stored: Floats  # Σ|operand|


def rounded_results(
    m: Rounding,
    mid: Floats,
    weight: Floats,
    terms: Count,
    error: Bound,
    *,
    across: bool,
    inexact: Floats | None,
    results: Results | None,
) -> Lost:
    """What a sum of products, or a sum along an axis, loses where its terms and it are rounded;
    `error` is what is wrong inside its terms.

    across: whether it runs over the batch. inexact: Σ|product that rounds|, None for a sum of plain
    numbers. A wider accumulator rounds the products to itself and the result, one operand, to the
    format; else each product is rounded to the format. results: those of the parts that the sum is
    put together of, each of which is stored; None if it is one.
    """
    if not m.wide:
        if inexact is None:
            return Lost(error, 0.0, 1.0, weight)
        return Lost(plus(error, inexact * m.u), terms, 1.0, weight)
    # NumPy's halves add up a batch term by term in the format, although their matrix products do
    # not.
    if across and m.sums_in_format:
        if inexact is None:
            return Lost(error, 0.0, terms, weight)
        return Lost(error + inexact * m.u, terms, terms, weight)
    if results is None:
        sizes, some = np.abs(mid), _at_most_1(terms)
    else:
        sizes, some = results
    error = plus(error, sizes * m.u)
    if inexact is None:
        return Lost(error, some, some, sizes)
    # The products of two halves are exact in float32 (11+11 bits are at most 24); of others not.
    return Lost(error + inexact * m.u_a, some + terms * (m.eta_a / m.eta), some, sizes)


def _at_most_1(count: Count) -> Count:
    if isinstance(count, float):
        return min(count, 1.0)
    return np.minimum(count, 1.0)


#: Below this (N-1)u the two bounds of (14.1) are within a hundredth of each other.
_ALIKE = 2.0**-7


def shares(mode: Rounding, terms: Count, operands: Count) -> Shares:
    """The shares of a sum of that many terms and operands, rounded outward."""
    if isinstance(terms, float) and isinstance(operands, float):
        # A handful of counts serve a whole run: the shares are found once for each.
        counts = terms, operands
        if counts not in mode.remembered:
            mode.remembered[counts] = _shares(mode, terms, operands)
        found: Shares = mode.remembered[counts]
        return found
    return _looked_up(mode, terms, operands) or _shares(mode, terms, operands)


#: Up to how many terms, and of how many operands, shares are looked up where entries have counts of
#: their own.
_TERMS, _OPERANDS = 64, 16


def _looked_up(m: Rounding, N: Count, P: Count) -> Shares | None:
    """The shares of small counts, from a table that is made once; None if some counts are not
    small.
    """
    if largest(N) >= _TERMS or (m.wide and largest(P) >= _OPERANDS):
        return None
    if "table" not in m.remembered:
        number = np.arange(_TERMS * (_OPERANDS if m.wide else 1))
        m.remembered["table"] = _shares(
            m, (number % _TERMS).astype(float), (number // _TERMS).astype(float)
        )
    table: Shares = m.remembered["table"]
    if table.most is not None:  # which of the two bounds is the better depends on the counts
        return None
    at = np.asarray(N + P * _TERMS if m.wide else N).astype(np.intp)
    looked_up: list[Any] = [
        part.take(at) if isinstance(part, np.ndarray) else part for part in table
    ]
    return Shares(*looked_up)


def _shares(m: Rounding, N: Count, P: Count) -> Shares:
    if not m.wide:
        # (14.1)
        first, second, n = _own(m.u, N)
        most = n * OUTWARD if largest(n) > _ALIKE else None
        flushed = 0.0 if m.subnormals else _less(N, 1)
        return Shares(
            first * OUTWARD, second * OUTWARD, None, (1 + n + n * n) * OUTWARD, most, flushed
        )
    # (14.2): the P-1 additions that are stored, and then the accumulator's own N-1.
    first, second, _ = _own(m.u, P)
    first_a, half_a, n_a = _halves(m.u_a, N)
    n = _less(P, 1) * m.u + n_a
    # What the accumulator's additions make of errors below them: their own, and those of what was
    # stored meanwhile. Second order, and so rounded up freely.
    crossed = 2 * half_a * (2 * n_a + (4 * P + 2) * m.u)
    of_sum = (first + first_a) * (1 + 2 * m.u)
    if m.subnormals:
        flushed = 0.0
    else:
        flushed = _less(P, 1) + _less(N, 1) * (m.eta_a / m.eta)
    of_error = (1 + n + m.u_a + (n + m.u_a) ** 2) * OUTWARD
    return Shares(
        of_sum * OUTWARD, (half_a + crossed) * OUTWARD, second * OUTWARD, of_error, None, flushed
    )


def _own(u: float, N: Count) -> tuple[Count, Count, Count]:
    """With what |s| and W count for N-1 additions of roundoff u, and (N-1)u."""
    first, half, n = _halves(u, N)
    return first, half + n * _less(N, 2) * u, n


def _halves(u: float, N: Count) -> tuple[Count, Count, Count]:
    """u[N≥2] + (N-2)⁺u/2, (N-2)⁺u/2 and (N-1)⁺u."""
    n, half = _less(N, 1) * u, _less(N, 2) * (u / 2)
    return (min(n, u) if isinstance(n, float) else np.minimum(n, u)) + half, half, n


def _less(count: Count, by: int) -> Count:
    if isinstance(count, float):
        return max(count - by, 0.0)
    return np.maximum(count - by, 0.0)
