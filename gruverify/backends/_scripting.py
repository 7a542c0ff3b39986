"""What TorchScript makes of modules."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from gruverify.backends._modules import Built
from gruverify.backends._place import Place


def scripted(module: nn.Module) -> Any:
    """The module scripted.

    Raises:
        NotImplementedError: TorchScript refuses it; the reason is its own.
    """
    with warnings.catch_warnings():
        # That TorchScript is on its way out is no news to whoever still checks it.
        warnings.simplefilter("ignore")
        try:
            return torch.jit.script(module)
        except Exception as refusal:  # of many kinds
            # The first line that says something: many of its messages begin with an empty one.
            reason = next(
                (line for line in str(refusal).splitlines() if line.strip()), type(refusal).__name__
            )
            raise NotImplementedError(f"TorchScript refuses it: {reason.strip()}") from refusal


def script_of(built: Built) -> Built:
    """The same module scripted, with its weights where the scripted one has them."""
    if not isinstance(built.module, nn.RNNBase):
        module = scripted(built.module)
        return Built(module, built.place, module)
    module = scripted(OfTensors(built.module))
    return Built(module, Place(f"gru.{built.place.prefix}", built.place.layered), module)


class OfTensors(nn.Module):
    """An nn.GRU has two ways to be called, between which TorchScript chooses where it is a part of
    something.
    """

    def __init__(self, gru: nn.Module) -> None:
        super().__init__()
        self.gru = gru

    def forward(
        self, xs: torch.Tensor, h0: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        found: tuple[torch.Tensor, torch.Tensor] = self.gru(xs, h0)
        return found
