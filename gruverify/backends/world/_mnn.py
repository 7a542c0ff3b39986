"""`mnn`: GRU of MNN on the CPU, converted from ONNX by its converter and run by its module API."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _tools
import MNN
import numpy as np
import onnx

from gruverify.arithmetic import float32
from gruverify.backends._onnx import OnnxBackend, Runs
from gruverify.backends.contract import NDArray

_C = ctypes.CDLL(None)
_KINDS: dict[Any, Any] = {np.dtype("float32"): MNN.expr.float, np.dtype("int32"): MNN.expr.int}


def build() -> OnnxBackend:
    """It wants weights in the model. It is converted as the converter does unless told otherwise:
    a GRU becomes a loop, or its steps where there is one alone.
    """
    return OnnxBackend("mnn", (float32,), _module, batch_first=False, fixed=True)


def _module(model: onnx.ModelProto) -> Runs:
    names = [each.name for each in model.graph.input]
    with _silence(), tempfile.TemporaryDirectory() as folder:
        read, written = (Path(folder) / name for name in ("gru.onnx", "gru.mnn"))
        read.write_bytes(model.SerializeToString())
        files = ["--modelFile", str(read), "--MNNModel", str(written)]
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", *files, "--bizCode", "gru"])
        module = MNN.nn.load_module_from_file(str(written), names, ["Y", "Y_h"])

    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        if not given["X"].size:
            raise NotImplementedError("MNN is not called with sequences or batches that are empty")
        with _silence():
            inputs = [_variable(np.array(given[name], order="C")) for name in names]
            found = [np.array(each.read()) for each in module.forward(inputs)]
        if not found:
            # It does so for two directions with linear_before_reset=0.
            raise RuntimeError("MNN returned nothing for a model that it had converted")
        return found

    return run


def _variable(array: NDArray) -> Any:
    return MNN.expr.const(array, list(array.shape), MNN.expr.NCHW, _KINDS[array.dtype])


@contextmanager
def _silence() -> Iterator[None]:
    """What MNN prints about each conversion goes nowhere: it is written past Python."""
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
    finally:
        _C.fflush(None)
        for stream, before in zip((1, 2), kept, strict=True):
            os.dup2(before, stream)
            os.close(before)
        os.close(nowhere)
