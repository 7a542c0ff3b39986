"""nn.GRU as PyTorch exports it to ONNX, of one size and for any time and batch."""

from __future__ import annotations

import tempfile
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

#: I and H. Each model is exported once: that takes half a second.
SIZES = _I, _H = 3, 5


@lru_cache
def exported(layers: int, directions: int, bias: bool, batch_first: bool) -> bytes:
    """The model, with weights by nn.GRU's names."""
    module = _Holder(nn.GRU(_I, _H, layers, bias, batch_first, 0.0, directions == 2)).eval()
    any_size = dict(enumerate(("batch", "time") if batch_first else ("time", "batch")))
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        file = Path(folder) / "gru.onnx"
        torch.onnx.export(
            module,
            (torch.zeros(2, 2, _I), torch.zeros(layers * directions, 2, _H)),
            file,
            dynamo=False,
            do_constant_folding=False,
            input_names=["inputs", "states"],
            output_names=["outputs", "last"],
            dynamic_axes={"inputs": any_size, "outputs": any_size, "states": {1: "batch"}},
        )
        return file.read_bytes()


class _Holder(nn.Module):
    """A model that holds the GRU."""

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        self.gru = gru

    def forward(self, *given: torch.Tensor) -> Any:
        return self.gru(*given)
