"""What CI asks of other libraries at every commit: a few cases in float32."""

from __future__ import annotations

from typing import Any

import pytest

import gruverify
from gruverify import float32

from .families import LIGHT
from .test_targets import known_faults

#: The faults that are known, and show in a few cases.
SHOWN = {
    "flax": {
        "stack/members-without-steps",
        "stack/members-without-steps-gradients",
        "stack/padding-extremes-gradients",
    },
    "onnxruntime": {"numerics/nan", "numerics/nan-in-time", "stack/members-without-steps"},
    "onnx": {
        "stack/lengths-are-dense",
        "stack/members-without-steps",
        "stack/padding-content",
        "stack/padding-extremes",
        "stack/padding-outputs",
    },
}
#: What JAX compiles costs the less, the fewer shapes there are.
CASES = {"flax": 1, "onnxruntime": 10, "onnx": 10}


@pytest.mark.parametrize("name", LIGHT)
def test_what_is_known_to_fail_fails_and_nothing_else(name: str) -> None:
    pytest.importorskip(name)
    target: Any = name
    if name == "onnxruntime":
        from ._runtimes import onnxruntime_declared

        target = onnxruntime_declared()
    known = {
        line.split()[0]
        for line in known_faults(name).read_text().splitlines()
        if line and not line.startswith("#")
    }

    result = gruverify.check(
        target, formats=[float32], profile="quick", max_cases=CASES[name], shrink=False
    )

    failed = {id for (id, _, _), tally in result.tallies.items() if tally.falsified or tally.error}
    assert failed == SHOWN[name]
    assert failed <= known
