"""Stacks: layers of cells, in one direction or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from hypothesis import strategies as st

from gruverify.cell import Cell, Stack
from gruverify_strategies._cells import WEIGHTS, Units, cell
from gruverify_strategies._codes import RANDOM, header, pick, shared_by
from gruverify_strategies._from_bytes import between, either, from_bytes, part
from gruverify_strategies._recipe import CHOICES, Names, recipe
from gruverify_strategies._sizes import FULL_SIZE, Slots, full_size, slots, slots_length
from gruverify_strategies._validation import (
    Formats,
    Limits,
    Variants,
    check_formats,
    check_option,
    check_range,
    check_variants,
    limits,
)


@from_bytes
def stacks(
    draw: st.DrawFn,
    *,
    min_layers: int = 1,
    max_layers: int = 3,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    bidirectional: bool | None = None,
    formats: Formats = None,
    variants: Variants = None,
) -> Stack:
    """A `Stack` of layers, each of one cell or, if bidirectional, of two; all cells as `cells`
    draws them.

    The first layer's inputs have size I, those of the others H for each direction.
    `bidirectional=None` draws either. Shrinks to one layer in one direction, few units and inputs,
    then to weights 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or
            `bidirectional`, `formats` or `variants` is wrong.
    """
    sizes = limits(H=(min_H, max_H), I=(min_I, max_I))
    kinds = Kinds(formats, variants)
    return part(draw, frames, min_layers, max_layers, sizes, bidirectional, kinds).stack


@dataclass(frozen=True)
class Kinds:
    """What the cells of a stack are drawn from, as `cells` takes it."""

    formats: Formats
    variants: Variants
    regimes: Names = None
    weights: Names = None


@dataclass(frozen=True)
class Frame:
    """A stack, and the slots that it was drawn in.

    within: the slots that there may be: units (H) and inputs (I) of a layer, and units of all cells
    together (S).
    filled: those of them that are filled.
    """

    stack: Stack
    within: Limits
    filled: Slots


@from_bytes
def frames(
    draw: st.DrawFn,
    min_layers: int,
    max_layers: int,
    within: Limits,
    bidirectional: bool | None,
    kinds: Kinds,
    full: str = "",
) -> Frame:
    """A `Frame` of a stack as `stacks` draws it, with the largest sizes on the axes that are
    `full`.

    What is drawn for a cell depends on the largest sizes only, and where there is no cell as many
    draws are of nothing: so layers, directions and units can go without making others of those that
    stay.
    """
    check_range("layers", min_layers, max_layers)
    check_option("bidirectional", bidirectional, None, True, False)
    options = check_formats(kinds.formats), check_variants(kinds.variants)
    if "L" in full:
        layers = part(draw, _most, min_layers, max_layers)
    else:
        layers = between(draw, min_layers, max_layers)
    directions = 1 + _has_backward(draw, bidirectional, full)
    most = 1 if bidirectional is False else 2
    source = draw(RANDOM)
    codes = header(source, slots_length(within, full) + 2)
    filled = slots(codes, within, full=full)
    # Picked once: all cells of a stack have one format and one variant.
    formats, variants = [pick(codes, options[0])], [pick(codes, options[1])]
    wanted = recipe(
        formats, variants, kinds.regimes, kinds.weights, "drawn", True, drives_inputs=False
    )
    H = within["H"][1]

    def units(count: int) -> Sequence[int]:
        """The filled slots of `count` cells side by side."""
        return [part * H + slot for part, slot in product(range(count), filled["H"])]

    def one(layer: int, direction: int) -> Cell | None:
        there = layer < layers and direction < directions
        inputs, slots_of_inputs = filled["I"], within["I"]
        if layer > 0:
            # The layer below, both directions side by side, each with the slots that are filled.
            inputs, slots_of_inputs = units(directions), (1, most * H)
        bounds = {"H": within["H"], "I": slots_of_inputs}
        codes = header(source, CHOICES + WEIGHTS if there else 0)
        if not there:
            # As many draws, all of nothing: see the docstring of `frames`.
            Units(source, bounds, {"H": (), "I": ()})
            return None
        return cell(source, codes, bounds, {"H": filled["H"], "I": inputs}, wanted)

    # Of an example's bytes each cell that there may be gets an equal part.
    with shared_by(max_layers * most):
        rows = list[tuple[Cell, ...]]()
        for layer in range(max_layers):
            row = [one(layer, direction) for direction in range(most)]
            rows.append(tuple(found for found in row if found))
    stack = Stack(tuple(rows[:layers]))
    # As many state slots as there may be cells, so that rows of members keep their layout.
    every = max_layers * most * H
    return Frame(stack, within | {"S": (every, every)}, filled | {"S": units(layers * directions)})


def _has_backward(draw: st.DrawFn, bidirectional: bool | None, full: str) -> int:
    """Whether there is a backward direction: 0 or 1."""
    if bidirectional is not None:
        return int(bidirectional)
    if "D" in full:
        return part(draw, _most, 0, 1)
    return int(either(draw))


@from_bytes
def _most(draw: st.DrawFn, low: int, high: int) -> int:
    """The largest size, but for what shrinking takes away."""
    return full_size(header(draw(RANDOM), FULL_SIZE), low, high)
