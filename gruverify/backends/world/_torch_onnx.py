"""`torch:onnx`: nn.GRU exported to ONNX with any time and batch, and run by ONNX Runtime."""

from __future__ import annotations

import tempfile
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn

from gruverify.arithmetic import float32
from gruverify.backends._function import FunctionBackend, backend
from gruverify.backends.contract import NDArray
from gruverify.cell import LAYOUTS, Stack

#: Each is exported once: that takes half a second.
_H, _I = 5, 3


def build() -> FunctionBackend:
    """Of one size, without lengths."""
    return backend(
        stack=_stack,
        name="torch:onnx",
        variants=LAYOUTS["pytorch"].variants,
        formats=float32,
        hidden_size=_H,
        input_size=_I,
        lengths=False,
        unbatched=False,
    )


def _stack(
    stack: Stack, inputs: NDArray, states: Any, lengths: Any, batch_first: bool
) -> tuple[NDArray, NDArray]:
    if not inputs.size:
        raise NotImplementedError("ONNX Runtime is not called with what is empty")
    model = onnx.ModelProto()
    model.ParseFromString(
        _exported(stack.layers, stack.directions, stack.variant.bias, batch_first)
    )
    for weight in model.graph.initializer:
        array = stack.packed()[weight.name.removeprefix("gru.")]
        weight.CopyFrom(numpy_helper.from_array(np.array(array, order="C"), weight.name))
    if states is None:
        B = inputs.shape[0 if batch_first else 1]
        states = np.zeros((stack.layers * stack.directions, B, _H), inputs.dtype)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    given = {"inputs": np.array(inputs, order="C"), "states": np.array(states, order="C")}
    outputs, last = session.run(None, given)
    return outputs, last


@lru_cache
def _exported(layers: int, directions: int, bias: bool, batch_first: bool) -> bytes:
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
