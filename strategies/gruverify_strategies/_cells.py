"""Cells: dense weights, biases that differ by gate and side, and gates driven to their regimes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from gruverify.arithmetic import Format
from gruverify.cell import Cell, Variant
from gruverify_strategies._codes import (
    GRAIN,
    RANDOM,
    Floats,
    Grain,
    Header,
    decode,
    grain,
    header,
    pick,
    rows,
    sealed,
)
from gruverify_strategies._regimes import NAMES, PLACEMENT, Regimes, place
from gruverify_strategies._sizes import Slots, slots, slots_length
from gruverify_strategies._validation import Limits, check_formats, check_variants, limits

#: Weights: powers of two from 2^-10 to 32, the simplest first, each as often as it is listed.
WEIGHTS = (*(1.0,) * 8, *(0.5,) * 5, *(2.0,) * 5, 0.25, 0.25, 4.0, 4.0, *(2.0**-k for k in range(3, 11)), 8.0, 16.0, 32.0)
#: Bytes of the header that the scales of a cell take: of weight_ih, weight_hh and the biases.
SCALES = 3

#: No input and no state is larger, wherever they are drawn.
REACH = 4.0
#: Salt of the units' numbers.
_SALT = 2


class Units:
    """The hidden units: a row of codes for each, holding its placement, biases and weights.

    The row's layout depends on the largest sizes only, so that emptying a slot leaves all others as they were.
    """

    def __init__(self, source: Random, within: Limits, filled: Slots) -> None:
        self._filled = filled
        self._blob = rows(source, filled["H"], within["H"], PLACEMENT + 6 + 3 * (within["I"][1] + within["H"][1]))
        self._largest_I = within["I"][1]

    def regimes(self, name: str, format: Format, variant: Variant) -> Regimes:
        """Where the units are driven."""
        return place(name, self._blob[list(self._filled["H"]), :PLACEMENT], format, variant.update)

    def weights(self, codes: Header, grain: Grain) -> tuple[Floats, Floats, Floats]:
        """weight_ih (3H, I), weight_hh (3H, H) and both biases (3H, 2), gate by gate."""
        numbers = decode(self._blob[:, PLACEMENT:], grain, _SALT)[list(self._filled["H"])]
        cut = 6 + 3 * self._largest_I
        biases = _packed(numbers[:, :6], range(2)) * pick(codes, WEIGHTS)
        weight_ih = _packed(numbers[:, 6:cut], self._filled["I"]) * pick(codes, WEIGHTS)
        weight_hh = _packed(numbers[:, cut:], self._filled["H"]) * pick(codes, WEIGHTS)
        return weight_ih, weight_hh, biases


def _packed(numbers: Floats, columns: Sequence[int]) -> Floats:
    """(H, 3n) with all slots -> (3H, columns) with those that are filled, gate by gate."""
    by_gate = numbers.reshape(len(numbers), 3, -1)[:, :, list(columns)].transpose(1, 0, 2)
    return by_gate.reshape(-1, len(columns))


def build(
    variant: Variant, format: Format, weights: tuple[Floats, Floats, Floats], regimes: Regimes, reach: tuple[Floats, Floats]
) -> Cell:
    """The cell of these weights, its gates driven, for inputs and states whose magnitudes are within `reach` (I,), (H,).

    Rows are scaled by powers of two until nothing within reach moves a gate out of its level, or a pre-activation near
    the end of the format. Without biases the drives are the weights of input 0, which then must be 1.
    """
    weight_ih, weight_hh, biases = weights
    at, margin, share = regimes.drives()
    moved = np.abs(weight_ih) @ reach[0] + np.abs(weight_hh) @ reach[1] + np.abs(biases).sum(1)
    allowed = np.minimum(margin, format.max / 8)
    down = np.exp2(np.floor(np.log2(allowed / np.maximum(moved, allowed))))[:, None]
    weight_ih, weight_hh, biases = weight_ih * down, weight_hh * down, biases * down
    if variant.bias:
        biases += at[:, None] * np.stack([share, 1 - share], axis=1)
    else:
        weight_ih[:, 0] += at
    packed: list[npt.NDArray[Any]] = [weight_ih, weight_hh, *(biases.T if variant.bias else ())]
    return Cell(variant, *(sealed(format, array) for array in packed))


@st.composite
def cells(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    formats: Sequence[Format] | None = None,
    variants: Sequence[Variant] | None = None,
) -> Cell:
    """A `Cell` with H hidden units and I inputs, of one of `variants` in one of `formats`.

    Every weight is drawn; biases are not zero and differ by gate and side. Scales are powers of two from 2^-10 to 32.
    The gates of a cell with biases are driven as `regimes` says, and stay there for inputs and states within [-4, 4].
    No pre-activation comes near the end of the format for these. Shrinks to few units and inputs, then to weights 0, ±1
    and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or `formats` or
            `variants` is wrong.
    """
    within = limits(H=(min_H, max_H), I=(min_I, max_I))
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + GRAIN + 3 + SCALES)
    filled = slots(codes, within)
    format, variant = pick(codes, check_formats(formats)), pick(codes, check_variants(variants))
    name = pick(codes, NAMES)
    units = Units(source, within, filled)
    weights = units.weights(codes, grain(codes))
    reach = np.full(len(filled["I"]), REACH), np.full(len(filled["H"]), REACH)
    return build(variant, format, weights, units.regimes(name if variant.bias else "free", format, variant), reach)
