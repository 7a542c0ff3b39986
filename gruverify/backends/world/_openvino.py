"""`openvino` and `openvino:f32`: OpenVINO's GRU on the CPU, read from ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO

import onnx
import openvino

from gruverify.arithmetic import float16, float32
from gruverify.backends._onnx import OnnxBackend, Runs
from gruverify.backends.contract import NDArray

#: One thread, as the other targets have.
_OPTIONS = {"INFERENCE_NUM_THREADS": "1"}
_F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def build() -> OnnxBackend:
    """As it comes: it computes in bfloat16 where the processor can."""
    return _backend("openvino", {})


def build_f32() -> OnnxBackend:
    """Told to compute in float32."""
    return _backend("openvino:f32", _F32)


def load(model: bytes) -> Runs:
    """What runs a model, in the precision that OpenVINO chooses."""
    return _compiled({})(onnx.load_from_string(model))


def load_f32(model: bytes) -> Runs:
    """What runs a model in float32."""
    return _compiled(_F32)(onnx.load_from_string(model))


def _backend(name: str, hints: dict[str, str]) -> OnnxBackend:
    return OnnxBackend(name, (float16, float32), _compiled(hints), batch_first=False)


def _compiled(hints: dict[str, str]) -> Callable[[onnx.ModelProto], Runs]:
    core = openvino.Core()

    def loaded(model: onnx.ModelProto) -> Runs:
        read = core.read_model(BytesIO(model.SerializeToString()))
        compiled = core.compile_model(read, "CPU", {**_OPTIONS, **hints})

        def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
            if not all(array.size for array in given.values()):
                raise NotImplementedError(
                    "OpenVINO is not called with sequences or batches that are empty"
                )
            found = compiled(given, share_inputs=False, share_outputs=False)
            return [found[output] for output in compiled.outputs]

        return run

    return loaded
