"""Real PyTorch modules with the drawn weights. PyTorch is imported when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import NDArray, bfloat16
from gruverify.cell import Variant
from gruverify_strategies._cells import cells
from gruverify_strategies._stacks import stacks
from gruverify_strategies._validation import Formats, check_option

if TYPE_CHECKING:
    import torch
    from torch import nn

    Module = TypeVar("Module", bound=nn.Module)


@st.composite
def torch_cells(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    bias: bool | None = None,
    formats: Formats = None,
) -> nn.GRUCell:
    """A `torch.nn.GRUCell` with the weights of a cell that `cells` draws, in the dtype of its
    format.

    `bias=None` draws either. Shrinks to a module with biases, then as `cells` does.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum,
            `bias` or `formats` is wrong, or PyTorch is not installed.
    """
    cell = draw(
        cells(
            min_H=min_H,
            max_H=max_H,
            min_I=min_I,
            max_I=max_I,
            formats=formats,
            variants=_variants(bias),
        )
    )
    module: nn.GRUCell = _empty(
        "GRUCell", cell.input_size, cell.hidden_size, bias=cell.variant.bias
    )
    return _filled(module, cell.packed())


@st.composite
def torch_grus(
    draw: st.DrawFn,
    *,
    min_layers: int = 1,
    max_layers: int = 3,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    bidirectional: bool | None = None,
    batch_first: bool | None = None,
    bias: bool | None = None,
    formats: Formats = None,
) -> nn.GRU:
    """A `torch.nn.GRU` with the weights of a stack that `stacks` draws, in the dtype of its format.

    `bidirectional=None`, `batch_first=None` and `bias=None` draw either. Shrinks to
    batch_first=False, then as `stacks` does.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum,
            `bidirectional`, `batch_first`, `bias` or `formats` is wrong, or PyTorch is not
            installed.
    """
    check_option("batch_first", batch_first, None, True, False)
    stack = draw(
        stacks(
            min_layers=min_layers,
            max_layers=max_layers,
            min_H=min_H,
            max_H=max_H,
            min_I=min_I,
            max_I=max_I,
            bidirectional=bidirectional,
            formats=formats,
            variants=_variants(bias),
        )
    )
    module: nn.GRU = _empty(
        "GRU",
        stack.input_size,
        stack.hidden_size,
        num_layers=stack.layers,
        bias=stack.cells[0][0].variant.bias,
        batch_first=draw(st.booleans()) if batch_first is None else batch_first,
        bidirectional=stack.directions == 2,
    )
    return _filled(module, stack.packed())


def _empty(name: str, *sizes: int, **options: object) -> Any:
    """A module of torch.nn without its random initial weights, which would disturb PyTorch's
    generator.
    """
    try:
        from torch import nn
    except ModuleNotFoundError:
        raise InvalidArgument(
            "this strategy needs PyTorch, which is not installed: pip install torch"
        ) from None
    # On "meta" nothing is allocated or drawn; `to_empty` then allocates without writing.
    return getattr(nn, name)(*sizes, **options, device="meta").to_empty(device="cpu")


def _variants(bias: bool | None) -> list[Variant]:
    check_option("bias", bias, None, True, False)
    return [Variant(bias=choice) for choice in (True, False) if bias in (None, choice)]


def _filled(module: Module, packed: dict[str, NDArray]) -> Module:
    for name, parameter in module.named_parameters():
        # By `data`, which also takes over the dtype: modules are made in float32.
        parameter.data = _tensor(packed[name])
    return module


def _tensor(array: NDArray) -> torch.Tensor:
    import torch

    if array.dtype == bfloat16.dtype:
        # torch reads no NumPy bfloat16; the bits are the same.
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())
