"""The cases that an implementation gets wrong first: they come before those that are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray
from gruverify.cell import Cell, Stack, StackCase, Variant

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Sizes:
    H: int
    I: int
    B: int
    T: int
    L: int = 1
    D: int = 1


def boundary_cases(fmt: Format, variant: Variant) -> Iterator[tuple[str, StackCase]]:
    """Each with what it is there for; the same ones for every seed.

    Sizes of 1, all different and all the same; directions, layers, lengths with numbers in the
    padding; every gate at both ends; states that halve exactly; numbers as small as the format has;
    large inputs; a longer run.
    """
    yield "one of everything", _case(fmt, variant, _Sizes(1, 1, 1, 1))
    yield "no two sizes the same", _case(fmt, variant, _Sizes(2, 3, 4, 5))
    yield "all sizes the same", _case(fmt, variant, _Sizes(3, 3, 3, 3))
    yield "both directions", _case(fmt, variant, _Sizes(2, 3, 2, 4, D=2))
    yield "two layers", _case(fmt, variant, _Sizes(2, 3, 2, 4, L=2))
    yield (
        "two layers in both directions, lengths, and numbers in the padding",
        _case(fmt, variant, _Sizes(2, 3, 4, 5, L=2, D=2), lengths=[5, 1, 3, 4]),
    )
    yield "every gate at both ends", _case(fmt, variant, _Sizes(8, 2, 2, 3), driven=True)
    yield (
        "weights of 0: each step halves the state",
        _case(fmt, variant, _Sizes(2, 2, 2, 3), weights=0.0),
    )
    yield (
        "zeros for inputs and states",
        _case(fmt, variant, _Sizes(2, 3, 2, 3), inputs=0.0, states=0.0),
    )
    tiny = 8 * fmt.min_subnormal
    yield (
        "numbers as small as the format has",
        _case(fmt, variant, _Sizes(2, 3, 2, 3), inputs=tiny, states=tiny),
    )
    yield "large inputs", _case(fmt, variant, _Sizes(2, 3, 2, 3), inputs=64.0)
    yield "a longer run", _case(fmt, variant, _Sizes(4, 2, 2, 40))


def _case(
    fmt: Format,
    variant: Variant,
    sizes: _Sizes,
    *,
    lengths: list[int] | None = None,
    driven: bool = False,
    weights: float = 0.5,
    inputs: float = 1.0,
    states: float = 1.0,
) -> StackCase:
    """A case of random numbers within these magnitudes, cotangents within 1."""
    # Whatever the seed of the export: cases at boundaries keep their numbers and names.
    rng = np.random.default_rng(0)
    H, I, B, T, L, D = sizes.H, sizes.I, sizes.B, sizes.T, sizes.L, sizes.D

    def numbers(reach: float, *shape: int) -> NDArray:
        return fmt.cast(reach * rng.uniform(-1, 1, shape))

    rows = list[tuple[Cell, ...]]()
    for layer in range(L):
        row = list[Cell]()
        for _ in range(D):
            width = D * H if layer else I
            arrays = {
                "weight_ih": numbers(weights, 3 * H, width),
                "weight_hh": numbers(weights, 3 * H, H),
            }
            for name in ("bias_ih", "bias_hh") if variant.bias else ():
                # A vector that a variant has of some gates alone is 0 for the others.
                mask = np.repeat(variant.mask(name), H)
                arrays[name] = np.where(mask, numbers(weights, 3 * H), fmt.cast(0.0))
            row.append(Cell(variant, **arrays))
        rows.append(tuple(row))
    xs = numbers(inputs, T, B, I)
    if driven:
        rows, xs = [(_driven(fmt, rows[0][0]),)], _with_ones(xs)
    return StackCase(
        Stack(tuple(rows)),
        inputs=xs,
        states=numbers(states, L * D, B, H),
        d_outputs=numbers(1.0, T, B, D * H),
        d_last=numbers(1.0, L * D, B, H),
        lengths=None if lengths is None else np.array(lengths),
    )


def _with_ones(xs: NDArray) -> NDArray:
    """Inputs whose first is 1 at every step: its weights are biases, which not all cells have."""
    found = xs.copy()
    found[..., 0] = 1
    return found


def _driven(fmt: Format, cell: Cell) -> Cell:
    """Eight units in which r, z and the candidate are at either end, in every combination."""
    weight_ih, units = cell.weight_ih.copy(), np.arange(8)
    for gate, reach in enumerate((fmt.sigmoid_saturates, fmt.sigmoid_saturates, 8.0)):
        # Bit by bit: unit k has its gates at the ends that the digits of k say.
        ends = np.where(units >> gate & 1, reach, -reach)
        weight_ih[8 * gate : 8 * gate + 8, 0] = fmt.cast(ends)
    return Cell(cell.variant, weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
