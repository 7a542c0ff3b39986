"""The direction in which a case is differentiated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify.cell import Case, Gradients

NDArray = npt.NDArray[Any]


def tangent_of(case: Case) -> Gradients:
    """A direction for parameters, inputs and state, in their shapes and the case's format.

    Its entries are ±1, ±1/2 and ±1/4 without any order, the same ones for the same sizes: a direction in which
    everything moves, exact in every format, and known again when a case is replayed.
    """
    moving = {**case.cell.packed(), "inputs": case.inputs, "state": case.state}
    arrays = {name: case.format.cast(entries) for name, entries in _entries(moving)}
    return Gradients(*(arrays.get(name) for name in Gradients.__dataclass_fields__))  # type: ignore[arg-type]


def _entries(moving: dict[str, NDArray]) -> Iterator[tuple[str, NDArray]]:
    start = 1
    for name, array in moving.items():
        k = np.arange(start, start + array.size)
        start += array.size
        yield name, (np.copysign(1.0, np.sin(k * k)) * 0.5 ** (k % 3)).reshape(array.shape)


def turned_tangent(tangent: Gradients) -> Gradients:
    """-1/2 of it, which is exact."""
    turned = (None if a is None else a * a.dtype.type(-0.5) for a in vars(tangent).values())
    return Gradients(*turned)  # type: ignore[arg-type]  # None where there is no bias
