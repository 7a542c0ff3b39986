"""What the processor decides."""

from __future__ import annotations


def openvino_computes_in_bfloat16() -> bool:
    """As it comes, whatever format a model has."""
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
