"""Bytes into numbers: cheap to draw in bulk, and they shrink byte by byte to numbers that a person can read.

Hypothesis draws bytes some sixty times faster than floats, and shrinks each on its own. So a strategy here draws a short
header of bytes for its decisions and a row of bytes for each slot of its arrays; a byte is the coarse part of an entry.
The rest of the mantissa comes from a seed, which shrinks to none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from gruverify.arithmetic import Format

T = TypeVar("T")
Floats: TypeAlias = npt.NDArray[np.float64]
#: The header's bytes, in the order in which they are read; a smaller byte is a simpler decision.
Header: TypeAlias = Iterator[int]

#: How many bytes the rows of one draw may take: Hypothesis allows 8,192 for a whole example.
_BUDGET = 4096


def header(draw: DrawFn, length: int) -> Header:
    """The bytes from which a strategy reads its decisions."""
    return iter(draw(_bytes(length)))


def pick(codes: Header, options: Sequence[T]) -> T:
    """One of the options, the first being the simplest."""
    return options[next(codes) * len(options) >> 8]


def number(codes: Header, length: int) -> int:
    """An integer of so many bytes."""
    return int.from_bytes(bytes(islice(codes, length)), "big")


def rows(draw: DrawFn, filled: Collection[int], count: int, width: int) -> npt.NDArray[np.uint8]:
    """(count, width): a row for each slot, zeros in those that are not filled.

    Every slot is one draw, so that emptying one leaves the others what they were. Rows too wide for Hypothesis end in
    zeros, which the seed makes dense.
    """
    drawn = min(width, _BUDGET // count)
    blobs = [draw(_bytes(drawn if slot in filled else 0)).ljust(width, b"\0") for slot in range(count)]
    return np.frombuffer(b"".join(blobs), np.uint8).reshape(count, width)


@lru_cache(maxsize=256)
def _bytes(length: int) -> SearchStrategy[bytes]:
    return st.binary(min_size=length, max_size=length)


@dataclass(frozen=True)
class Grain:
    """How fine the numbers are: 0 multiples of 1/128; 1 full mantissas but for 0, ±1 and ±1/2; 2 dense, even where a byte is 0."""

    level: int
    seed: int


#: Bytes of the header that a grain takes.
GRAIN = 5
_LEVELS = (0, 1, *(2,) * 14)


def grain(codes: Header) -> Grain:
    """Mostly dense; shrinks to multiples of 1/128."""
    return Grain(pick(codes, _LEVELS), number(codes, GRAIN - 1))


def decode(codes: npt.NDArray[np.uint8], grain: Grain, salt: int) -> Floats:
    """Numbers in [-1, 1] in the shape of `codes`: uniform if the bytes are, 0 for zero bytes of a coarse grain."""
    values: Floats = _SIMPLEST_FIRST[codes]
    if not grain.level:
        return values
    noise = _noise(codes.size, grain.seed, salt).reshape(codes.shape)
    fine = values + np.where(codes < _EXACT, 0.0, noise / 128)
    return np.where(codes == 0, noise, fine) if grain.level > 1 else fine


def _simplest_first() -> Floats:
    values = [0.0, 1.0, -1.0]
    for power in (2, 4, 8, 16, 32, 64, 128):
        values += [sign * k / power for k in range(1, power, 2) for sign in (1, -1)]
    return np.array(values[:256])


_SIMPLEST_FIRST = _simplest_first()
#: 0, ±1 and ±1/2 come before this code.
_EXACT = 5
_GOLDEN = 0x9E3779B97F4A7C15


def _noise(count: int, seed: int, salt: int) -> Floats:
    # SplitMix64 of the position: a slot's numbers do not depend on which other slots are filled.
    x = (np.arange(count, dtype=np.uint64) + np.uint64((seed << 24) + (salt << 56))) * np.uint64(_GOLDEN)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x >> np.uint64(11)) * 2.0**-52 - 1, dtype=np.float64)


def scale(codes: Header, ladder: Sequence[float]) -> float:
    """A power of two from the ladder, or 0 if it has that rung."""
    return pick(codes, ladder)


def sealed(format: Format, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`values` in the format, read-only, with no negative zero."""
    array = format.cast(values)
    array += format.dtype.type(0)
    array.flags.writeable = False
    return array
