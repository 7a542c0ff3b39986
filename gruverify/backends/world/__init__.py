"""GRUs of other libraries and runtimes, by name; each is imported once it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from gruverify.backends._protocol import Backend
from gruverify.backends._target import Target


def _from(module: str) -> Callable[[], Backend]:
    def build() -> Backend:
        backend: Backend = importlib.import_module(f"gruverify.backends.world.{module}").build()
        return backend

    return build


_JAX = "jax==0.10.2"
_ONNX = "onnx==1.23.2"

#: In the order of docs/world.md. What they were verified with is what is installed for them.
WORLD: tuple[Target, ...] = (
    Target(
        "flax",
        "Flax linen's GRUCell, RNN and Bidirectional",
        "flax",
        _from("_flax"),
        f"flax==0.12.8 {_JAX}",
    ),
    Target("flax:nnx", "Flax nnx's GRUCell and RNN", "flax", _from("_nnx"), f"flax==0.12.8 {_JAX}"),
    Target("equinox", "Equinox's GRUCell", "equinox", _from("_equinox"), f"equinox==0.13.8 {_JAX}"),
    Target(
        "haiku",
        "Haiku's GRU and dynamic_unroll",
        "haiku",
        _from("_haiku"),
        f"dm-haiku==0.0.17 {_JAX}",
    ),
    Target(
        "keras",
        "Keras's GRUCell, GRU and Bidirectional on JAX",
        "keras",
        _from("_keras"),
        f"keras==3.15.1 {_JAX}",
    ),
    Target(
        "onnxruntime",
        "GRU of ONNX Runtime",
        "onnxruntime",
        _from("_onnxruntime"),
        f"onnxruntime==1.32.0 {_ONNX}",
    ),
    Target("onnx", "GRU of ONNX's reference evaluator", "onnx", _from("_onnx_reference"), _ONNX),
    Target(
        "torchrl",
        "TorchRL's GRUCell and GRU",
        "torchrl",
        _from("_torchrl"),
        "torchrl==0.14.1 torch==2.13.0",
    ),
)
