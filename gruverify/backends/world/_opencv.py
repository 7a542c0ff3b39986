"""`opencv`: GRU of OpenCV's dnn module, read from ONNX."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import onnx

from gruverify.arithmetic import float32
from gruverify.backends._onnx import OnnxBackend, Runs
from gruverify.backends.contract import NDArray


def build() -> OnnxBackend:
    """It wants weights and sizes in the model; layout=1 is refused."""
    return OnnxBackend("opencv", (float32,), _net, batch_first=False, fixed=True, subnormals=False)


def _net(model: onnx.ModelProto) -> Runs:
    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        if not given["X"].size:
            raise NotImplementedError(
                "OpenCV is not called with sequences or batches that are empty"
            )
        net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
        for name, array in given.items():
            net.setInput(array, name)
        found: Sequence[NDArray] = [np.array(each) for each in net.forward(["Y", "Y_h"])]
        return found

    return run
