"""`paddle:cell`: GRUCell of PaddlePaddle, with PyTorch's names and gates."""

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
from gruverify.cell import LAYOUTS, Cell, Gradients


def build() -> FunctionBackend:
    """With biases and without."""
    return backend(
        step=_step,
        step_vjp=_step_vjp,
        name="paddle:cell",
        variants=LAYOUTS["pytorch"].variants,
        formats=FORMATS,
    )


def _step(cell: Cell, x: NDArray, h: NDArray) -> NDArray:
    with paddle.no_grad():
        following, _ = _cell(cell)(tensor(x), tensor(h))
    return numpy(following)


def _step_vjp(cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
    module, moving = _cell(cell), {"inputs": leaf(x), "state": leaf(h)}
    following, _ = module(*moving.values())
    leaves = named(module, list(cell.packed())) | moving
    found: dict[str, Any] = gradients([following], [cotangent], leaves)
    return Gradients(**{"bias_ih": None, "bias_hh": None, **found})


def _cell(cell: Cell) -> Any:
    made = paddle.nn.GRUCell(cell.input_size, cell.hidden_size, **options(cell))
    return filled(made, cell.packed())
