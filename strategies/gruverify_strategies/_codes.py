"""Bytes into numbers: cheap to draw in bulk, and they shrink byte by byte to numbers that a person
can read.

Hypothesis draws bytes some sixty times faster than floats, and shrinks each on its own. So a
strategy here draws a short header of bytes for its decisions and a row of bytes for each slot of
its arrays; a byte is the coarse part of an entry. The rest of the mantissa comes from a seed, which
shrinks to none. The bytes come from Hypothesis' own `Random`: what is drawn of it has no label, so
that Hypothesis makes every example anew instead of mixing the rows of the last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from gruverify.arithmetic import Format, NDArray

T = TypeVar("T")
Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.uint8]
#: The header's bytes, in the order in which they are read; a smaller byte is a simpler decision.
Header: TypeAlias = Iterator[int]

#: Where bytes come from.
RANDOM = st.randoms(note_method_calls=False, use_true_random=False)

#: How many bytes the rows of units, and those of members, may take: at most, and in the simplest
#: example. Hypothesis allows 8,192 bytes for an example, and half of that for the simplest.
_BUDGET = 3950
_SIMPLEST_BUDGET = 768
#: Among how many strategies of one example they are shared.
_SHARES: ContextVar[int] = ContextVar("shares", default=1)


@contextmanager
def shared_by(count: int) -> Iterator[None]:
    """What is drawn inside has only that share of an example's bytes."""
    before = _SHARES.set(count)
    try:
        yield
    finally:
        _SHARES.reset(before)


#: Whether rows are drawn from few bytes, and how many times fewer they are then.
_FRUGAL: ContextVar[bool] = ContextVar("frugal", default=False)
_FEWER = 8


@contextmanager
def frugal(few: bool) -> Iterator[None]:
    """Where there are few, what is drawn inside is quick to draw, however large, and shrinks less
    well row by row.
    """
    before = _FRUGAL.set(few)
    try:
        yield
    finally:
        _FRUGAL.reset(before)


#: How many draws the rows of an axis of fixed size are, at most.
_DRAWS = 8


def header(source: Random, length: int) -> Header:
    """The bytes from which a strategy reads its decisions."""
    return iter(source.randbytes(length))


def choose(code: int, options: Sequence[T]) -> T:
    """One of the options, each as likely as the others; the first is the simplest."""
    # By the high bits and not by a remainder: a smaller byte never means a less simple option.
    return options[code * len(options) >> 8]


def pick(codes: Header, options: Sequence[T]) -> T:
    """One of the options, as the next byte says."""
    return choose(next(codes), options)


def number(codes: Header, length: int) -> int:
    """An integer of the next `length` bytes, the high one first."""
    return int.from_bytes(bytes(islice(codes, length)), "big")


def rows(source: Random, filled: Collection[int], bounds: tuple[int, int], width: int) -> Codes:
    """(largest size, width): a row for each slot that an axis of these bounds may have, zeros in
    those not filled.

    Every slot is one draw, so that emptying one leaves the others what they were; where there is no
    choice of how many, or `frugal` says so, some make one draw, which is quicker. Rows are read
    from their end, because Hypothesis sorts bytes, and what is not zero should gather at the first
    units, inputs and steps. Where a row is wider than Hypothesis allows, its bytes come again,
    times odd numbers: others, but zero where they were zero.
    """
    low, count = bounds
    shares = _SHARES.get() * (_FEWER if _FRUGAL.get() else 1)
    drawn = max(
        1,
        min(width, _BUDGET // (shares * max(count, 1)), _SIMPLEST_BUDGET // (shares * max(low, 1))),
    )
    if low == count or _FRUGAL.get():
        together = -(-count // _DRAWS)
        sizes = [drawn * min(together, count - slot) for slot in range(0, count, max(together, 1))]
        blobs = [source.randbytes(size if filled else 0).ljust(size, b"\0") for size in sizes]
    else:
        blobs = [
            source.randbytes(drawn if slot in filled else 0).ljust(drawn, b"\0")
            for slot in range(count)
        ]
    codes = np.frombuffer(b"".join(blobs), np.uint8).reshape(count, drawn)[:, ::-1]
    again, position = np.divmod(np.arange(width), drawn)
    if drawn == width:
        return codes
    return codes[:, position] * (2 * again + 1).astype(np.uint8)


@dataclass(frozen=True)
class Grain:
    """How fine numbers are: multiples of 1/64, or full mantissas drawn from a seed, but for 0, ±1/2
    and ±1.
    """

    fine: bool
    seed: int


#: Bytes of the header that a grain takes.
GRAIN = 5
#: One grain in sixteen is coarse.
_COARSE = 16


def grain(codes: Header) -> Grain:
    """Mostly fine; shrinks to multiples of 1/64."""
    return Grain(next(codes) >= _COARSE, number(codes, GRAIN - 1))


def decode(codes: Codes, grain: Grain, salt: int) -> Floats:
    """Numbers in [-1, 1] in the shape of `codes`: uniform if the bytes are, 0 for zero bytes."""
    index = codes.astype(np.intp)
    values = _VALUES.take(index)
    if not grain.fine:
        return values
    # By position: a slot's numbers do not depend on which other slots are filled.
    noise = np.random.Generator(np.random.SFC64([grain.seed, salt])).random(codes.shape)
    noise *= _CELLS.take(index)
    # Towards 0, inside the code's cell: a coarse number and its fine neighbours keep their order.
    values -= noise
    return values


def _tables() -> tuple[Floats, Floats]:
    """What each code stands for, and how far towards 0 its cell extends.

    0 is 0 and 1 is 1. Then come levels of ever finer cells, 2 codes, 4, ... 128: a half of each for
    negative numbers, one for positive ones. A code stands for its cell's end away from 0. Half a
    code is the coarser cell around it.
    """
    values, cells = [0.0, 1.0], [0.0, 0.0]
    for count in (1, 2, 4, 8, 16, 32, 64):
        for sign in (-1, 1):
            values += [sign * (k + 1) / count for k in range(count)]
            cells += [sign / count if count > 2 else 0.0] * count
    return np.array(values), np.array(cells)


_VALUES, _CELLS = _tables()


def powers(weights: Mapping[int, int]) -> tuple[float, ...]:
    """Powers of two by exponent, each as often as its weight says: what a scale is picked from."""
    found = list[float]()
    for exponent, weight in weights.items():
        found += [2.0**exponent] * weight
    return tuple(found)


def sealed(format: Format, values: NDArray) -> NDArray:
    """`values` in the format, read-only, with no negative zero."""
    array = format.cast(values)
    # -0 + 0 is +0: a negative zero is asked for by `specials` alone.
    array += format.dtype.type(0)
    array.flags.writeable = False
    return array
