"""`haiku`: Haiku's GRU; a sequence is `dynamic_unroll` of it."""

from __future__ import annotations

from typing import Any

import haiku as hk
import jax.numpy as jnp

from gruverify.backends._jax import JaxBackend, Weights
from gruverify.cell import Variant


def build() -> JaxBackend:
    """The one of them that resets before and replaces, with one bias a gate."""
    return JaxBackend(
        "haiku", "haiku", (Variant("before", "replace", biases="input"),), _step, _run
    )


def _step(weights: Weights, x: Any, h: Any) -> Any:
    def step() -> Any:
        return _gru(weights)(x, h)[0]

    return _applied(step, weights)


def _run(weights: Weights, inputs: Any, state: Any) -> tuple[Any, Any]:
    def run() -> Any:
        gru = _gru(weights)
        if state is None:
            start = gru.initial_state(inputs.shape[1]).astype(inputs.dtype)
        else:
            start = jnp.asarray(state)
        return hk.dynamic_unroll(gru, inputs, start)

    outputs, last = _applied(run, weights)
    return outputs, last


def _gru(weights: Weights) -> hk.GRU:
    return hk.GRU(len(weights["w_h"]))


def _applied(function: Any, weights: Weights) -> Any:
    """What a function that makes one `gru` returns with these weights."""
    return hk.transform(function).apply({"gru": weights}, None)
