"""How large: the sizes of a case, and which slots of its axes it fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from hypothesis import strategies as st

from gruverify_strategies._codes import RANDOM, Header, header, number, pick
from gruverify_strategies._relations import DEFAULT_MAX, RELATIONS, allowed, check_possible
from gruverify_strategies._validation import Limits, check_names, limits

#: Bytes of the header that `full_size` takes.
FULL_SIZE = 3

#: By letter, the slots of each axis that are filled. Sizes count slots; emptying any of them
#: simplifies a case.
Slots: TypeAlias = dict[str, Sequence[int]]


@dataclass(frozen=True)
class Sizes:
    """H hidden units, I inputs, B members of the batch, T steps."""

    H: int
    I: int
    B: int
    T: int

    def bounds(self, letters: str = "HIBT") -> dict[str, int]:
        """`min_H`, `max_H` and so on, for the strategies that take them:
        `cells(**sizes.bounds("HI"))`.
        """
        found = dict[str, int]()
        for letter in letters:
            size = getattr(self, letter)
            found |= {f"min_{letter}": size, f"max_{letter}": size}
        return found


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
    relations: Sequence[str] | None = None,
) -> Sizes:
    """`Sizes` with each of H, I, B, T within its bounds; by default H, I and B up to 5 and T up to
    4.

    Small sizes are drawn more often than large ones, but the smallest only once in sixteen. B and T
    may be 0 if asked for, `min_B=0` and `min_T=0`.

    relations: names, one of which is drawn and holds. "H=1", "I=H", "T=B" and "B=3H" are
        coincidences in which a wrong axis goes unnoticed; in "distinct" no two sizes are equal, so
        that it cannot; in "simd" H is a multiple of 8 or one more or less, as kernels have vectors
        and tails (by default up to 33).

    Shrinks to the first of `relations`, then to the minima.

    Raises:
        InvalidArgument: a bound is not an integer or too small, a minimum exceeds its maximum, a
            relation is unknown, or none of its sizes lies within the bounds.
    """
    asked = {"H": (min_H, max_H), "I": (min_I, max_I), "B": (min_B, max_B), "T": (min_T, max_T)}
    names: Sequence[str] = ("any",)
    if relations is not None:
        names = check_names("relations", relations, RELATIONS)
    withins = {name: _within(name, asked) for name in names}
    codes = header(draw(RANDOM), 1 + 2 * len(asked))
    relation = pick(codes, names)
    chosen: dict[str, int] = {}
    for letter in asked:
        chosen[letter] = _size(codes, allowed(relation, withins[relation], chosen, letter))
    return Sizes(**chosen)


def _within(relation: str, asked: dict[str, tuple[int, int | None]]) -> Limits:
    """The limits, with the maxima that a relation has by default; sizes of it must lie within."""
    maxima = DEFAULT_MAX.get(relation, {})
    spared = {k: (low, maxima.get(k) if high is None else high) for k, (low, high) in asked.items()}
    within = limits("TB", **{k: (low, high) for k, (low, high) in spared.items()})
    check_possible(relation, within)
    return within


def _size(codes: Header, options: Sequence[int]) -> int:
    # Two bytes: one alone could not reach every size of a wide range.
    fraction = number(codes, 2) / 0x10000
    if fraction < 1 / 16 or len(options) == 1:
        return options[0]
    above = (fraction - 1 / 16) / (15 / 16)
    # Squared, so that small sizes are more frequent: half of the draws fall into the lowest
    # quarter.
    return options[1 + int(above**2 * (len(options) - 1))]


def slots_length(within: Limits, full: str = "") -> int:
    """Bytes of the header that `slots` takes."""
    return sum(
        FULL_SIZE if axis in full else 2 + high
        for axis, (low, high) in within.items()
        if low < high
    )


def slots(codes: Header, within: Limits, whole: str = "", full: str = "") -> Slots:
    """The slots filled on each axis: the first that many, all of a `whole` one, but for those that
    shrinking emptied.

    Of a `full` axis shrinking takes the last ones away; else all are filled, whatever was drawn.
    """
    return {
        letter: range(full_size(codes, *bounds))
        if letter in full
        else _filled(codes, *bounds, letter in whole)
        for letter, bounds in within.items()
    }


def full_size(codes: Header, low: int, high: int) -> int:
    """The largest size, but for what shrinking takes away: three bytes are smaller than a size for
    no other reason.
    """
    if low == high:
        return high
    return min(high, low + number(codes, FULL_SIZE))


def _filled(codes: Header, low: int, high: int, whole: bool) -> Sequence[int]:
    if low == high:
        return range(low)
    # Drawn even for a `whole` axis, so that the bytes behind mean the same in both.
    size = _size(codes, range(low, high + 1))
    if whole:
        size = high
    # A flag of 0, one byte in 256 and what shrinking aims at, empties a slot anywhere.
    filled = [slot for slot, flag in enumerate(islice(codes, high)) if flag and slot < size]
    if len(filled) >= low:
        return filled
    return range(low)
