"""`paddle`: GRU of PaddlePaddle, with PyTorch's names and gates."""

from __future__ import annotations

from typing import Any

import paddle

from gruverify.backends._function import FunctionBackend, backend
from gruverify.backends.contract import NDArray
from gruverify.backends.world._paddle_tensors import (
    FORMATS,
    filled,
    gradients,
    leaf,
    named,
    numpy,
    options,
    tensor,
)
from gruverify.cell import Stack, StackGradients, Variant


def build() -> FunctionBackend:
    """With biases: layers without them are not asked."""
    return backend(
        stack=_stack,
        stack_vjp=_stack_vjp,
        name="paddle",
        variants=Variant(),
        formats=FORMATS,
        unbatched=False,
    )


def _stack(
    stack: Stack, inputs: NDArray, states: Any, lengths: Any, batch_first: bool
) -> tuple[NDArray, NDArray]:
    with paddle.no_grad():
        outputs, last = _layers(stack, batch_first)(*map(tensor, (inputs, states, lengths)))
    return numpy(outputs), numpy(last)


def _stack_vjp(
    stack: Stack,
    inputs: NDArray,
    states: Any,
    lengths: Any,
    batch_first: bool,
    d_outputs: NDArray | None,
    d_last: NDArray | None,
) -> StackGradients:
    layers, moving = _layers(stack, batch_first), {"inputs": leaf(inputs)}
    if states is not None:
        moving["states"] = leaf(states)
    answers = layers(moving["inputs"], moving.get("states"), tensor(lengths))
    leaves = named(layers, list(stack.packed())) | moving
    found = gradients(answers, [d_outputs, d_last], leaves)
    d_inputs, d_states = found.pop("inputs"), found.pop("states", None)
    return StackGradients(found, d_inputs, d_states)


def _layers(stack: Stack, batch_first: bool) -> Any:
    made = paddle.nn.GRU(
        stack.input_size,
        stack.hidden_size,
        num_layers=stack.layers,
        direction=("forward", "bidirect")[stack.directions - 1],
        time_major=not batch_first,
        **options(stack),
    )
    return filled(made, stack.packed())
