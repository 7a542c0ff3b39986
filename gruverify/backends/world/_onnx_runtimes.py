"""The targets that run ONNX's GRU."""

from __future__ import annotations

from gruverify.backends._target import Target
from gruverify.backends.world._installed import ONNX, OPENVINO, ORT, TORCH, built

RUNTIMES: tuple[Target, ...] = (
    Target(
        "onnxruntime",
        "GRU of ONNX Runtime",
        "onnxruntime",
        built("_onnxruntime"),
        f"{ORT} {ONNX}",
    ),
    Target("onnx", "GRU of ONNX's reference evaluator", "onnx", built("_onnx_reference"), ONNX),
    Target(
        "torch:onnx",
        "nn.GRU exported to ONNX by torch.onnx, run by ONNX Runtime, one size",
        "onnxruntime",
        built("_torch_onnx"),
        f"{ORT} {TORCH} {ONNX}",
        beside="torch",
    ),
    Target(
        "openvino",
        "OpenVINO's GRU, in the precision that it chooses",
        "openvino",
        built("_openvino"),
        OPENVINO,
    ),
    Target(
        "openvino:f32",
        "OpenVINO's GRU, set to compute in float32",
        "openvino",
        built("_openvino", "build_f32"),
        OPENVINO,
    ),
    Target(
        "opencv",
        "GRU of OpenCV's dnn module",
        "cv2",
        built("_opencv"),
        f"opencv-python-headless==5.0.0.93 {ONNX}",
    ),
    Target("mnn", "GRU of MNN, converted from ONNX", "MNN", built("_mnn"), f"mnn==3.6.1 {ONNX}"),
    Target("tract", "GRU of tract", "tract", built("_tract"), f"tract==0.23.9 {ONNX}"),
)
