"""How large: the sizes of a case, and which slots of its axes it fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from hypothesis import strategies as st

from gruverify_strategies._codes import RANDOM, Header, header, number
from gruverify_strategies._validation import Limits, limits

#: By letter, the slots of each axis that are filled. Sizes count slots; emptying any of them simplifies a case.
Slots: TypeAlias = dict[str, Sequence[int]]


@dataclass(frozen=True)
class Sizes:
    """H hidden units, I inputs, B members of the batch, T steps."""

    H: int
    I: int
    B: int
    T: int


@st.composite
def sizes(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_T: int = 1,
    max_T: int | None = None,
) -> Sizes:
    """`Sizes` with each of H, I, B, T within its bounds; by default H, I and B up to 5 and T up to 4.

    Small sizes are drawn more often than large ones, but the smallest only once in sixteen. Shrinks to the minima.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, or a minimum exceeds its maximum.
    """
    within = limits(H=(min_H, max_H), I=(min_I, max_I), B=(min_B, max_B), T=(min_T, max_T))
    source = draw(RANDOM)
    codes = header(source, 2 * len(within))
    return Sizes(**{letter: _size(codes, *bounds) for letter, bounds in within.items()})


def _size(codes: Header, low: int, high: int) -> int:
    fraction = number(codes, 2) / 0x10000
    if fraction < 1 / 16 or low == high:
        return low
    above = (fraction - 1 / 16) / (15 / 16)
    return low + 1 + int(above**2 * (high - low))


def slots_length(within: Limits) -> int:
    """Bytes of the header that `slots` takes."""
    return sum(2 + high for low, high in within.values() if low < high)


def slots(codes: Header, within: Limits) -> Slots:
    """The slots filled on each axis: the first so many, but for those that shrinking has emptied."""
    return {letter: _filled(codes, *bounds) for letter, bounds in within.items()}


def _filled(codes: Header, low: int, high: int) -> Sequence[int]:
    if low == high:
        return range(low)
    size = _size(codes, low, high)
    filled = [slot for slot, flag in enumerate(islice(codes, high)) if flag and slot < size]
    return filled if len(filled) >= low else range(low)
