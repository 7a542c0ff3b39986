"""Stacks and boxes for the tests of reach, and runs from anywhere in a box."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gruverify import Cell, Format, Stack, Variant, float64
from gruverify.arithmetic import NDArray
from gruverify.backends import NumpyBackend
from gruverify.reaching import Reach
from gruverify.reaching import reach as _reach

DATA = Path(__file__).parents[1] / "data"
H, I, T = 4, 2, 5


def stack_of(
    variant: Variant,
    fmt: Format = float64,
    *,
    layers: int = 1,
    directions: int = 1,
    scale: float = 0.5,
    seed: int = 0,
) -> Stack:
    """A stack of normal weights."""
    rng = np.random.default_rng(seed)
    rows = list[tuple[Cell, ...]]()
    for layer in range(layers):
        size = directions * H if layer else I
        rows.append(tuple(_cell(variant, fmt, size, scale, rng) for _ in range(directions)))
    return Stack(tuple(rows))


def _cell(
    variant: Variant, fmt: Format, inputs: int, scale: float, rng: np.random.Generator
) -> Cell:
    packed: dict[str, Any] = {
        "weight_ih": rng.normal(size=(3 * H, inputs), scale=scale),
        "weight_hh": rng.normal(size=(3 * H, H), scale=scale),
    }
    for name in ("bias_ih", "bias_hh"):
        if variant.bias:
            there = np.repeat(variant.mask(name), H)
            packed[name] = rng.normal(size=3 * H, scale=scale) * there
    return Cell(variant, **{name: fmt.cast(array) for name, array in packed.items()})


def reach(model: object, inputs: NDArray | None = None, **given: Any) -> Reach:
    """What is found with few symbols, which do for small models."""
    return _reach(model, inputs, **{"generators": 120, "roots": 6, **given})


def inputs(members: int = 2, steps: int = T, seed: int = 1) -> NDArray:
    """Float32 numbers (T, B, I), which are float64 ones, too."""
    return np.random.default_rng(seed).normal(size=(steps, members, I)).astype(np.float32)


def outside(found: Reach, stack: Stack, xs: NDArray, radius: float, state: float = 0.0) -> float:
    """How far runs of the NumPy backend from anywhere in the boxes leave what was found, in each
    step and at the end; at most 0 if they stay inside.
    """
    fmt, rng, worst = found.format, np.random.default_rng(5), -np.inf
    size = (stack.layers * stack.directions, xs.shape[1], stack.hidden_size)
    for _ in range(30):
        shares = rng.choice([-1.0, 1.0, rng.uniform(-1, 1)], size=xs.shape)
        # Numbers of the format that are no farther away than the rounded ends.
        given = fmt.cast(xs + radius * shares)
        hs = fmt.cast(state * rng.uniform(-1, 1, size))
        outputs, last = NumpyBackend().stack(stack, given, hs, None, False)
        for low, high, y in (
            (found.low, found.high, outputs),
            (found.last_low, found.last_high, last),
        ):
            far = np.maximum(low - y.astype(np.float64), y.astype(np.float64) - high)
            worst = max(worst, float(far.max()))
    return worst
