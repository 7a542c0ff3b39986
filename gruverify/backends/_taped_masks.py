"""Layers of a framework that records what it computes, and that skip steps by a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gruverify.backends._declarations import MaskedOutputs
from gruverify.backends._taped import Function, TapedStack, own
from gruverify.backends.contract import NDArray
from gruverify.cell import Cell, Gradients, Stack, StackGradients


@dataclass(frozen=True)
class TapedMasks(TapedStack):
    """With plain_masked(weights, inputs, state, keep) besides: one layer in one direction, time
    first.

    keep is an array of NumPy's, True at steps that a member skips; state a tensor or None. Its
    plain_stack takes such a mask, arranged as the inputs are, in the place of lengths.
    """

    plain_masked: Callable[..., tuple[Any, Any]] = field(kw_only=True)
    masked_outputs: MaskedOutputs = "state"

    def sequence_masked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        function, arrays = self._masked(cell, inputs, state, keep)
        outputs, last = self.engine.values(function, arrays)
        return outputs, last

    def sequence_masked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Gradients at the cotangents d_outputs (T, B, H) and d_last (B, H), either of which may be
        None.
        """
        function, arrays = self._masked(cell, inputs, state, keep)
        shape = (*inputs.shape[:2], cell.hidden_size)
        cotangents = [np.zeros(shape, inputs.dtype), np.zeros(shape[1:], inputs.dtype)]
        for at, given in enumerate((d_outputs, d_last)):
            if given is not None:
                cotangents[at] = own(given)
        names = self.layout.parameters(cell)
        found = self.engine.pulled(function, arrays, cotangents)
        weights, [d_inputs, *d_state] = found[: len(names)], found[len(names) :]
        packed: dict[str, Any] = self.layout.gradients(
            dict(zip(names, weights, strict=True)), cell.variant
        )
        return Gradients(**packed, inputs=d_inputs, state=next(iter(d_state), None))

    def stack_masked(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), arranged as the inputs are."""
        return self.stack(stack, inputs, states, keep, batch_first)

    def stack_masked_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        """Gradients at the cotangents d_outputs (T, B, D·H) and d_last (L·D, B, H), either of which
        may be None.
        """
        return self.stack_vjp(stack, inputs, states, keep, batch_first, d_outputs, d_last)

    def _masked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray
    ) -> tuple[Function, list[NDArray]]:
        """The function of all arrays in a row, and the arrays."""
        weights = self.layout.parameters(cell)

        def function(tensors: Any) -> tuple[Any, Any]:
            rest = iter(tensors)
            named = {name: next(rest) for name in weights}
            return self.plain_masked(named, next(rest), next(rest, None), keep)

        moving = [array for array in (*weights.values(), inputs, state) if array is not None]
        return function, [own(array) for array in moving]
