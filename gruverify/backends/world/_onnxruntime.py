"""`onnxruntime`: ONNX Runtime's GRU on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
import onnxruntime

from gruverify.arithmetic import float16, float32
from gruverify.backends._onnx import OnnxBackend, Runs
from gruverify.backends.contract import NDArray


def build() -> OnnxBackend:
    """float16 is cast to float32 around the node; of float64 its kernel says that it is not
    supported.
    """
    return OnnxBackend("onnxruntime", (float16, float32), _session, batch_first=False)


def load(model: bytes) -> Runs:
    """What runs a model, on one thread of the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        found: Sequence[NDArray] = session.run(None, given)
        return found

    return run


def _session(model: onnx.ModelProto) -> Runs:
    run = load(model.SerializeToString())

    def run_unless_empty(given: dict[str, NDArray]) -> Sequence[NDArray]:
        if not given["X"].size:
            raise NotImplementedError(
                "ONNX Runtime is not called with sequences or batches that are empty"
            )
        return run(given)

    return run_unless_empty
