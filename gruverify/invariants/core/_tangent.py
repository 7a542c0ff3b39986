"""The direction in which a case is differentiated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell import Case, Gradients


def tangent_of(case: Case, *, moves_state: bool = True) -> Gradients:
    """A direction for parameters, inputs and state, in their shapes and the case's format.

    Its entries are ±1, ±1/2 and ±1/4 without any order, the same ones for the same sizes: a
    direction in which everything moves but the biases that the variant lacks and, unless
    `moves_state`, the state; exact in every format, and known again when a case is replayed.
    """
    moving = {**case.cell.packed(), "inputs": case.inputs, "state": case.state}
    arrays = {name: case.format.cast(entries) for name, entries in _entries(moving)}
    for name in case.cell.packed():
        rows = np.repeat(case.cell.variant.mask(name), case.cell.hidden_size)
        # A cell cannot move along a bias that its variant does not have.
        arrays[name][~rows] = 0
    if not moves_state:
        arrays["state"][...] = 0
    return Gradients(*(arrays.get(name) for name in Gradients.__dataclass_fields__))  # type: ignore[arg-type]


def _entries(moving: dict[str, NDArray]) -> Iterator[tuple[str, NDArray]]:
    start = 1
    for name, array in moving.items():
        k = np.arange(start, start + array.size)
        start += array.size
        # sin k² has no period, so that no two parts move alike; powers of two are exact in every
        # format.
        yield name, (np.copysign(1.0, np.sin(k * k)) * 0.5 ** (k % 3)).reshape(array.shape)


def turned_tangent(tangent: Gradients) -> Gradients:
    """-1/2 of it, which is exact."""
    turned = (None if a is None else a * a.dtype.type(-0.5) for a in vars(tangent).values())
    return Gradients(*turned)  # type: ignore[arg-type]  # None where there is no bias
