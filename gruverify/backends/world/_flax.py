"""`flax`: GRUCell and RNN of Flax linen."""

from __future__ import annotations

from typing import Any

from flax import linen as nn

from gruverify.backends._jax import JaxBackend, Weights
from gruverify.cell import Variant


def build() -> JaxBackend:
    """Both derivatives are JAX's; weights are applied as `params` of the modules."""
    return JaxBackend("flax", "flax", (Variant(biases="input+candidate"),), _step, _run)


def _step(weights: Weights, x: Any, h: Any) -> Any:
    return _cell(weights).apply({"params": _nested(weights)}, h, x)[0]


def _run(weights: Weights, inputs: Any, state: Any) -> tuple[Any, Any]:
    rnn = nn.RNN(_cell(weights), time_major=True, return_carry=True)
    last, outputs = rnn.apply({"params": {"cell": _nested(weights)}}, inputs, initial_carry=state)
    return outputs, last


def _cell(weights: Weights) -> nn.GRUCell:
    """The cell of their size; where a run is given no state, it makes one in the format of its parameters."""
    kernel = weights["hn.kernel"]
    return nn.GRUCell(len(kernel), param_dtype=kernel.dtype)


def _nested(weights: Weights) -> dict[str, dict[str, Any]]:
    """{"ir": {"kernel": …, "bias": …}, …}."""
    found: dict[str, dict[str, Any]] = {}
    for name, array in weights.items():
        layer, _, part = name.partition(".")
        found.setdefault(layer, {})[part] = array
    return found
