"""A backend over NumPy behind the adapters of JAX, as a library of JAX that computes as it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np

from gruverify.backends import NumpyBackend
from gruverify.backends._jax import JaxBackend, Tree
from gruverify.backends._jax_masks import JaxMasksBackend
from gruverify.backends.contract import NDArray
from gruverify.cell import Variant

from ._by_layout import ByLayout

#: How the libraries of JAX that are targets arrange their weights, and which variants they have.
PLACES: tuple[tuple[str, Variant], ...] = (
    ("flax", Variant(biases="input+candidate")),
    ("haiku", Variant("before", "replace", biases="input")),
    ("equinox", Variant(bias=False)),
    ("keras", Variant("before", biases="input")),
    ("nnx", Variant(biases="input")),
    ("keras", Variant()),
)


@dataclass(frozen=True)
class _TwoModes(JaxMasksBackend):
    """JAX takes one rule from a function: gradients come of one, tangents of the other."""

    forward: JaxBackend = field(kw_only=True)

    def sequence_jvp(self, *given: Any) -> tuple[NDArray, NDArray]:
        return self.forward.sequence_jvp(*given)


def behind_jax(backend: Any, layout: str, variant: Variant) -> Any:
    """The backend as functions of JAX whose weights are arranged as in the layout."""
    own, right = (ByLayout(each, layout, variant) for each in (backend, NumpyBackend()))
    forward, run = _in_both_modes(own, right)
    # JAX differentiates by numbers, and the order of axes is none.
    stacks = []
    for order in (False, True):
        at = [partial(method, order) for method in (own.stack, right.stack, own.stack_vjp)]
        stacks.append(_in_reverse(*at))

    def stack(rows: Tree, inputs: Any, states: Any, marks: Any, batch_first: bool) -> Tree:
        return stacks[batch_first](rows, inputs, states, marks)

    about = backend.name, layout, (variant,), _in_reverse(own.step, right.step, own.step_vjp)
    return _TwoModes(
        *(*about, run, stack),
        plain_masked=_in_reverse(own.masked, right.masked, own.masked_vjp),
        masked_outputs="zero",
        forward=JaxBackend(*about, forward),
    )


def _called_back(function: Callable[..., Tree], like: Callable[..., Tree], *given: Tree) -> Tree:
    """What a function over NumPy returns, called by what JAX compiles; `like` shows the shapes."""
    zeros = jax.tree.map(lambda array: np.zeros(array.shape, array.dtype), given)

    def call(*arrays: Tree) -> Tree:
        with np.errstate(all="ignore"):
            return function(*jax.tree.map(lambda array: np.array(array, order="C"), arrays))

    return jax.pure_callback(call, like(*zeros), *given, vmap_method="sequential")


def _as_given(given: Tree, *others: Tree) -> Tree:
    """Gradients are shaped as what they are gradients of; lengths and masks have none."""
    return jax.tree.map(lambda array: None if array.dtype.kind in "ib" else array, given)


def _in_reverse(
    values: Callable[..., Tree], like: Callable[..., Tree], pulled: Callable[..., Tree]
) -> Callable[..., Tree]:
    """A function of JAX with the gradients pulled(given, cotangents)."""
    called = partial(_called_back, values, like)
    function = jax.custom_vjp(called)
    function.defvjp(
        lambda *given: (called(*given), given), partial(_called_back, pulled, _as_given)
    )
    found: Callable[..., Tree] = function
    return found


def _in_both_modes(own: ByLayout, right: ByLayout) -> tuple[Any, Any]:
    """A run with tangents, and one with gradients that have tangents of their own."""
    forward = jax.custom_jvp(partial(_called_back, own.run, right.run))
    pulled = jax.custom_jvp(partial(_called_back, own.run_vjp, _as_given))

    @forward.defjvp
    def moved(given: Tree, along: Tree) -> Tree:
        return forward(*given), _called_back(own.run_jvp, right.run_jvp, given, along)

    @pulled.defjvp
    def twice(at: Tree, along: Tree) -> Tree:
        # Cotangents do not move: it is the Hessian that is asked for.
        return pulled(*at), _called_back(own.run_hvp, _as_given, *at, along[0])

    run = jax.custom_vjp(forward)
    run.defvjp(lambda *given: (forward(*given), given), pulled)
    return forward, run
