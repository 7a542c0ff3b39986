"""A case as whoever lacks something reads it: without the biases, the lengths or the initial state
that it ignores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import NDArray
from gruverify.cell import AnyCase, Case, Cell, Stack, StackCase, Variant
from gruverify.engine._smaller import with_arrays


def as_read(case: AnyCase, name: str, value: Any) -> AnyCase | None:
    """The case as a target reads it that is what the declaration says, and ignores what it leaves
    out.

    The case itself if it has nothing of it; None if it cannot be ignored: then the target raises,
    or its answer has another shape.
    """
    if name == "biases":
        return with_arrays(case, _without_biases(Variant(biases=value)))
    if name == "initial_state":
        return with_arrays(
            case, lambda of, own: np.zeros_like(own) if of in ("state", "states") else own
        )
    if isinstance(case, Case):
        return case
    if name == "lengths":
        return replace(case, lengths=None)
    # Only a stack's call has these: of a cell's case each is as everybody has it.
    fits = {
        "unbatched": case.batched,
        "bidirectional": (case.sizes["D"] == 2) is value,
        "batch_first": case.batch_first is value or not case.batched,
    }
    if fits[name]:
        return case
    if name == "batch_first":
        return _transposed(case)
    return None


def as_declared(case: AnyCase, name: str, value: Any) -> AnyCase | None:
    """The case that a target which declares this is asked instead; None if it is asked nothing
    instead.
    """
    read = as_read(case, name, value)
    if name == "biases":
        assert read is not None
        return _with_variant(read, replace(case.variant, biases=value))
    if name == "initial_state" or read is case or (read is not None and read == case):
        return read
    return None


def _without_biases(variant: Variant) -> Callable[[str, NDArray], NDArray]:
    """What makes 0 of the biases that a variant lacks."""

    def change(name: str, own: NDArray) -> NDArray:
        if not name.startswith("bias"):
            return own
        # Blocks of r, z and n, each present or not as a whole.
        there = np.repeat(variant.mask(name), len(own) // 3)
        return np.where(there, own, np.zeros_like(own))

    return change


def _transposed(case: StackCase) -> StackCase | None:
    """The arrays of the call, taken for time first where the batch is and the other way round, if
    they allow it.
    """
    T, B, _ = case.inputs.shape
    # With other sizes the call has another shape and is refused; lengths would be of another axis.
    if T != B or case.lengths is not None:
        return None
    inputs, d_outputs = (array.swapaxes(0, 1) for array in (case.inputs, case.d_outputs))
    return replace(case, inputs=inputs, d_outputs=d_outputs, batch_first=not case.batch_first)


def _with_variant(case: AnyCase, variant: Variant) -> AnyCase:
    """The case with another variant, whose biases its arrays have."""
    if variant.bias:
        none: Keywords = {}
    else:
        none = {"bias_ih": None, "bias_hh": None}

    def changed(cell: Cell) -> Cell:
        return replace(cell, variant=variant, **none)

    if isinstance(case, Case):
        return replace(case, cell=changed(case.cell))
    return replace(case, stack=Stack(tuple(tuple(map(changed, row)) for row in case.stack.cells)))
