"""`mlx`: MLX's GRU on the CPU, a layer of one direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from gruverify.arithmetic import bfloat16, float16, float32
from gruverify.backends._taped import Function, TapedStack, Weights
from gruverify.backends.contract import NDArray
from gruverify.cell import Variant


def build() -> TapedStack:
    """With biases and without. It has one layer, one direction and no lengths; no initial state is
    one of zeros.
    """
    mx.set_default_device(mx.cpu)
    return TapedStack(
        "mlx",
        "mlx",
        (Variant(biases="input+candidate"), Variant(bias=False)),
        (float16, bfloat16, float32),
        _Engine(),
        _stack,
        lengths=False,
        bidirectional=False,
        num_layers=1,
        subnormals={"float32": False},
    )


class _Engine:
    """Functions of arrays of MLX, and `mx.vjp`."""

    def values(self, function: Function, given: Sequence[NDArray]) -> list[NDArray]:
        return [_numpy(found) for found in function([_array(each) for each in given])]

    def pulled(
        self, function: Function, given: Sequence[NDArray], cotangents: Sequence[NDArray]
    ) -> list[NDArray]:
        if not all(array.size for array in given):
            raise NotImplementedError("MLX is not called for gradients of an empty batch")
        _, found = mx.vjp(
            lambda *tensors: list(function(tensors)),
            [_array(each) for each in given],
            [_array(each) for each in cotangents],
        )
        return [_numpy(each) for each in found]


def _stack(
    rows: list[list[Weights]], inputs: Any, states: Any, lengths: None, batch_first: bool
) -> tuple[Any, Any]:
    [[weights]] = rows
    is_batch = inputs.ndim == 3
    xs = inputs if batch_first or not is_batch else inputs.swapaxes(0, 1)
    layer = nn.GRU(weights["Wx"].shape[1], weights["Wh"].shape[1], bias="b" in weights)
    for name, weight in weights.items():
        setattr(layer, name, weight)
    outputs = layer(xs, None if states is None else states[0])
    last = outputs[..., -1, :][None]
    return outputs if batch_first or not is_batch else outputs.swapaxes(0, 1), last


def _array(array: NDArray) -> Any:
    """bfloat16 passes as its bits."""
    if array.dtype == bfloat16.dtype:
        return mx.array(array.view(np.uint16)).view(mx.bfloat16)
    return mx.array(array)


def _numpy(array: Any) -> NDArray:
    if array.dtype == mx.bfloat16:
        return np.array(array.view(mx.uint16)).view(bfloat16.dtype)
    return np.array(array)
