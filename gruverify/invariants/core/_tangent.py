"""The direction in which a case is differentiated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell import Case, Gradients

#: How many entries are found in one go, in some megabytes.
_PIECE = 2**16


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
    every, start = _in_order(sum(array.size for array in moving.values())), 0
    for name, array in moving.items():
        yield name, every[start : start + array.size].reshape(array.shape)
        start += array.size


@lru_cache(maxsize=8)  # a case has dozens of directions, most of the same sizes
def _in_order(count: int) -> NDArray:
    """So many entries, one after the other: ±2^-(k mod 3) for k from 1 on."""
    found = np.empty(count, np.float16)  # which has them all
    for start in range(0, count, _PIECE):
        k = np.arange(start + 1, min(start + _PIECE, count) + 1)
        # sin k² has no period, so that no two parts move alike; powers of two are exact in every
        # format.
        found[start : start + k.size] = np.copysign(1.0, np.sin(k * k)) * 0.5 ** (k % 3)
    return found


def turned_tangent(tangent: Gradients) -> Gradients:
    """-1/2 of it, which is exact."""
    turned = (None if a is None else a * a.dtype.type(-0.5) for a in vars(tangent).values())
    return Gradients(*turned)  # type: ignore[arg-type]  # None where there is no bias


def large_part(tangent: Gradients, among: int, factor: float) -> Gradients:
    """One of its parts that move, `among` of them counted round, times a power of two; all others
    rest.
    """
    moving = [name for name, array in tangent.items() if array.any()]
    chosen = moving[among % len(moving)]
    parts = dict[str, NDArray | None]()
    for name, array in vars(tangent).items():
        if array is None:
            parts[name] = None
        else:
            parts[name] = array * array.dtype.type(factor if name == chosen else 0)
    return Gradients(**parts)  # type: ignore[arg-type]  # None where there is no bias
