"""Gradients gate by gate: the blocks of `Gradients`, and the balls that belong to them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.cell import BLOCKS, Gradients, Parameters, Variant
from gruverify.formulas import Bptt
from gruverify.invariants.core._obstacle import RuledOut
from gruverify.invariants.core._residual import Residual, compare

_PACKED = {"W_x": "weight_ih", "W_h": "weight_hh", "b_x": "bias_ih", "b_h": "bias_hh"}
_GATES = {"r": "reset", "z": "update", "c": "candidate"}

#: The blocks r, z, c that a packed parameter consists of.
BLOCKS_OF = {packed: tuple(kind + gate for gate in _GATES) for kind, packed in _PACKED.items()}

#: The axes of a block by the kind of parameter.
LETTERS = {"W_x": "ij", "W_h": "ij", "b_x": "i", "b_h": "i"}


def letters(block: str) -> str:
    """The axes of a block: i is the unit, j the input or the unit it is connected with."""
    return LETTERS[block[:3]]


def spelled(block: str) -> str:
    """PyTorch's name and the gate: "W_hz" is "weight_hh-update"."""
    return f"{_PACKED[block[:3]]}-{_GATES[block[3]]}"


def block_of(gradients: Gradients, block: str) -> NDArray:
    """One gate's rows of a packed gradient."""
    packed: NDArray = getattr(gradients, _PACKED[block[:3]])
    H, gate = len(packed) // 3, "rzc".index(block[3])
    return packed[gate * H : (gate + 1) * H]


def state_of(gradients: Gradients) -> NDArray:
    """The gradient of the initial state, (B, H).

    Raises:
        RuledOut: the backend declares that it has none.
    """
    if gradients.state is None:
        raise RuledOut("the gradient of the initial state", "state_gradient=False")
    return gradients.state


def blocks_of(variant: Variant) -> tuple[str, ...]:
    """The blocks that the variant has."""
    return tuple(block for block in BLOCKS if variant.has(block))


def pairs(
    variant: Variant, gradients: Gradients, expected: Parameters
) -> Iterator[tuple[str, NDArray, Ball]]:
    """Every parameter block with the gradient that was returned and the ball that it must lie
    in.
    """
    for block in blocks_of(variant):
        yield block, block_of(gradients, block), getattr(expected, block)


def scale_of(expected: Parameters, block: str) -> float:
    """The range that bounds of a block are held against: the largest entry of the packed parameter
    it is a part of.
    """
    # Of the whole packed array: that one gate's block is nearly 0 next to the others is a claim.
    return max(largest(getattr(expected, part)) for part in BLOCKS_OF[_PACKED[block[:3]]])


def largest(ball: Ball) -> float:
    """The largest entry."""
    # Its `size` would stay with the ball, as large as the block.
    return float(np.abs(ball.mid).max(initial=0.0))


def compared(
    variant: Variant, found: Gradients, expected: Bptt, kind: str = "dL/d"
) -> Iterator[Residual]:
    """All parts of a gradient with the balls that they must lie in."""
    for block, actual, ball in pairs(variant, found, expected.parameters):
        yield compare(
            f"{kind}{block}",
            letters(block),
            actual,
            ball,
            scale=scale_of(expected.parameters, block),
        )
    # One range for all steps: a step whose gradient is small compared with the others' is known
    # well enough.
    scale = max(map(largest, expected.inputs), default=0.0)
    for t, (actual, ball) in enumerate(zip(found.inputs, expected.inputs, strict=True)):
        yield compare(f"{kind}x[t={t}]", "bj", actual, ball, scale=scale)
    if found.state is not None:
        yield compare(f"{kind}h_0", "bi", found.state, expected.state)
