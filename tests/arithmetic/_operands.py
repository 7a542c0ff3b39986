"""Operands for balls: numbers of a format, from subnormal to huge, cancelling and zero; and balls
that hold them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from gruverify.arithmetic import Ball, Format, Rounding, float64


@dataclass(frozen=True)
class Operand:
    """A ball [mid ± rad], a number of the format inside it, and any point inside it."""

    mid: float
    rad: float
    member: float
    point: Fraction


def ball_of(mode: Rounding, operands: Sequence[Operand]) -> Ball:
    """The operands as one Ball of shape (n,), exact if they are; where the mode flushes, some may
    be 0 as well.
    """
    mids, rads = np.array([o.mid for o in operands]), np.array([o.rad for o in operands])
    if not rads.any():
        return Ball.exact(mode, mids)
    members = np.array([abs(o.member) for o in operands])
    flushed = members * (members < mode.format.min_normal) * (not mode.subnormals)
    return Ball(mode, mids, rads + flushed)


def numbers(
    fmt: Format, lowest: int | None = None, highest: int | None = None
) -> st.SearchStrategy[float]:
    """Finite numbers of the format: any significand, at any exponent, at a middling one, or at
    either end.

    `lowest` and `highest` bound the exponents of the significand's last bit.
    """
    first = fmt.min_exponent - fmt.precision + 1 if lowest is None else lowest
    last = fmt.max_exponent - fmt.precision + 1 if highest is None else highest
    ones = 1 - fmt.precision
    exponents = st.one_of(
        st.integers(max(first, ones - 4), min(last, ones + 4)),
        st.integers(first, last),
        st.sampled_from([first, last, first + fmt.precision]),
    )
    significands = st.integers(-(2**fmt.precision) + 1, 2**fmt.precision - 1)
    return st.builds(
        math.ldexp,
        st.one_of(significands, st.sampled_from([0, 1, -1, 2**fmt.precision - 1])),
        exponents,
    )


@st.composite
def vectors(
    draw: st.DrawFn,
    fmt: Format,
    size: int,
    *,
    numbers: st.SearchStrategy[float],
    exact: bool | None = None,
) -> list[Operand]:
    """`size` operands, some of which nearly cancel; all exact, or balls of any width."""
    members: list[float] = []
    for _ in range(size):
        fresh = (
            draw(numbers) if not members or draw(st.booleans()) else _relative(draw, fmt, members)
        )
        members.append(fresh)
    if draw(st.booleans()) if exact is None else exact:
        return [Operand(m, 0.0, m, Fraction(m)) for m in members]
    return [draw(_balls(fmt, m, numbers)) for m in members]


def _relative(draw: st.DrawFn, fmt: Format, members: list[float]) -> float:
    """A number that is, or all but cancels, one of `members`."""
    value = draw(st.sampled_from(members)) * draw(st.sampled_from([-1, 1]))
    neighbour = value * (1 + draw(st.integers(-2, 2)) * 2 * fmt.unit_roundoff)
    return (
        neighbour
        if abs(neighbour) <= fmt.max and float(fmt.cast(neighbour)) == neighbour
        else value
    )


@st.composite
def _balls(
    draw: st.DrawFn, fmt: Format, member: float, numbers: st.SearchStrategy[float]
) -> Operand:
    near = member * (1 + draw(st.integers(-8, 8)) * float64.unit_roundoff)
    mid = draw(st.one_of(st.just(member), st.just(near), numbers))
    mid = mid if math.isfinite(mid) and math.isfinite(mid - member) else member
    extra = draw(
        st.one_of(st.just(0.0), st.just(fmt.unit_roundoff * abs(member)), numbers.map(abs))
    )
    distance = abs(Fraction(mid) - Fraction(member))
    rad = math.nextafter(float(distance), math.inf) if distance else 0.0
    mid, rad = (mid, rad) if math.isfinite(rad) else (member, 0.0)
    rad = rad + extra if math.isfinite(rad + extra) else rad
    return Operand(mid, rad, member, Fraction(mid) + Fraction(rad) * draw(st.integers(-4, 4)) / 4)
