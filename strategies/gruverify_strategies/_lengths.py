"""Ragged batches: how many steps of each member are real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import Format, NDArray
from gruverify.cell import Pasteable, array_repr
from gruverify_strategies._codes import GRAIN, RANDOM, Header, choose, header, pick, sealed
from gruverify_strategies._members import SCALE, Members
from gruverify_strategies._sizes import slots, slots_length
from gruverify_strategies._validation import Formats, check_formats, check_range, check_size, limits

Lengths: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Batch(Pasteable):
    """A ragged batch: inputs (T, B, I), state (B, H) and lengths (B,). Steps from a member's length
    on are padding.
    """

    inputs: NDArray
    state: NDArray
    lengths: Lengths

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", np.asarray(self.lengths, dtype=np.int64))

    def __repr__(self) -> str:
        arrays = f"inputs={array_repr(self.inputs)}, state={array_repr(self.state)}"
        return f"Batch({arrays}, lengths={self.lengths.tolist()})"


@st.composite
def lengths(
    draw: st.DrawFn,
    *,
    min_length: int = 0,
    max_length: int = 4,
    min_B: int = 1,
    max_B: int | None = None,
) -> Lengths:
    """Lengths (B,) of the members of a batch, int64, each from min_length to max_length = T.

    In one draw of four no member is padded; else lengths 0, 1, T-1 and T are as likely as all
    others together. Not sorted. Shrinks to one member, then to length T.

    Raises:
        InvalidArgument: a bound is not an integer, is negative, or a minimum exceeds its maximum.
    """
    check_range("length", min_length, max_length, at_least=0)
    within = limits("B", B=(min_B, max_B))
    codes = header(draw(RANDOM), slots_length(within) + ragged_length(within["B"][1]))
    filled = slots(codes, within)
    return ragged(codes, filled["B"], within["B"][1], min_length, max_length)


def ragged_length(B: int) -> int:
    """Bytes of the header that `ragged` takes."""
    return 1 + B


def ragged(codes: Header, filled: Sequence[int], B: int, low: int, high: int) -> Lengths:
    """The lengths of the filled slots of B: all `high` where the first byte says so, else each as
    its own byte says.
    """
    # A byte for each slot that there may be, so that emptying one moves no other length.
    padded, codes_of = next(codes) >= 64, bytes(islice(codes, B))
    everything = range(high, low - 1, -1)
    corners = [length for length in (high, 0, 1, high - 1) if low <= length <= high]
    # Corners as often as all lengths together, and T first, which is what shrinking ends at.
    options = [*corners * -(-len(everything) // len(corners)), *everything]
    found = [choose(codes_of[slot], options) if padded else high for slot in filled]
    return np.array(found, dtype=np.int64)


@st.composite
def sequences(
    draw: st.DrawFn,
    *,
    min_T: int = 1,
    max_T: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    min_H: int = 1,
    max_H: int | None = None,
    min_length: int = 0,
    formats: Formats = None,
) -> Batch:
    """A `Batch`: inputs (T, B, I) as `inputs` draws them, a state (B, H) as `states` does, and
    lengths (B,).

    Padding holds numbers as the real steps do, so that reading it shows. T and B may
    be 0 if asked for, `min_T=0` and `min_B=0`. Shrinks to few and small sizes, to lengths T, then
    to entries 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer, is negative (min_length, T, B) or below 1
            (another size), a minimum exceeds its maximum, or `formats` is wrong.
    """
    within = limits("TB", T=(min_T, max_T), B=(min_B, max_B), I=(min_I, max_I), H=(min_H, max_H))
    check_size("min_length", min_length, at_least=0)
    if within["T"][0] < min_length:
        raise InvalidArgument(f"Cannot have min_T={min_T!r} < min_length={min_length!r}")
    source = draw(RANDOM)
    B = within["B"][1]
    codes = header(source, slots_length(within) + 1 + GRAIN + 2 * SCALE + ragged_length(B))
    filled = slots(codes, within)
    format: Format = pick(codes, check_formats(formats))
    members = Members(source, codes, within, filled)
    inputs, state = (
        sealed(format, values) for values in (members.inputs(codes), members.state(codes))
    )
    return Batch(inputs, state, ragged(codes, filled["B"], B, min_length, len(filled["T"])))
