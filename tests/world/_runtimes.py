"""ONNX Runtime, with the accuracy that docs/world.md says it has."""

from __future__ import annotations

from typing import Any, ClassVar

from gruverify.backends._onnx import OnnxBackend


class Declared(OnnxBackend):
    """What its σ and tanh are accurate to is declared: what else is wrong then stands alone."""

    blend: ClassVar = "A+B+D"
    kappa_sigma: ClassVar = 5
    kappa_tanh: ClassVar = 11
    sigmoid: ClassVar = "absolute"


def onnxruntime_declared() -> Any:
    """Its backend with these declarations."""
    from gruverify.backends.world import _onnxruntime

    return Declared(**vars(_onnxruntime.build()))
