"""What JAX makes of layers that skip steps by a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import jax

from gruverify.arithmetic import NDArray
from gruverify.backends._declarations import MaskedOutputs
from gruverify.backends._jax import Compiled, Tree, both, called, compiled
from gruverify.backends._jax_stack import JaxStackBackend
from gruverify.cell import Cell, Gradients, Stack, StackGradients


@dataclass(frozen=True)
class JaxMasksBackend(JaxStackBackend):
    """A JaxStackBackend that has plain_masked(weights, inputs, state, keep) as well: one layer in
    one direction, time first. keep is True at steps that a member skips. Its plain_stack takes
    such a mask in the place of lengths, and outputs there are 0.
    """

    plain_masked: Callable[..., tuple[jax.Array, jax.Array]] = field(kw_only=True)
    masked_outputs: MaskedOutputs = "state"

    def sequence_masked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        outputs, last = called(self._masked_run, self._weights(cell), inputs, state, keep)
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
        given = self._weights(cell), inputs, state
        cotangents = both(cell, inputs, d_outputs, d_last)
        return self._gradients(cell, *called(self._masked_vjp, given, keep, cotangents))

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

    @cached_property
    def _masked_run(self) -> Compiled:
        return compiled(self.plain_masked)

    @cached_property
    def _masked_vjp(self) -> Compiled:
        def pull(given: Tree, keep: jax.Array, cotangents: Tree) -> Tree:
            return jax.vjp(lambda *moving: self.plain_masked(*moving, keep), *given)[1](cotangents)

        return compiled(pull)
