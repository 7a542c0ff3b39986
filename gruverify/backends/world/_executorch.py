"""`executorch`: nn.GRU lowered by ExecuTorch, and run by its runtime with portable kernels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from executorch.exir import to_edge
from executorch.runtime import Runtime
from torch import nn

from gruverify.arithmetic import float32
from gruverify.backends._function import FunctionBackend, backend
from gruverify.backends._tensors import host_tensor, numpy
from gruverify.backends.contract import NDArray
from gruverify.backends.world._torch_of_weights import OfWeights
from gruverify.cell import Stack, Variant


def build() -> FunctionBackend:
    """A program is for one length, batch and shape, and takes seconds to be lowered: weights are
    inputs of it, so that one serves all cells of a size.
    """
    return backend(
        stack=_stack,
        name="executorch",
        variants=Variant(),
        formats=float32,
        num_layers=1,
        bidirectional=False,
        batch_first=False,
        lengths=False,
        unbatched=False,
        shapes="few",
    )


def _stack(
    stack: Stack, inputs: NDArray, states: Any, lengths: Any, batch_first: bool
) -> tuple[NDArray, NDArray]:
    if not inputs.size:
        raise NotImplementedError("ExecuTorch is not called with what is empty")
    (T, B, I), H = inputs.shape, stack.hidden_size
    if states is None:
        states = np.zeros((1, B, H), inputs.dtype)
    given = [inputs, states, *stack.packed().values()]
    tensors = [host_tensor(np.array(array, order="C")) for array in given]
    outputs, last = _lowered(T, B, I, H).method.execute(tensors)
    return numpy(outputs), numpy(last)


@dataclass(frozen=True)
class _Lowered:
    """A method, and what it reads, which the runtime does not keep."""

    method: Any
    program: Any
    memory: bytes


@lru_cache(maxsize=64)
def _lowered(T: int, B: int, I: int, H: int) -> _Lowered:
    """The program for these sizes, loaded."""
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn, and not used
        module = OfWeights(nn.GRU(I, H)).eval()
    weights = [torch.zeros_like(weight) for weight in module.gru[0].parameters()]
    sample = torch.zeros(T, B, I), torch.zeros(1, B, H), *weights
    memory = to_edge(torch.export.export(module, sample, strict=False)).to_executorch().buffer
    program = Runtime.get().load_program(memory)
    return _Lowered(program.load_method("forward"), program, memory)
