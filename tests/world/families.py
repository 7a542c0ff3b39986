"""Which targets share an environment: `tox -e world-FAMILY` runs those of one family."""

from __future__ import annotations

import os

#: Those of `far` do not agree with the others on versions.
FAMILIES: dict[str, tuple[str, ...]] = {
    "jax": ("flax", "flax:nnx", "equinox", "haiku"),
    "keras": ("keras", "keras:torch"),
    "onnx": (
        "onnxruntime",
        "onnx",
        "torch:onnx",
        "openvino",
        "openvino:f32",
        "opencv",
        "tract",
        "mnn",
        "ncnn",
    ),
    "torch": (
        "torchrl",
        "torchrl:scan",
        "opacus",
        "torch:quantized",
        "torch:quantized:f16",
        "paddle",
        "paddle:cell",
        "mlx",
    ),
    "far": ("keras:tensorflow", "tensorflow:block", "executorch"),
}
#: The targets of CI, where there is no torch.
LIGHT = ("flax", "onnxruntime", "onnx")


def family_asked() -> str:
    """The family of the environment that runs the tests; "" where all are asked that are there."""
    name = os.environ.get("GRUVERIFY_WORLD", "").removeprefix("world-")
    return name if name in FAMILIES else ""
