"""nn.GRU as a module whose weights are inputs, for what lowers a module once for all weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.func import functional_call


class OfWeights(nn.Module):
    """A GRU as a function of inputs, states and its weights, in the order of its parameters."""

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        self.gru = [gru]  # in a list: its weights are not the module's

    def forward(self, inputs: torch.Tensor, states: torch.Tensor, *weights: torch.Tensor) -> Any:
        [gru] = self.gru
        names = [name for name, _ in gru.named_parameters()]
        return functional_call(gru, dict(zip(names, weights, strict=True)), (inputs, states))
