"""Cases of any sizes, variant and format, the same ones every time."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from gruverify import Case, Cell, Format, Gradients, Variant, float64
from gruverify.backends import MODULE_METHODS, Backend
from gruverify.engine import judge
from gruverify.invariants import INVARIANTS

PYTORCH = Variant()
#: The invariants that read a case of a cell.
OF_CELLS = {id for id, invariant in INVARIANTS.items() if not invariant.of_stacks}
#: Those of them that ask how weights reach modules.
OF_MODULES = {
    id for id, invariant in INVARIANTS.items() if set(invariant.needs) & set(MODULE_METHODS)
}


def case(
    variant: Variant = PYTORCH,
    format: Format = float64,
    H: int = 3,
    I: int = 2,
    B: int = 2,
    T: int = 3,
    seed: int = 0,
) -> Case:
    """A case with nothing zero in it."""
    draw = np.random.default_rng(seed)

    def values(*shape: int) -> Any:
        return format.cast(draw.uniform(-1.5, 1.5, shape))

    biases = {name: values(3 * H) for name in ("bias_ih", "bias_hh") if variant.bias}
    cell = Cell(variant, values(3 * H, I), values(3 * H, H), **biases)
    return Case(cell, values(T, B, I), values(B, H), values(T, B, H), values(B, H))


def falsified(backend: Backend, *cases: Case) -> set[str]:
    """The ids of the invariants that the backend falsifies, or raises at, on one of the cases."""
    return {
        j.invariant.id
        for one in cases
        for j in judge(one, backend, INVARIANTS.values())
        if j.failed
    }


def judged(backend: Backend, one: Case) -> set[str]:
    """The ids of the invariants that could be asked of the backend."""
    return {j.invariant.id for j in judge(one, backend, INVARIANTS.values())}


def writable(cell: Cell) -> Cell:
    """The cell over arrays that may be written to, as a trial hands it to a backend."""
    twin = copy(cell)
    for name, array in cell.packed().items():
        object.__setattr__(twin, name, array.copy())
    return twin


def same(one: Gradients, other: Gradients) -> bool:
    """Whether two gradients have the same parts, equal entry by entry."""
    return {n: a.tolist() for n, a in one.items()} == {n: a.tolist() for n, a in other.items()}
