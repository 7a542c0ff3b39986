"""What JAX makes of layers, in both directions and with lengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends._jax import Compiled, JaxBackend, Tree, called
from gruverify.cell import Stack, StackGradients, parameter_name


@dataclass(frozen=True)
class JaxStackBackend(JaxBackend):
    """A JaxBackend that has plain_stack(weights, inputs, states, lengths, batch_first) as well.

    weights: for each layer and direction, by the layout's names. What it returns at padding is set
    to 0 here: libraries leave there what they computed. In the place of lengths there may be a mask
    of the steps to be skipped, arranged as the inputs are.
    """

    plain_stack: Callable[..., tuple[jax.Array, jax.Array]]
    unbatched: bool = True

    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), arranged as the inputs are."""
        outputs, last = called(self._stack[batch_first], self._rows(stack), inputs, states, lengths)
        return outputs, last

    def stack_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        """Gradients at the cotangents d_outputs (T, B, D·H) and d_last (L·D, B, H), either of which
        may be None.
        """
        H, D, L = stack.hidden_size, stack.directions, stack.layers
        # (B,), or () where there is no batch: then inputs are (T, I).
        members = inputs.shape[slice(0, 1) if batch_first else slice(1, -1)]
        cotangents = (
            np.zeros((*inputs.shape[:-1], D * H), inputs.dtype) if d_outputs is None else d_outputs,
            np.zeros((L * D, *members, H), inputs.dtype) if d_last is None else d_last,
        )
        given = self._rows(stack), inputs, states
        rows, d_inputs, d_states = called(self._stack_vjp[batch_first], given, lengths, cotangents)
        found = dict[str, NDArray]()
        for layer, row in enumerate(rows):
            for direction, weights in enumerate(row):
                for name, array in self.layout.gradients(weights, stack.variant).items():
                    if array is not None:
                        found[parameter_name(name, layer, direction)] = array
        return StackGradients(found, d_inputs, d_states)

    def _rows(self, stack: Stack) -> Tree:
        return stack.each(self.layout.parameters)

    @cached_property
    def _stack(self) -> dict[bool, Compiled]:
        """The compiled stack, by batch_first."""
        return {first: jax.jit(self._masked(first)) for first in (False, True)}

    @cached_property
    def _stack_vjp(self) -> dict[bool, Compiled]:
        return {first: jax.jit(self._pulled_stack(first)) for first in (False, True)}

    def _pulled_stack(self, batch_first: bool) -> Compiled:
        run = self._masked(batch_first)

        def pull(given: Tree, lengths: jax.Array | None, cotangents: Tree) -> Tree:
            return jax.vjp(lambda *moving: run(*moving, lengths), *given)[1](cotangents)

        return pull

    def _masked(self, batch_first: bool) -> Compiled:
        def run(
            rows: Tree, inputs: jax.Array, states: jax.Array | None, lengths: jax.Array | None
        ) -> tuple[jax.Array, jax.Array]:
            outputs, last = self.plain_stack(rows, inputs, states, lengths, batch_first)
            if lengths is None:
                return outputs, last
            # Set to 0 inside what is differentiated: cotangents at padding reach nothing.
            if lengths.ndim == 2:
                real = ~lengths
            else:
                real = jnp.arange(outputs.shape[int(batch_first)])[:, None] < lengths
                real = real.T if batch_first else real
            return jnp.where(real[..., None], outputs, 0), last

        return run
