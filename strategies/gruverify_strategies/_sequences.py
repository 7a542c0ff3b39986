"""What a cell is fed: inputs, initial states, and the cotangents of a loss."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from gruverify.arithmetic import Format
from gruverify_strategies._codes import (
    GRAIN,
    RANDOM,
    Floats,
    Header,
    decode,
    grain,
    header,
    number,
    pick,
    rows,
    sealed,
)
from gruverify_strategies._sizes import Slots, slots, slots_length
from gruverify_strategies._validation import Limits, check_formats, limits

#: Inputs and states: powers of two from 2^-10 to 4, the simplest first, each as often as it is listed.
_MODERATE = (*(1.0,) * 10, *(0.5,) * 6, *(2.0,) * 6, *(4.0,) * 3, *(2.0**-k for k in range(2, 11)))
#: A state may also be zero.
_STATE = (*_MODERATE, *(0.0,) * 3)
_INPUTS = _MODERATE

#: Bytes of the header that the scales of inputs and state take, and those that the shape of the cotangents takes.
SCALES = 2
SHAPE = 3

#: Salt of the members' numbers.
_SALT = 1


class Members:
    """The batch: a row of numbers for each member, holding its state, last cotangent, inputs and output cotangents.

    The row's layout depends on the largest sizes only, so that emptying a slot leaves all others as they were.
    """

    def __init__(self, source: Random, codes: Header, within: Limits, filled: Slots) -> None:
        self._filled = filled
        H, I, T = (within[letter][1] if letter in within else 0 for letter in "HIT")
        blob = rows(source, filled["B"], within["B"], 2 * H + T * (I + H))
        numbers = decode(blob, grain(codes), _SALT)[list(filled["B"])]
        self._state, self._last = numbers[:, :H], numbers[:, H : 2 * H]
        self._inputs = numbers[:, 2 * H : 2 * H + T * I].reshape(len(numbers), T, I)
        self._outputs = numbers[:, 2 * H + T * I :].reshape(len(numbers), T, H)

    def inputs(self, codes: Header) -> Floats:
        """(T, B, I)."""
        return _steps(self._inputs, self._filled["T"], self._filled["I"]) * pick(codes, _INPUTS)

    def state(self, codes: Header) -> Floats:
        """(B, H)."""
        return self._state[:, list(self._filled["H"])] * pick(codes, _STATE)

    def cotangents(self, codes: Header) -> tuple[Floats, Floats]:
        """(T, B, H) and (B, H): those of the outputs and of the last state."""
        every = np.concatenate([self._last[:, None], self._outputs], axis=1)
        steps = [0, *(step + 1 for step in self._filled["T"])]
        dense = _steps(every, steps, self._filled["H"])
        shaped = dense * _shape(codes, dense)
        return shaped[1:], shaped[0]


def _steps(numbers: Floats, steps: Sequence[int], columns: Sequence[int]) -> Floats:
    """(B, T, n) with all slots -> (T, B, n) with those that are filled."""
    return numbers[:, steps][:, :, columns].transpose(1, 0, 2)


def _shape(codes: Header, dense: Floats) -> Floats:
    """What the cotangents (1 + T, B, H) are multiplied with: mostly 1, else all but one entry or one kind vanishes."""
    kind, where = pick(codes, ("dense",) * 10 + ("last", "outputs", "one of last", "one")), number(codes, 2)
    mask = np.ones(dense.shape)
    if kind == "last":
        mask[1:] = 0
    elif kind == "outputs":
        mask[0] = 0
    elif kind != "dense":
        mask[:] = 0
        chosen = mask[:1] if kind == "one of last" else mask
        chosen.flat[where * chosen.size >> 16] = 1
    return mask


@st.composite
def inputs(
    draw: st.DrawFn,
    *,
    min_T: int = 1,
    max_T: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    formats: Sequence[Format] | None = None,
) -> npt.NDArray[Any]:
    """Inputs (T, B, I) in one of `formats`, every entry drawn, within [-4, 4].

    Their scale is a power of two, from 2^-10 to 4. Shrinks to few and small sizes, then to entries 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or `formats` is wrong.
    """
    within = limits(T=(min_T, max_T), B=(min_B, max_B), I=(min_I, max_I))
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + GRAIN + 2)
    members = Members(source, codes, within, slots(codes, within))
    return sealed(pick(codes, check_formats(formats)), members.inputs(codes))


@st.composite
def states(
    draw: st.DrawFn,
    *,
    min_B: int = 1,
    max_B: int | None = None,
    min_H: int = 1,
    max_H: int | None = None,
    formats: Sequence[Format] | None = None,
) -> npt.NDArray[Any]:
    """Initial states (B, H) in one of `formats`, within [-4, 4]: mostly inside [-1, 1], sometimes outside, seldom zero.

    Shrinks to few and small sizes, then to entries 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or `formats` is wrong.
    """
    within = limits(B=(min_B, max_B), H=(min_H, max_H))
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + GRAIN + 2)
    members = Members(source, codes, within, slots(codes, within))
    return sealed(pick(codes, check_formats(formats)), members.state(codes))


@st.composite
def cotangents(
    draw: st.DrawFn,
    *,
    min_T: int = 1,
    max_T: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_H: int = 1,
    max_H: int | None = None,
    formats: Sequence[Format] | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The cotangents of a loss in one of `formats`: of the outputs (T, B, H) and of the last state (B, H).

    Entries are within [-1, 1], mostly all drawn; sometimes only those of the last state or of the outputs, or only one
    entry, are not 0. Shrinks to few and small sizes, then to entries 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or `formats` is wrong.
    """
    within = limits(T=(min_T, max_T), B=(min_B, max_B), H=(min_H, max_H))
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + GRAIN + 1 + SHAPE)
    members = Members(source, codes, within, slots(codes, within))
    format = pick(codes, check_formats(formats))
    d_outputs, d_last = members.cotangents(codes)
    return sealed(format, d_outputs), sealed(format, d_last)
