"""What `paddle` and `paddle:cell` share: tensors of PaddlePaddle, and gradients of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import paddle

from gruverify.arithmetic import float32, float64
from gruverify.backends._taped import own
from gruverify.backends.contract import NDArray
from gruverify.cell import Cell, Stack

FORMATS = float32, float64

paddle.set_device("cpu")


def options(cell: Cell | Stack) -> dict[str, Any]:
    """What a layer is built with; it is built in the default format."""
    paddle.set_default_dtype(cell.format.name)
    return {} if cell.variant.bias else {"bias_ih_attr": False, "bias_hh_attr": False}


def filled(module: Any, packed: Mapping[str, NDArray]) -> Any:
    """The module with these parameters."""
    for name, weight in named(module, list(packed)).items():
        weight.set_value(own(packed[name]))
    return module


def named(module: Any, names: Sequence[str]) -> dict[str, Any]:
    """Its parameters of these names."""
    return {name: getattr(module, name) for name in names}


def gradients(
    answers: Sequence[Any], cotangents: Sequence[NDArray | None], leaves: Mapping[str, Any]
) -> dict[str, NDArray]:
    """Those of the leaves, by name; what nothing depends on has the gradient 0."""
    given = [(v, tensor(d)) for v, d in zip(answers, cotangents, strict=True) if d is not None]
    found = paddle.grad(
        [value for value, _ in given],
        list(leaves.values()),
        [cotangent for _, cotangent in given],
        allow_unused=True,
    )
    return {
        name: np.zeros_like(numpy(leaf)) if gradient is None else numpy(gradient)
        for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
    }


def leaf(array: NDArray) -> Any:
    """A tensor of which there are gradients."""
    made = tensor(array)
    made.stop_gradient = False
    return made


def tensor(array: NDArray | None) -> Any:
    """The tensor of an array; None stays None."""
    if array is None:
        return None
    if not array.size:
        raise NotImplementedError("Paddle is not called with what is empty")
    return paddle.to_tensor(own(array))


def numpy(value: Any) -> NDArray:
    """The values as an array of its own."""
    return np.array(value.numpy())
