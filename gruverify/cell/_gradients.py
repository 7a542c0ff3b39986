"""Gradients of a step or a sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell._parameters import Parameters


@dataclass(frozen=True, eq=False)
class Gradients:
    """dL/d(parameters, inputs, state), shaped and packed as what they are gradients of.

    Attributes:
        weight_ih: dL/d(input weights), (3H, I).
        weight_hh: dL/d(recurrent weights), (3H, H).
        bias_ih: dL/d(input biases), (3H,), or None without biases.
        bias_hh: dL/d(recurrent biases), (3H,), or None without biases.
        inputs: dL/d(inputs), (T, B, I) for a sequence, (B, I) for a step.
        state: dL/d(initial state), (B, H), or None where a backend declares
            `state_gradient=False`.
    """

    weight_ih: NDArray
    weight_hh: NDArray
    bias_ih: NDArray | None
    bias_hh: NDArray | None
    inputs: NDArray
    state: NDArray | None

    def items(self) -> Iterator[tuple[str, NDArray]]:
        """Name and array of every gradient there is."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "inputs", "state")
        return ((name, array) for name in names if (array := getattr(self, name)) is not None)


@dataclass(frozen=True, eq=False)
class StackGradients:
    """dL/d(parameters, inputs, states) of a stack.

    Attributes:
        parameters: dL/d(parameters) by nn.GRU's names, as `Stack.packed` has them.
        inputs: dL/d(inputs), arranged as the inputs of the call are, such as (T, B, I).
        states: dL/d(initial states), likewise, (L·D, B, H), or None where the call had none.
    """

    parameters: Mapping[str, NDArray]
    inputs: NDArray
    states: NDArray | None


def packed(parameters: Parameters, bias: bool) -> dict[str, NDArray]:
    """The twelve blocks of the formulas (NumPy arrays) in the order r, z, n, by PyTorch's names."""
    p = parameters
    weights = {
        "weight_ih": np.concatenate([p.W_xr, p.W_xz, p.W_xc]),
        "weight_hh": np.concatenate([p.W_hr, p.W_hz, p.W_hc]),
    }
    if not bias:
        return weights
    biases = {
        "bias_ih": np.concatenate([p.b_xr, p.b_xz, p.b_xc]),
        "bias_hh": np.concatenate([p.b_hr, p.b_hz, p.b_hc]),
    }
    return {**weights, **biases}


def pack(parameters: Parameters, inputs: NDArray, state: NDArray, bias: bool) -> Gradients:
    """The twelve blocks of the formulas (NumPy arrays) packed in the order r, z, n."""
    arrays = packed(parameters, bias)
    biases = arrays.get("bias_ih"), arrays.get("bias_hh")
    return Gradients(arrays["weight_ih"], arrays["weight_hh"], *biases, inputs, state)
