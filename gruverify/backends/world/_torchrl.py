"""`torchrl`: GRUCell and GRU of TorchRL, in Python, with PyTorch's parameters."""

from __future__ import annotations

from torchrl.modules import GRU, GRUCell

from gruverify.backends._function import FunctionBackend
from gruverify.backends._torch import torch_backend


def build() -> FunctionBackend:
    """GRU has one direction, and raises at packed sequences and at inputs without a batch; it is
    not scripted here.
    """
    return torch_backend(step=GRUCell, sequence=GRU, name="torchrl", lengths=False, unbatched=False)
