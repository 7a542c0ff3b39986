"""nn.Module classes of users: some right, some not."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Tensor = torch.Tensor


class MyCell(nn.Module):
    """A right cell, written by hand, that knows neither `bias=` nor `dtype=`."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.randn(3 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.randn(3 * hidden_size))
        self.bias_hh = nn.Parameter(torch.randn(3 * hidden_size))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        gi, gh = (
            F.linear(x, self.weight_ih, self.bias_ih),
            F.linear(h, self.weight_hh, self.bias_hh),
        )
        (i_r, i_z, i_n), (h_r, h_z, h_n) = gi.chunk(3, 1), gh.chunk(3, 1)
        return self.combine(torch.sigmoid(i_r + h_r), torch.sigmoid(i_z + h_z), i_n, h_n, h)

    def combine(self, r: Tensor, z: Tensor, i_n: Tensor, h_n: Tensor, h: Tensor) -> Tensor:
        return (1 - z) * torch.tanh(i_n + r * h_n) + z * h


class Inverted(MyCell):
    """The update gate means the opposite."""

    def combine(self, r: Tensor, z: Tensor, i_n: Tensor, h_n: Tensor, h: Tensor) -> Tensor:
        return z * torch.tanh(i_n + r * h_n) + (1 - z) * h


class Hidden(MyCell):
    """Its parameters have other names."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = self.weight_ih
        self.U = self.weight_hh
        del self.weight_ih, self.weight_hh


class Unbiased(nn.GRUCell):
    """Says it takes `bias`, and has biases all the same."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, **options: Any
    ) -> None:
        super().__init__(input_size, hidden_size, bias=True, **options)


class Fussy(nn.Module):
    """Cannot be built from two sizes."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        raise RuntimeError("no room")
