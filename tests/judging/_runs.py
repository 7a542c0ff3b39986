"""Models with random weights, and what our NumPy formulas return for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gruverify import Cell, Format, Stack, Variant, float32
from gruverify.backends import NumpyBackend

NDArray = np.ndarray[Any, Any]
AFTER = Variant()
#: What NumPy's float32 σ needs.
KAPPA = {"kappa_sigma": 5}


@dataclass(frozen=True)
class Run:
    """A stack with inputs (T, B, I), initial states (L·D, B, H), and the outputs (T, B, D·H) of our
    formulas.
    """

    stack: Stack
    inputs: NDArray
    state: NDArray
    outputs: NDArray

    @property
    def cell(self) -> Cell:
        return self.stack.cells[0][0]


def run(
    H: int = 3,
    I: int = 2,
    T: int = 20,
    B: int = 2,
    *,
    layers: int = 1,
    directions: int = 1,
    variant: Variant = AFTER,
    fmt: Format = float32,
    reach: float = 1.0,
    lengths: Any = None,
    seed: int = 0,
) -> Run:
    """What the NumPy backend returns for random weights within `reach`, inputs and states."""
    rng = np.random.default_rng(seed)

    def cell(inputs: int) -> Cell:
        shapes = {
            "weight_ih": (3 * H, inputs),
            "weight_hh": (3 * H, H),
            "bias_ih": (3 * H,),
            "bias_hh": (3 * H,),
        }
        return Cell(
            variant,
            **{name: fmt.cast(rng.uniform(-reach, reach, shape)) for name, shape in shapes.items()},
        )

    sizes = [I] + [directions * H] * (layers - 1)
    stack = Stack(tuple(tuple(cell(size) for _ in range(directions)) for size in sizes))
    x = fmt.cast(rng.normal(size=(T, B, I)))
    h = fmt.cast(rng.uniform(-1, 1, (layers * directions, B, H)))
    outputs, _ = NumpyBackend().stack(
        stack, x, h, None if lengths is None else np.asarray(lengths), False
    )
    return Run(stack, x, h, outputs)
