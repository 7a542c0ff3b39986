"""How targets are found, and the packages that several of them need, as they were verified."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from gruverify.backends._protocol import Backend

JAX = "jax==0.10.2"
KERAS = "keras==3.15.1"
ONNX = "onnx==1.23.2"
OPENVINO = f"openvino==2026.4.1 {ONNX}"
ORT = "onnxruntime==1.32.0"
PADDLE = "paddlepaddle==3.3.1 setuptools==84.2.1"
TENSORFLOW = "tensorflow-cpu==2.21.0"
TORCH = "torch==2.13.0"


def built(module: str, builder: str = "build") -> Callable[[], Backend]:
    """What imports a module of this folder and builds its backend, once it is called."""

    def build() -> Backend:
        found = importlib.import_module(f"gruverify.backends.world.{module}")
        backend: Backend = getattr(found, builder)()
        return backend

    return build
