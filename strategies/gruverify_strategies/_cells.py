"""Cells: dense weights, biases that differ by gate and side, and gates driven to their regimes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from hypothesis import strategies as st

from gruverify.cell import Cell, Variant, contracted
from gruverify_strategies._codes import (
    GRAIN,
    RANDOM,
    Floats,
    Header,
    decode,
    grain,
    header,
    pick,
    rows,
    sealed,
)
from gruverify_strategies._from_bytes import event, from_bytes
from gruverify_strategies._recipe import CHOICES, Choice, Names, Recipe, recipe
from gruverify_strategies._regimes import PLACEMENT, Levels, Regimes, place
from gruverify_strategies._sizes import Slots, slots, slots_length
from gruverify_strategies._validation import Formats, Limits, Variants, check_reach, limits
from gruverify_strategies._weights import KINDS, SCALES, chrono

#: Bytes of the header that weights take: a grain and the scales of the biases, weight_ih and
#: weight_hh.
WEIGHTS = GRAIN + 3
_SALT = 2


class Units:
    """A row of codes for each hidden unit: its biases, weights and placement.

    What comes later in the row is simplified first: units are freed before weights vanish, and
    biases go last.

    The row's layout depends on the largest sizes only, so that emptying a slot leaves all others as
    they were.
    """

    def __init__(self, source: Random, within: Limits, filled: Slots) -> None:
        self._filled = filled
        # By the largest sizes, two biases and the two rows of weights for each of three gates.
        self._cuts = np.cumsum([6, 3 * within["I"][1], 3 * within["H"][1]])
        self._codes = rows(source, filled["H"], within["H"], int(self._cuts[-1]) + PLACEMENT)

    def regimes(self, choice: Choice, levels: Sequence[Levels] | None = None) -> Regimes:
        """Where the units are driven: each slot's to its `levels`, if there are any."""
        placement = self._codes[list(self._filled["H"]), self._cuts[-1] :]
        if levels is None:
            mine = None
        else:
            mine = [levels[slot] for slot in self._filled["H"]]
        return place(choice.regime, placement, choice.format, choice.variant.update, mine)

    def weights(self, codes: Header, choice: Choice) -> tuple[Floats, Floats, Floats]:
        """Both biases (3H, 2), weight_ih (3H, I) and weight_hh (3H, H), gate by gate."""
        every = decode(self._codes, grain(codes), _SALT)[list(self._filled["H"])]
        biases, weight_ih, weight_hh, _ = np.split(every, self._cuts, axis=1)
        kind = KINDS[choice.kind]
        return (
            _biases(_packed(biases, range(2)), pick(codes, SCALES), choice),
            kind.both(_packed(weight_ih, self._filled["I"])) * pick(codes, kind.scales),
            kind.recurrent(kind.both(_packed(weight_hh, self._filled["H"])))
            * pick(codes, kind.scales),
        )


def _biases(drawn: Floats, scale: float, choice: Choice) -> Floats:
    """(3H, 2): 0 where the variant has no such bias."""
    there = _there(choice.variant, len(drawn) // 3)
    if choice.biases == "chrono":
        timed = chrono(drawn, choice.variant.update)
        # A cell with the recurrent bias alone carries the time scale in that one.
        return (timed if choice.variant.input_bias else timed[:, ::-1]) * there
    return drawn * there * (scale if choice.biases == "drawn" else 0.0)


def _there(variant: Variant, H: int) -> Floats:
    """(3H, 2): 1 for the biases that the variant has, 0 for those that it lacks."""
    return np.repeat(
        np.transpose([variant.mask("bias_ih"), variant.mask("bias_hh")]), H, axis=0
    ).astype(np.float64)


def _packed(numbers: Floats, columns: Sequence[int]) -> Floats:
    """(H, 3n) with all slots -> (3H, columns) with those that are filled, gate by gate."""
    by_gate = numbers.reshape(len(numbers), 3, -1).transpose(1, 0, 2)
    if len(columns) == by_gate.shape[2]:
        some = by_gate
    else:
        some = by_gate[:, :, list(columns)]
    return some.reshape(-1, len(columns))


def build(
    choice: Choice,
    weights: tuple[Floats, Floats, Floats],
    regimes: Regimes,
    reach: tuple[Floats, Floats],
) -> Cell:
    """The cell of these weights, its gates driven, for inputs and states of magnitudes up to
    `reach`, (I,) and (H,).

    Rows are scaled by powers of two until nothing within reach moves a pre-activation near the end
    of the format or, if pinned, a gate out of its level. Without bias_ih the drives are the weights
    of input 0, which then must be 1.
    """
    biases, weight_ih, weight_hh = weights
    at, margin, share = regimes.drives()
    # The most that a pre-activation can be moved by, for any signs: a bound, not an estimate.
    moved = np.abs(weight_ih) @ reach[0] + np.abs(weight_hh) @ reach[1] + np.abs(biases).sum(1)
    # An eighth of the range leaves room for the drive and for sums of partial products.
    allowed = np.minimum(margin if choice.pinned else np.inf, choice.format.max / 8)
    # Powers of two only shift exponents: numbers that shrinking made simple stay simple.
    down = np.exp2(np.floor(np.log2(allowed / np.maximum(moved, allowed))))[:, None]
    biases, weight_ih, weight_hh = biases * down, weight_ih * down, weight_hh * down
    if choice.variant.input_bias:
        share = np.where(_there(choice.variant, len(at) // 3).all(1), share, 1.0)
        biases = biases + at[:, None] * np.stack([share, 1 - share], axis=1)
    else:
        weight_ih[:, 0] += at
    packed = [weight_ih, weight_hh, *(biases.T if choice.variant.bias else ())]
    cell = Cell(choice.variant, *(sealed(choice.format, array) for array in packed))
    # After the drives: they are among what is halved until λ < 1.
    if choice.kind == "contractive":
        return contracted(cell)
    return cell


@from_bytes
def cells(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    formats: Formats = None,
    variants: Variants = None,
    regimes: Names = None,
    weights: Names = None,
    biases: str = "drawn",
    pinned: bool = True,
    max_input: float = 4.0,
    max_state: float = 4.0,
) -> Cell:
    """A `Cell` with H hidden units and I inputs, of one of `variants` in one of `formats`.

    Every weight is drawn; the biases that the variant has are not zero and differ by gate and side.
    Scales are powers of two from 2^-10 to 32.

    regimes: names of those to choose from, see `regimes`. By default a third of the cells are free.
        A cell without bias_ih, or with other than drawn biases, is free; only regimes without
        "free" leave such variants out.
    weights: kinds to choose from: "dense", "sparse", "power-of-two", "orthogonal", "near-singular",
        "large-norm", "tiny", "contractive" (with a certificate, `gruverify.cell.contraction_rate`
        below 1). By default nine in ten are dense. A pinned cell of the last but "tiny" is free.
    biases: "drawn", "zero" or "chrono" (Tallec and Ollivier 2018).
    pinned: driven gates stay at their level for all inputs within ±max_input and states within
        ±max_state; weights are scaled down to that end. If False, weights stay as drawn and may
        move gates elsewhere.

    No pre-activation comes near the end of the format within these bounds. Shrinks to few units and
    inputs, then to weights 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, an
            argument is wrong, or what they require cannot be had together.
    """
    within = limits(H=(min_H, max_H), I=(min_I, max_I))
    wanted = recipe(formats, variants, regimes, weights, biases, pinned, drives_inputs=False)
    for name, bound in (("max_input", max_input), ("max_state", max_state)):
        check_reach(name, bound, wanted.formats)
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + CHOICES + WEIGHTS)
    return cell(source, codes, within, slots(codes, within), wanted, (max_input, max_state))


#: How large inputs and states may be, unless said otherwise.
REACH = (4.0, 4.0)


def cell(
    source: Random,
    codes: Header,
    within: Limits,
    filled: Slots,
    wanted: Recipe,
    reach: tuple[float, float] = REACH,
) -> Cell:
    """A cell in the slots that are filled, for inputs and states of magnitudes up to `reach`."""
    choice = wanted.choose(codes)
    event(f"regime: {choice.regime}")
    units = Units(source, within, filled)
    bounds = (
        np.full(len(filled["I"]), float(reach[0])),
        np.full(len(filled["H"]), max(1.0, reach[1])),
    )
    return build(choice, units.weights(codes, choice), units.regimes(choice), bounds)
