"""`onnx`: the reference evaluator of ONNX, which defines what its operators mean."""

from __future__ import annotations

from typing import Any

import onnx
from onnx.reference import ReferenceEvaluator

from gruverify.arithmetic import FORMATS
from gruverify.backends._onnx import OnnxBackend, Runs


def build() -> OnnxBackend:
    """NumPy in the format of its inputs."""
    return OnnxBackend("onnx", FORMATS, _evaluator)


def _evaluator(model: onnx.ModelProto) -> Runs:
    evaluator: Any = ReferenceEvaluator(model)
    return lambda given: evaluator.run(None, given)


def load(model: bytes) -> Runs:
    """What evaluates a model."""
    return _evaluator(onnx.load_from_string(model))
