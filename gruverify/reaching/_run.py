"""A stack over boxes: the formulas in affine arithmetic, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gruverify.arithmetic import Affine, Format, NDArray, Noise, carried, placed
from gruverify.cell import Cell, Parameters, Stack
from gruverify.formulas import step
from gruverify.reaching._boxes import Boxes, CannotReach

#: Arrays as large as a number's generators that a step has at once.
_COPIES = 16


@dataclass(frozen=True, eq=False)
class Model:
    """A stack in the format that it computes in, whether its one direction runs backward, and the
    linear layer behind it, weights (C, D·H) and bias (C,), if one is read.
    """

    stack: Stack
    backward: bool = False
    head: tuple[NDArray, NDArray | None] | None = None

    @property
    def width(self) -> int:
        """D·H."""
        return self.stack.directions * self.stack.hidden_size


@dataclass(frozen=True, eq=False)
class Enclosed:
    """A step: the states of the last layer (B, D·H), what the linear layer makes of them, and the
    states (B, H) of every direction that are known by then: all of them at the last step.
    """

    states: Affine
    outputs: Affine | None
    every: tuple[Affine, ...]


def enclosed(model: Model, noise: Noise, boxes: Boxes) -> Iterator[Enclosed]:
    """Enclosures of every step, in time."""
    rows = model.stack.each(lambda cell: cell.parameters(noise.point))
    # Lazily: on the way forward a step's box is made when it is met, and kept no longer.
    inputs = (noise.between(low, high) for low, high in zip(boxes.low, boxes.high, strict=True))
    states = [
        # A point needs no symbols, which every later product would carry along.
        noise.between(low, high) if (low < high).any() else noise.point(low)
        for low, high in zip(boxes.state_low, boxes.state_high, strict=True)
    ]
    if model.stack.directions == 1 and not model.backward:
        found = _forward(model, rows, inputs, states)
    else:
        found = _layer_by_layer(model, rows, list(inputs), states)
    for output, every in found:
        yield Enclosed(output, _behind(model, noise, output), every)


def _forward(
    model: Model,
    rows: Sequence[Sequence[Parameters]],
    inputs: Iterator[Affine],
    states: list[Affine],
) -> Iterator[tuple[Affine, tuple[Affine, ...]]]:
    """Step by step through all layers: nothing is kept but the states."""
    for x in inputs:
        given, output = x, x
        for layer, (p,) in enumerate(rows):
            output = step(model.stack.variant, p, given, states[layer])
            # Condensed to the number of generators that was asked for, before it meets another
            # step.
            states[layer] = given = carried(output)
        yield output, tuple(states)


def _layer_by_layer(
    model: Model,
    rows: Sequence[Sequence[Parameters]],
    inputs: list[Affine],
    states: list[Affine],
) -> Iterator[tuple[Affine, tuple[Affine, ...]]]:
    """Layer by layer, since a backward direction starts at the last step."""
    v, H, left = model.stack.variant, model.stack.hidden_size, iter(states)
    last, outputs = list[Affine](), inputs
    for row in rows:
        ways = list[list[Affine]]()
        for direction, p in enumerate(row):
            order = slice(None, None, -1) if direction or model.backward else slice(None)
            h, way = next(left), list[Affine]()
            for x in outputs[order]:
                way.append(step(v, p, x, h))
                h = carried(way[-1])
            last.append(h)
            ways.append(way[order])
        outputs = ways[0]
        if len(ways) == 2:
            outputs = [_side_by_side(h, other, H) for h, other in zip(*ways, strict=True)]
    for output in outputs:
        yield output, tuple(last)


def _side_by_side(there: Affine, back: Affine, H: int) -> Affine:
    B = there.shape[0]
    both: Affine = placed(there, (B, 2 * H), (np.s_[:, :H], there), (np.s_[:, H:], back))
    whole: Affine = carried(both)
    return whole


def _behind(model: Model, noise: Noise, output: Affine) -> Affine | None:
    """What the linear layer makes of it."""
    if model.head is None:
        return None
    W, b = model.head
    y: Affine = output @ noise.point(W).T
    if b is None:
        return y
    return y + noise.point(b)


def require_memory(model: Model, noise: Noise, boxes: Boxes, pieces: int, most: float) -> None:
    """Raise CannotReach if a run takes more than `most` GiB, with each box in that many pieces."""
    s = model.stack
    pairs = noise.roots * (noise.roots + 1) // 2 if noise.generators else 0
    # Those that are kept, those of pairs, and what a step adds: its inputs and three curves a
    # unit.
    symbols = noise.generators + 2 * pairs + s.input_size + 3 * s.hidden_size + 1
    members = boxes.members * pieces
    each = 8.0 * members * symbols
    taken = each * _COPIES * max(s.hidden_size, s.input_size)
    if s.directions == 2 or model.backward:
        taken += each * boxes.steps * s.layers * model.width
    if taken > most * 2**30:
        raise CannotReach(
            f"B={members} with {symbols:,} symbols takes about {taken / 2**30:.3g} GiB of "
            f"memory, more than --max-memory {most:g}: fewer --generators, --roots or --split take "
            "less"
        )


def in_format(stack: Stack, fmt: Format) -> Stack:
    """The stack with its weights rounded to a format.

    Raises:
        CannotReach: one of them overflows in it.
    """
    if stack.format == fmt:
        return stack

    def cast(cell: Cell) -> Cell:
        packed = cell.packed().items()
        return Cell(cell.variant, **{name: fmt.cast(a.astype(np.float64)) for name, a in packed})

    try:
        with np.errstate(over="ignore"):
            return Stack(tuple(map(tuple, stack.each(cast))))
    except ValueError as wrong:
        raise CannotReach(f"in {fmt.name} {wrong}") from None
