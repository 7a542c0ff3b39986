"""`ncnn`: ncnn's GRU layer in float32, one member after the other."""

from __future__ import annotations

from collections.abc import Sequence

import ncnn
import numpy as np

from gruverify.arithmetic import float32
from gruverify.backends._function import FunctionBackend, backend
from gruverify.backends.contract import NDArray
from gruverify.cell import LAYOUTS, Cell, Stack, Variant

_GRAPH = """7767517
3 4
Input inputs 0 1 inputs
Input state 0 1 state
GRU gru 2 2 inputs state outputs last 0={hidden} 1={size} 2={direction}
"""


def build() -> FunctionBackend:
    """It has four rows of biases: those of r and z are sums."""
    return backend(
        stack=_stack,
        name="ncnn",
        variants=Variant(biases="input+candidate"),
        formats=float32,
        lengths=False,
        unbatched=False,
    )


def _stack(
    stack: Stack,
    inputs: NDArray,
    states: NDArray | None,
    lengths: NDArray | None,
    batch_first: bool,
) -> tuple[NDArray, NDArray]:
    if not inputs.size:
        raise NotImplementedError("ncnn is not called with sequences or batches that are empty")
    xs = np.array(inputs if batch_first else inputs.swapaxes(0, 1), order="C")
    D, H, last = stack.directions, stack.hidden_size, []
    for layer, row in enumerate(stack.cells):
        net = _net(row)
        start = np.zeros((D, len(xs), H), xs.dtype)
        if states is not None:
            start = states[layer * D : (layer + 1) * D]
        each = [_run(net, x, np.array(start[:, b], order="C")) for b, x in enumerate(xs)]
        xs = np.stack([outputs for outputs, _ in each])
        last.append(np.stack([ends for _, ends in each], axis=1))
    return xs if batch_first else xs.swapaxes(0, 1).copy(), np.concatenate(last)


def _run(net: ncnn.Net, x: NDArray, start: NDArray) -> tuple[NDArray, NDArray]:
    """Outputs (T, D·H) and last states (D, H) of one member."""
    extractor = net.create_extractor()
    extractor.input("inputs", ncnn.Mat(x).clone())
    extractor.input("state", ncnn.Mat(start).clone())
    outputs, last = (np.array(extractor.extract(name)[1]) for name in ("outputs", "last"))
    return outputs.reshape(len(x), -1), last.reshape(start.shape)


def _net(row: Sequence[Cell]) -> ncnn.Net:
    """A network of that one layer; each array of weights comes behind a zero."""
    each = [LAYOUTS["equinox"].parameters(cell) for cell in row]
    bias = [np.concatenate([one["bias"], one["bias_n"]]) for one in each]
    arrays = [[one["weight_ih"] for one in each], bias, [one["weight_hh"] for one in each]]
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    hidden = row[0].hidden_size
    direction = 2 if len(row) == 2 else 0
    size = 3 * hidden * row[0].input_size * len(row)
    net.load_param_mem(_GRAPH.format(hidden=hidden, size=size, direction=direction))
    net.load_model_mem(b"".join(b"\0" * 4 + np.stack(group).tobytes() for group in arrays))
    return net
