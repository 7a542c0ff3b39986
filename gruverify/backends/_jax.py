"""A GRU written over JAX, and what JAX makes of it: values, Jacobians, gradients and directions,
compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import jax
import numpy as np
import numpy.typing as npt

from gruverify._named import Keywords
from gruverify.arithmetic import FORMATS, NDArray
from gruverify.cell import LAYOUTS, Cell, Gradients, Layout, Variant

Weights = dict[str, Any]
#: A tree of arrays, as JAX takes them: an array, or tuples, lists and dicts of trees.
Tree: TypeAlias = Any
#: A function that JAX compiles once it is called.
Compiled: TypeAlias = Callable[..., Tree]


def compiled(function: Callable[..., Tree]) -> Compiled:
    """The function as JAX compiles it."""
    found: Compiled = jax.jit(function)
    return found


@dataclass(frozen=True)
class JaxBackend:
    """Of step(weights, x, h) and run(weights, inputs, state), both over JAX arrays; weights by the
    layout's names.

    A step returns the next state, a run outputs and last state; a state of None is the library's
    own.
    """

    name: str
    layout_name: str
    variants: Sequence[Variant]
    plain_step: Callable[[Weights, jax.Array, jax.Array], jax.Array]
    plain_run: Callable[[Weights, jax.Array, jax.Array | None], tuple[jax.Array, jax.Array]]

    formats: ClassVar = FORMATS
    shapes: ClassVar = "few"
    #: XLA flushes on the CPU, and computes float16 in float32, where its smallest numbers are none
    #: of those.
    subnormals: ClassVar = {"bfloat16": False, "float32": False, "float64": False}
    #: The gradient of a bias is a sum over the batch that rounds after each term.
    sums_in_format: ClassVar = {"float16": True, "bfloat16": True}

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """The next state (B, H), from x (B, I) and h (B, H)."""
        found: NDArray = called(self._step, self._weights(cell), x, h)
        return found

    def step_jacobian(self, cell: Cell, x: NDArray, h: NDArray) -> tuple[NDArray, NDArray]:
        """∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I): jacrev, vmapped over the batch."""
        dx, dh = called(self._jacobian, self._weights(cell), x, h)
        return dh, dx

    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
        """The gradients of one step at the cotangent (B, H)."""
        return self._gradients(
            cell, *called(self._step_vjp, (self._weights(cell), x, h), cotangent)
        )

    def sequence(
        self, cell: Cell, inputs: NDArray, state: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        outputs, last = called(self._run, self._weights(cell), inputs, state)
        return outputs, last

    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Gradients at the cotangents d_outputs (T, B, H) and d_last (B, H), either of which may be
        None.
        """
        given = self._weights(cell), inputs, state
        return self._gradients(
            cell, *called(self._run_vjp, given, both(cell, inputs, d_outputs, d_last))
        )

    def sequence_jvp(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
    ) -> tuple[NDArray, NDArray]:
        """The derivatives of outputs (T, B, H) and last state (B, H) along the tangent."""
        d_outputs, d_last = called(self._run_jvp, *self._along(cell, inputs, state, tangent))
        return d_outputs, d_last

    def sequence_hvp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        tangent: Gradients,
    ) -> Gradients:
        """The derivative of `sequence_vjp` along the tangent: jvp of vjp."""
        along = self._along(cell, inputs, state, tangent)
        return self._gradients(
            cell, *called(self._run_hvp, *along, both(cell, inputs, d_outputs, d_last))
        )

    # Compiled once per backend and not at every call: JAX keeps what it has traced by function.
    @cached_property
    def _step(self) -> Compiled:
        return compiled(self.plain_step)

    @cached_property
    def _jacobian(self) -> Compiled:
        def alone(p: Weights, x: jax.Array, h: jax.Array) -> jax.Array:
            return self.plain_step(p, x[None], h[None])[0]

        return compiled(jax.vmap(jax.jacrev(alone, (1, 2)), (None, 0, 0)))

    @cached_property
    def _step_vjp(self) -> Compiled:
        return compiled(lambda given, cotangent: jax.vjp(self.plain_step, *given)[1](cotangent))

    @cached_property
    def _run(self) -> Compiled:
        return compiled(self.plain_run)

    @cached_property
    def _run_vjp(self) -> Compiled:
        return compiled(self._pulled)

    @cached_property
    def _run_jvp(self) -> Compiled:
        return compiled(lambda at, along: jax.jvp(self.plain_run, at, along)[1])

    @cached_property
    def _run_hvp(self) -> Compiled:
        def hvp(at: Tree, along: Tree, cotangents: Tree) -> Tree:
            return jax.jvp(lambda *given: self._pulled(given, cotangents), at, along)[1]

        return compiled(hvp)

    def _pulled(self, given: Tree, cotangents: Tree) -> Tree:
        return jax.vjp(self.plain_run, *given)[1](cotangents)

    @property
    def layout(self) -> Layout:
        """The library's arrangement of a cell's parameters."""
        return LAYOUTS[self.layout_name]

    def _weights(self, cell: Cell) -> Weights:
        return self.layout.parameters(cell)

    def _along(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
    ) -> tuple[Tree, Tree]:
        """Weights, inputs and state, and the directions in which they move."""
        if state is None:
            h = np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype)
        else:
            h = state
        moves = Cell(
            cell.variant, tangent.weight_ih, tangent.weight_hh, tangent.bias_ih, tangent.bias_hh
        )
        return (self._weights(cell), inputs, h), (
            self._weights(moves),
            tangent.inputs,
            tangent.state,
        )

    def _gradients(
        self, cell: Cell, p: Weights, d_inputs: NDArray, d_state: NDArray | None
    ) -> Gradients:
        packed: Keywords = self.layout.gradients(p, cell.variant)
        return Gradients(**packed, inputs=d_inputs, state=d_state)


def both(
    cell: Cell, inputs: NDArray, d_outputs: NDArray | None, d_last: NDArray | None
) -> tuple[NDArray, NDArray]:
    """Both cotangents; one that is missing is 0."""
    T, B = inputs.shape[:2]
    outputs, last = (np.zeros((*axes, B, cell.hidden_size), inputs.dtype) for axes in ((T,), ()))
    return outputs if d_outputs is None else d_outputs, last if d_last is None else d_last


def called(function: Compiled, *given: Tree) -> Tree:
    """What it returns, as NumPy arrays of their own. JAX may keep arrays that it is given, and
    takes no odd strides.

    For arrays in float64 alone JAX has 64 bits: else it is as it comes.
    """
    arrays = jax.tree.map(_own, given)
    with jax.enable_x64(any(array.dtype == np.float64 for array in jax.tree.leaves(arrays))):
        return jax.tree.map(_own, function(*arrays))


def _own(array: npt.ArrayLike) -> NDArray:
    return np.array(array, order="C")
