"""`equinox`: Equinox's GRUCell, vmapped over the batch; a sequence is `lax.scan` over it, as its
documentation does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from gruverify.backends._jax import JaxBackend, Weights
from gruverify.cell import Variant


def build() -> JaxBackend:
    """With biases and without: `use_bias`."""
    variants = Variant(biases="input+candidate"), Variant(bias=False)
    return JaxBackend("equinox", "equinox", variants, _step, _run)


def _step(weights: Weights, x: Any, h: Any) -> Any:
    return jax.vmap(_cell(weights))(x, h)


def _run(weights: Weights, inputs: Any, state: Any) -> tuple[Any, Any]:
    cell = _cell(weights)
    if state is None:
        start = jnp.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype)
    else:
        start = state

    def next_one(h: Any, x: Any) -> tuple[Any, Any]:
        following = jax.vmap(cell)(x, h)
        return following, following

    last, outputs = jax.lax.scan(next_one, start, inputs)
    return outputs, last


def _cell(weights: Weights) -> eqx.nn.GRUCell:
    H, I = weights["weight_hh"].shape[1], weights["weight_ih"].shape[1]
    empty = _empty(I, H, "bias" in weights, weights["weight_hh"].dtype)
    names = tuple(weights)
    return eqx.tree_at(
        lambda cell: [getattr(cell, name) for name in names], empty, list(weights.values())
    )


@lru_cache
def _empty(input_size: int, hidden_size: int, use_bias: bool, dtype: Any) -> Any:
    """A cell without weights of its own."""
    key = jax.random.key(0)
    return eqx.filter_eval_shape(eqx.nn.GRUCell, input_size, hidden_size, use_bias, dtype, key=key)
