"""The members of a batch: inputs, initial states and cotangents, a row of bytes each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random

import numpy as np

from gruverify.arithmetic import Format
from gruverify_strategies._codes import (
    Floats,
    Header,
    choose,
    decode,
    grain,
    number,
    pick,
    powers,
    rows,
)
from gruverify_strategies._sizes import Slots
from gruverify_strategies._validation import Limits

_SCALES = powers({0: 10, -1: 6, 1: 6, 2: 3} | dict.fromkeys(range(-2, -11, -1), 1))
#: A state may also be zero.
_STATE_SCALES = (*_SCALES, *(0.0,) * 3)

#: Bytes of the header that the scales of inputs and of states take, and those that the shape of
#: cotangents takes.
SCALE = 1
SHAPE = 3

#: By exponent, how often cotangents are scaled by that power of two, besides the format's small
#: end. A loss that is scaled, as in mixed precision, has large ones; a clamp, an overflow guard or
#: a clip by norm shows at those alone.
_LOUD = {-4: 6, -8: 6, -16: 4, 4: 6, 7: 6, 10: 10, 12: 8, 14: 8, 17: 12, 20: 6, 40: 4, 64: 2}
_UNSCALED = 170


@cache
def loudness(format: Format, subnormals: bool) -> tuple[float, ...]:
    """The scales of cotangents, as often as each is picked: 1, then powers of two to the format's
    ends.

    Its small end is the smallest normal number, the smallest number, and half-way there, and
    without subnormals the last alone; at its large end there are some binades left for what is made
    of cotangents.
    """
    small, large = format.min_exponent, format.max_exponent
    ends = {small // 2: 4, small: 3, small - format.precision + 1: 1}
    usual = {exponent: often for exponent, often in _LOUD.items() if small < exponent <= large - 1}
    scales = powers({0: _UNSCALED} | ends | usual)
    if subnormals:
        return scales
    return tuple(max(scale, 2.0 ** (small // 2)) for scale in scales)


#: Dense, or only for the last state, only for the outputs, for one entry of the last state, for any
#: one entry.
_SHAPES = (*("dense",) * 10, "last", "outputs", "one of last", "one")
_SALT = 1


class Members:
    """A row of numbers for each member of the batch: its state, last cotangent, inputs and
    cotangents of outputs.

    The row's layout depends on the largest sizes only, so that emptying a slot leaves all others as
    they were.
    """

    def __init__(self, source: Random, codes: Header, within: Limits, filled: Slots) -> None:
        self._filled = filled
        # Strategies of inputs or states alone have no other axes, and draw no bytes for them.
        H, I, T = (within[letter][1] if letter in within else 0 for letter in "HIT")
        every = decode(
            rows(source, filled["B"], within["B"], 2 * H + T * (I + H)), grain(codes), _SALT
        )
        state, last, inputs, outputs = np.split(
            every[list(filled["B"])], np.cumsum([H, H, T * I]), axis=1
        )
        self._state, self._last = state, last
        self._inputs, self._outputs = (
            inputs.reshape(len(inputs), T, I),
            outputs.reshape(len(outputs), T, H),
        )

    def inputs(self, codes: Header) -> Floats:
        """(T, B, I)."""
        return _steps(self._inputs, self._filled["T"], self._filled["I"]) * pick(codes, _SCALES)

    def state(self, codes: Header) -> Floats:
        """(B, H)."""
        return self._state[:, list(self._filled["H"])] * pick(codes, _STATE_SCALES)

    def cotangents(
        self, codes: Header, format: Format, *, plain: bool = False, subnormals: bool = True
    ) -> tuple[Floats, Floats]:
        """(T, B, H) and (B, H): those of the outputs and of the last state, of one scale; all up to
        1, if `plain`.
        """
        last = self._last[:, list(self._filled["H"])]
        outputs = _steps(self._outputs, self._filled["T"], self._filled["H"])
        kind, where = pick(codes, _SHAPES), number(codes, SHAPE - 1)
        if plain:
            return outputs, last
        # Which entry is left is told by the first bits of `where`, the scale by its last.
        scaled = _mask(kind, where, (1 + len(outputs), *last.shape)) * choose(
            where & 0xFF, loudness(format, subnormals)
        )
        return outputs * scaled[1:], last * scaled[0]


def _steps(numbers: Floats, steps: Sequence[int], columns: Sequence[int]) -> Floats:
    """(B, T, n) with all slots -> (T, B, n) with those that are filled."""
    return numbers[:, list(steps)][:, :, list(columns)].transpose(1, 0, 2)


def _mask(kind: str, where: int, shape: tuple[int, ...]) -> Floats:
    """(1 + T, B, H): 1 for the cotangents that are not made 0, those of the last state before those
    of the outputs.
    """
    if kind == "dense":
        mask = np.ones(shape)
    else:
        mask = np.zeros(shape)
    if kind == "last":
        mask[0] = 1
    elif kind == "outputs":
        mask[1:] = 1
    elif kind != "dense" and mask.size:
        if kind == "one of last":
            entries = mask[0].size
        else:
            entries = mask.size
        mask.flat[where * entries >> 16] = 1
    return mask
