"""`keras`: GRUCell, GRU and Bidirectional of Keras on its JAX backend, reset_after both ways, masks
as lengths.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from gruverify.backends._jax import Weights
from gruverify.backends._jax_masks import JaxMasksBackend
from gruverify.backends.world._keras_layers import VARIANTS, masked, require, stack, step


def build() -> JaxMasksBackend:
    """What JAX compiles.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    require("jax")
    about = "keras", "keras", VARIANTS, step, _run, stack
    return JaxMasksBackend(*about, unbatched=False, plain_masked=masked, masked_outputs="zero")


def _run(weights: Weights, inputs: Any, state: Any) -> tuple[Any, Any]:
    outputs, last = stack([[weights]], inputs, None if state is None else state[None], None, False)
    return outputs, last[0]
