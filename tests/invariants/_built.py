"""Cells whose gates are driven to where a test wants them, and cases around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gruverify import VARIANTS, Case, Cell, Format, Variant, float32

#: The targets that offer everything, at any size.
COMPLETE = ("numpy", "torch", "torch-formulas")

#: A pre-activation at which a gate is exactly 1, or its negative exactly 0, in every format.
SATURATED = 2048.0


def cell_at(
    format: Format, variant: Variant, *, kept: Sequence[float], r: Sequence[float], I: int = 2
) -> Cell:
    """A cell of H units with weights of order 1/2 and these pre-activations, unit by unit, put into
    its biases.

    kept: of the share of the state that is kept, which is z or 1-z as the variant has it; r: of the
    reset gate. A variant without biases has the weights alone.
    """
    H, random = len(kept), np.random.default_rng(0)
    sign = 1 if variant.update == "keep" else -1
    weights = [random.normal(size=(3 * H, columns)) / 2 for columns in (I, H)]
    candidate = random.normal(size=H) / 2
    biases = [
        np.concatenate([r, sign * np.asarray(kept), candidate]),
        np.concatenate([np.zeros(2 * H), -candidate / 2]),
    ]
    return Cell(variant, *map(format.cast, [*weights, *biases] if variant.bias else weights))


def a_case(format: Format = float32, variant: Variant = VARIANTS[0], T: int = 3) -> Case:
    """A case in which nothing is special: H = 3, I = 2, B = 2."""
    return case_of(cell_at(format, variant, kept=[0.5, -0.5, 1], r=[0.25, -1, 2]), T=T)


def case_of(cell: Cell, *, B: int = 2, T: int = 1) -> Case:
    """A case of B members and T steps, with a loss on the last state alone.

    The inputs alternate between x and -x and end with x: were they constant, a cell that forgets
    would have h' = c.
    """
    random, cast = np.random.default_rng(1), cell.format.cast
    x, h, g = (
        random.uniform(0.25, 1, size=(B, n))
        for n in (cell.input_size, cell.hidden_size, cell.hidden_size)
    )
    return Case(
        cell,
        cast(np.stack([(-1) ** k * x for k in reversed(range(T))])),
        cast(h),
        cast(np.zeros((T, *h.shape))),
        cast(g),
    )
