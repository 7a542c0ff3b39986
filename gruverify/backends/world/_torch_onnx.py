"""`torch:onnx`: nn.GRU exported to ONNX with any time and batch, and run by ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from gruverify.arithmetic import float32
from gruverify.backends._function import FunctionBackend, backend
from gruverify.backends.contract import NDArray
from gruverify.backends.world._torch_exported import SIZES, exported
from gruverify.cell import LAYOUTS, Stack

_I, _H = SIZES


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
    model.ParseFromString(exported(stack.layers, stack.directions, stack.variant.bias, batch_first))
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
