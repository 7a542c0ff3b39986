"""Modules for tests/campaigns/devices.py. The environment variable TF32 says what PyTorch is
allowed at import: some of "matmul", "newer" (the same by its newer name) and "layers" (cuDNN).
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import nn

_ALLOWED = os.environ.get("TF32", "").split(",")

# cuDNN's is on unless it is turned off.
torch.backends.cudnn.allow_tf32 = "layers" in _ALLOWED
if "newer" in _ALLOWED:
    torch.backends.cuda.matmul.fp32_precision = "tf32"
else:
    torch.backends.cuda.matmul.allow_tf32 = "matmul" in _ALLOWED

Layer, Cell = nn.GRU, nn.GRUCell


class Wrapped(nn.Module):
    """A layer within a module."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size)

    def forward(self, inputs: torch.Tensor, h0: torch.Tensor | None = None) -> Any:
        return self.gru(inputs, h0)


class Wrong(nn.GRUCell):
    """Half of the state is lost."""

    def forward(self, x: torch.Tensor, h: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(x, h if h is None else h / 2)


class Elsewhere(nn.GRUCell):
    """It adds zeros that it makes on the CPU."""

    def forward(self, x: torch.Tensor, h: torch.Tensor | None = None) -> torch.Tensor:
        found = super().forward(x, h)
        return found + torch.zeros(found.shape, dtype=found.dtype)


if torch.cuda.is_available():
    there = nn.GRU(3, 5).cuda()
