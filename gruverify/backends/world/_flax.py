"""`flax`: GRUCell, RNN and Bidirectional of Flax linen."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from gruverify.backends._jax import Weights
from gruverify.backends._jax_stack import JaxStackBackend
from gruverify.cell import Variant


def build() -> JaxStackBackend:
    """Weights are applied as `params` of the modules."""
    return JaxStackBackend(
        "flax", "flax", (Variant(biases="input+candidate"),), _step, _run, _stack
    )


def _step(weights: Weights, x: Any, h: Any) -> Any:
    return _cell(weights).apply({"params": _nested(weights)}, h, x)[0]


def _run(weights: Weights, inputs: Any, state: Any) -> tuple[Any, Any]:
    rnn = nn.RNN(_cell(weights), time_major=True, return_carry=True)
    last, outputs = rnn.apply({"params": {"cell": _nested(weights)}}, inputs, initial_carry=state)
    return outputs, last


def _stack(rows: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> tuple[Any, Any]:
    xs, last = inputs, list[Any]()
    for layer, row in enumerate(rows):
        D, names = len(row), ("forward_rnn", "backward_rnn")
        rnns, params = (
            [nn.RNN(_cell(weights)) for weights in row],
            [{"cell": _nested(weights)} for weights in row],
        )
        if states is None:
            start = None
        else:
            start = tuple(states[layer * D : (layer + 1) * D])
        module: Any = nn.Bidirectional(*rnns) if D == 2 else rnns[0]
        carry, xs = module.apply(
            {"params": dict(zip(names, params, strict=True)) if D == 2 else params[0]},
            xs,
            initial_carry=start[0] if D == 1 and start else start,
            seq_lengths=lengths,
            time_major=not batch_first,
            return_carry=True,
        )
        last += carry if D == 2 else [carry]
    return xs, jnp.stack(last)


def _cell(weights: Weights) -> nn.GRUCell:
    """The cell of their size; where a run is given no state, it makes one in the format of its
    parameters.
    """
    kernel = weights["hn.kernel"]
    return nn.GRUCell(len(kernel), param_dtype=kernel.dtype)


def _nested(weights: Weights) -> dict[str, dict[str, Any]]:
    """{"ir": {"kernel": …, "bias": …}, …}."""
    found: dict[str, dict[str, Any]] = {}
    for name, array in weights.items():
        layer, _, part = name.partition(".")
        found.setdefault(layer, {})[part] = array
    return found
