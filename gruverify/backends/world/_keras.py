"""`keras`: GRUCell, GRU and Bidirectional of Keras on its JAX backend, reset_after both ways, masks
as lengths.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from gruverify.backends._jax import Weights
from gruverify.backends._jax_stack import JaxStackBackend
from gruverify.backends.world._keras_layers import VARIANTS, require, stack, step


def build() -> JaxStackBackend:
    """What JAX compiles.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    require("jax")
    return JaxStackBackend("keras", "keras", VARIANTS, step, _run, stack, unbatched=False)


def _run(weights: Weights, inputs: Any, state: Any) -> tuple[Any, Any]:
    outputs, last = stack([[weights]], inputs, None if state is None else state[None], None, False)
    return outputs, last[0]
