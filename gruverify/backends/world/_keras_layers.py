"""GRUCell, GRU and Bidirectional of Keras on any of its backends, as functions of weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from gruverify.backends._taped import Weights
from gruverify.backends.world._keras_called import called
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
    return called(keras.layers.GRUCell, [weights], x, [h])[0]


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
        xs, *ends = called(keras.layers.GRU, row, xs, initial_state=start, mask=mask)
        last += ends
    return xs if batch_first else ops.swapaxes(xs, 0, 1), ops.stack(last)


def masked(weights: Weights, inputs: Any, state: Any, keep: Any) -> tuple[Any, Any]:
    """A GRU from inputs (T, B, I) that skips the steps (T, B) of keep, with outputs of 0 there."""
    states = None if state is None else ops.expand_dims(state, 0)
    outputs, last = stack([[weights]], inputs, states, keep, False)
    return outputs, last[0]
