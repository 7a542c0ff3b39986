"""`flax:nnx`: GRUCell and RNN of Flax nnx."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flax import nnx

from gruverify.backends._jax import JaxBackend, Weights
from gruverify.cell import Variant


def build() -> JaxBackend:
    """The cell has no recurrent bias, though its documentation writes b_hn."""
    return JaxBackend("flax:nnx", "nnx", (Variant(biases="input"),), _step, _run)


def _step(weights: Weights, x: Any, h: Any) -> Any:
    return _cell(weights)(h, x)[0]


def _run(weights: Weights, inputs: Any, state: Any) -> tuple[Any, Any]:
    rnn = nnx.RNN(_cell(weights), time_major=True, return_carry=True, rngs=nnx.Rngs(0))
    last, outputs = rnn(inputs, initial_carry=state)
    return outputs, last


def _cell(weights: Weights) -> nnx.GRUCell:
    """A cell of these weights; where a run is given no state, it makes one in the format of its
    parameters.
    """
    kernel, recurrent = weights["dense_i.kernel"], weights["dense_h.kernel"]
    i = {"kernel": kernel, "bias": weights["dense_i.bias"]}
    cell: nnx.GRUCell = nnx.merge(
        _shapes(len(kernel), len(recurrent), kernel.dtype),
        {"dense_i": i, "dense_h": {"kernel": recurrent}},
    )
    return cell


@lru_cache
def _shapes(input_size: int, hidden_size: int, dtype: Any) -> Any:
    """The graph of a cell without its weights."""
    made = nnx.eval_shape(
        lambda: nnx.GRUCell(input_size, hidden_size, param_dtype=dtype, rngs=nnx.Rngs(0))
    )
    return nnx.split(made)[0]
