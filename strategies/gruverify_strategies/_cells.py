"""Cells: dense weights, biases that differ by gate and side, and gates driven to their regimes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from hypothesis import strategies as st

from gruverify.arithmetic import Format
from gruverify.cell import Cell, Variant
from gruverify_strategies._codes import GRAIN, RANDOM, Floats, Header, decode, grain, header, pick, powers, rows, sealed
from gruverify_strategies._regimes import NAMES, PLACEMENT, Regimes, place
from gruverify_strategies._sizes import Slots, slots, slots_length
from gruverify_strategies._validation import Formats, Limits, Variants, check_formats, check_variants, limits

_SCALES = powers({0: 8, -1: 5, 1: 5, -2: 2, 2: 2} | dict.fromkeys([*range(-3, -11, -1), 3, 4, 5], 1))
#: Bytes of the header that weights take: a grain and the scales of the biases, weight_ih and weight_hh.
WEIGHTS = GRAIN + 3

#: No input and no state is larger, wherever the strategies draw them.
_REACH = 4.0
_SALT = 2


class Units:
    """A row of codes for each hidden unit: its biases, weights and placement.

    What comes later in the row is simplified first: units are freed before weights vanish, and biases go last.

    The row's layout depends on the largest sizes only, so that emptying a slot leaves all others as they were.
    """

    def __init__(self, source: Random, within: Limits, filled: Slots) -> None:
        self._filled = filled
        self._cuts = np.cumsum([6, 3 * within["I"][1], 3 * within["H"][1]])
        self._codes = rows(source, filled["H"], within["H"], int(self._cuts[-1]) + PLACEMENT)

    def regimes(self, name: str, format: Format, update: str) -> Regimes:
        """Where the units are driven."""
        return place(name, self._codes[list(self._filled["H"]), self._cuts[-1] :], format, update)

    def weights(self, codes: Header) -> tuple[Floats, Floats, Floats]:
        """Both biases (3H, 2), weight_ih (3H, I) and weight_hh (3H, H), gate by gate."""
        every = decode(self._codes, grain(codes), _SALT)[list(self._filled["H"])]
        biases, weight_ih, weight_hh, _ = np.split(every, self._cuts, axis=1)
        return (
            _packed(biases, range(2)) * pick(codes, _SCALES),
            _packed(weight_ih, self._filled["I"]) * pick(codes, _SCALES),
            _packed(weight_hh, self._filled["H"]) * pick(codes, _SCALES),
        )


def _packed(numbers: Floats, columns: Sequence[int]) -> Floats:
    """(H, 3n) with all slots -> (3H, columns) with those that are filled, gate by gate."""
    by_gate = numbers.reshape(len(numbers), 3, -1)[:, :, list(columns)].transpose(1, 0, 2)
    return by_gate.reshape(-1, len(columns))


def build(
    variant: Variant,
    format: Format,
    weights: tuple[Floats, Floats, Floats],
    regimes: Regimes,
    reach: tuple[Floats, Floats],
) -> Cell:
    """The cell of these weights, its gates driven, for inputs and states of magnitudes up to `reach`, (I,) and (H,).

    Rows are scaled by powers of two until nothing within reach moves a gate out of its level, or a pre-activation near
    the end of the format. Without biases the drives are the weights of input 0, which then must be 1.
    """
    biases, weight_ih, weight_hh = weights
    at, margin, share = regimes.drives()
    moved = np.abs(weight_ih) @ reach[0] + np.abs(weight_hh) @ reach[1] + np.abs(biases).sum(1)
    allowed = np.minimum(margin, format.max / 8)
    down = np.exp2(np.floor(np.log2(allowed / np.maximum(moved, allowed))))[:, None]
    biases, weight_ih, weight_hh = biases * down, weight_ih * down, weight_hh * down
    if variant.bias:
        biases += at[:, None] * np.stack([share, 1 - share], axis=1)
    else:
        weight_ih[:, 0] += at
    packed = [weight_ih, weight_hh, *(biases.T if variant.bias else ())]
    return Cell(variant, *(sealed(format, array) for array in packed))


@st.composite
def cells(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    formats: Formats = None,
    variants: Variants = None,
) -> Cell:
    """A `Cell` with H hidden units and I inputs, of one of `variants` in one of `formats`.

    Every weight is drawn; biases are not zero and differ by gate and side. Scales are powers of two from 2^-10 to 32.
    The gates of a cell with biases are driven as `regimes` says, and stay there for inputs and states within [-4, 4];
    no pre-activation comes near the end of the format for these. Shrinks to few units and inputs, then to weights 0,
    ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or `formats` or
            `variants` is wrong.
    """
    within = limits(H=(min_H, max_H), I=(min_I, max_I))
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + 3 + WEIGHTS)
    filled = slots(codes, within)
    format, variant = pick(codes, check_formats(formats)), pick(codes, check_variants(variants))
    name = pick(codes, NAMES)
    units = Units(source, within, filled)
    regimes = units.regimes(name if variant.bias else "free", format, variant.update)
    reach = np.full(len(filled["I"]), _REACH), np.full(len(filled["H"]), _REACH)
    return build(variant, format, units.weights(codes), regimes, reach)
