"""GRUCell, GRU and Bidirectional of Keras on any of its backends, as functions of weights."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Any

import keras
from keras import ops

from gruverify.backends._taped import Weights
from gruverify.cell import Variant

#: With biases: their shape tells which side of the product is reset.
VARIANTS = Variant(), Variant("before", biases="input")


def require(backend: str) -> None:
    """Raise RuntimeError if Keras runs on another backend."""
    if keras.backend.backend() != backend:
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()}, and this target on {backend}: set "
            f"KERAS_BACKEND={backend}"
        )


def step(weights: Weights, x: Any, h: Any) -> Any:
    """GRUCell, from x (B, I) and h (B, H) to the next state."""
    return _called(keras.layers.GRUCell, [weights], x, [h])[0]


def stack(
    rows: list[list[Weights]], inputs: Any, states: Any, lengths: Any, batch_first: bool
) -> tuple[Any, Any]:
    """A GRU, or a Bidirectional one, for each row of weights; lengths as a mask, or in their place
    a mask of the steps to be skipped, arranged as the inputs are.
    """
    xs, last = inputs if batch_first else ops.swapaxes(inputs, 0, 1), list[Any]()
    if lengths is None:
        mask = None
    elif len(lengths.shape) == 2:
        skipped = ops.convert_to_tensor(lengths, "bool")
        mask = ops.logical_not(skipped if batch_first else ops.transpose(skipped))
    else:
        mask = ops.arange(xs.shape[1]) < ops.expand_dims(ops.convert_to_tensor(lengths, "int32"), 1)
    for layer, row in enumerate(rows):
        own = range(layer * len(row), (layer + 1) * len(row))
        start = None if states is None else [states[at] for at in own]
        xs, *ends = _called(keras.layers.GRU, row, xs, initial_state=start, mask=mask)
        last += ends
    return xs if batch_first else ops.swapaxes(xs, 0, 1), ops.stack(last)


def masked(weights: Weights, inputs: Any, state: Any, keep: Any) -> tuple[Any, Any]:
    """A GRU from inputs (T, B, I) that skips the steps (T, B) of keep, with outputs of 0 there."""
    states = None if state is None else ops.expand_dims(state, 0)
    outputs, last = stack([[weights]], inputs, states, keep, False)
    return outputs, last[0]


def _called(cls: Any, row: list[Weights], x: Any, *state: Any, **options: Any) -> Any:
    """What a layer of that class returns with these weights: one direction, or both."""
    arrays = []
    for weights in row:
        arrays += [weights[name] for name in ("kernel", "recurrent_kernel", "bias")]
    dtype = keras.backend.standardize_dtype(arrays[0].dtype)
    after = len(arrays[2].shape) == 2
    layer = _layer(cls, len(row), x.shape[-1], arrays[1].shape[0], after, dtype)
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
    with _at_once():
        layer.build((None, input_size) if is_cell else (None, None, input_size))
    return layer


def _at_once() -> Any:
    """Weights are made at once, in the middle of what JAX traces too."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.ensure_compile_time_eval()
