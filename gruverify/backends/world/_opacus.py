"""`opacus`: DPGRU of Opacus, layers that have a gradient for each member, with PyTorch's names."""

from __future__ import annotations

from opacus.layers import DPGRU

from gruverify.backends._function import FunctionBackend
from gruverify.backends._torch import torch_backend


def build() -> FunctionBackend:
    """All of nn.GRU's arguments are its own, a packed sequence too."""
    return torch_backend(sequence=DPGRU, name="opacus", unbatched=False)
