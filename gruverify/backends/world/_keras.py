"""`keras`: GRUCell, GRU and Bidirectional of Keras on its JAX backend, reset_after both ways, masks
as lengths.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras

from gruverify.backends._jax import Weights
from gruverify.backends._jax_stack import JaxStackBackend
from gruverify.cell import Variant


def build() -> JaxStackBackend:
    """With biases: their shape tells which side of the product is reset.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    if keras.backend.backend() != "jax":
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()}, and this target on JAX: set "
            "KERAS_BACKEND=jax"
        )
    return JaxStackBackend(
        "keras",
        "keras",
        (Variant(), Variant("before", biases="input")),
        _step,
        _run,
        _stack,
        unbatched=False,
    )


def _step(weights: Weights, x: Any, h: Any) -> Any:
    return _called(keras.layers.GRUCell, [weights], x, [h])[0]


def _run(weights: Weights, inputs: Any, state: Any) -> tuple[Any, Any]:
    outputs, last = _stack([[weights]], inputs, None if state is None else state[None], None, False)
    return outputs, last[0]


def _stack(rows: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> tuple[Any, Any]:
    xs, last = inputs if batch_first else jnp.swapaxes(inputs, 0, 1), list[Any]()
    if lengths is None:
        mask = None
    else:
        mask = jnp.arange(xs.shape[1]) < lengths[:, None]
    for layer, row in enumerate(rows):
        D = len(row)
        if states is None:
            start = None
        else:
            start = list(states[layer * D : (layer + 1) * D])
        xs, *ends = _called(keras.layers.GRU, row, xs, initial_state=start, mask=mask)
        last += ends
    return xs if batch_first else jnp.swapaxes(xs, 0, 1), jnp.stack(last)


def _called(cls: Any, row: list[Weights], x: Any, *state: Any, **options: Any) -> Any:
    """What a layer of that class returns with these weights: one direction, or both."""
    arrays = []
    for weights in row:
        arrays += [weights[name] for name in ("kernel", "recurrent_kernel", "bias")]
    layer = _layer(
        cls, len(row), x.shape[-1], len(arrays[1]), arrays[2].ndim == 2, arrays[0].dtype.name
    )
    fixed = [variable.value for variable in layer.non_trainable_variables]
    return layer.stateless_call(arrays, fixed, x, *state, **options)[0]


@lru_cache
def _layer(
    cls: Any, directions: int, input_size: int, units: int, reset_after: bool, dtype: str
) -> Any:
    """A layer with weights of its own, which are not used: orthogonal ones cannot be made in
    bfloat16.
    """
    options = {"reset_after": reset_after, "dtype": dtype, "recurrent_initializer": "zeros"}
    is_cell = cls is keras.layers.GRUCell
    if not is_cell:
        options |= {"return_sequences": True, "return_state": True, "zero_output_for_mask": True}
    layer = cls(units, **options)
    if directions == 2:
        layer = keras.layers.Bidirectional(layer, dtype=dtype)
    with jax.ensure_compile_time_eval():
        layer.build((None, input_size) if is_cell else (None, None, input_size))
    return layer
