"""A layer of Keras, on any of its backends, called with weights that are given."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Any

import keras

from gruverify.backends._taped import Weights


def called(cls: Any, row: list[Weights], x: Any, *state: Any, **options: Any) -> Any:
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
