"""`torch:quantized` and `torch:quantized:f16`: nn.GRU after torch.ao's dynamic quantisation."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.ao import quantization
from torch.ao.nn.quantized import dynamic

from gruverify._named import Keywords
from gruverify.arithmetic import float32
from gruverify.backends._function import FunctionBackend, backend
from gruverify.backends._modules import packed_call
from gruverify.backends._tensors import host_tensor, numpy
from gruverify.backends.contract import NDArray
from gruverify.cell import Stack, Variant


def build() -> FunctionBackend:
    """Weights of eight bits, one scale for each matrix; so are inputs and states, with a scale that
    each call finds for all its members. That is not a GRU of any weights, and nothing declares it.
    """
    return _backend("torch:quantized", quantization.default_dynamic_qconfig)


def build_f16() -> FunctionBackend:
    """Weights in float16, products and sums in float32: operands of 11 bits, as of TF32."""
    return _backend("torch:quantized:f16", quantization.float16_dynamic_qconfig, products="tf32")


def _backend(name: str, qconfig: Any, **declared: Any) -> FunctionBackend:
    return backend(
        stack=partial(_stack, qconfig),
        name=name,
        variants=Variant(),
        formats=float32,
        unbatched=False,
        **declared,
    )


def _stack(
    qconfig: Any, stack: Stack, inputs: NDArray, states: Any, lengths: Any, batch_first: bool
) -> tuple[NDArray, NDArray]:
    if not inputs.size:
        raise NotImplementedError("quantised layers are not called with what is empty")
    layers = _quantised(qconfig, stack, batch_first)
    given = [host_tensor(np.array(array)) for array in (inputs, states) if array is not None]
    with torch.no_grad():
        outputs, last = packed_call(layers, tuple(given), lengths, batch_first)
    return numpy(outputs), numpy(last)


def _quantised(qconfig: Any, stack: Stack, batch_first: bool) -> Any:
    """The layers with these weights, quantised."""
    options: Keywords = {"batch_first": batch_first, "bidirectional": stack.directions == 2}
    packed = stack.packed()
    from_float: Any = dynamic.GRU.from_float  # PyTorch has not given it a type
    # Both layers draw initial weights, which are not used; that torch.ao is on its way out is no
    # news here.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = nn.GRU(stack.input_size, stack.hidden_size, stack.layers, **options).eval()
        for name, weight in plain.named_parameters():
            weight.data = host_tensor(packed[name].copy())
        plain.qconfig = qconfig
        return from_float(plain)
