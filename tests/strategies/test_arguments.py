"""Wrong arguments raise InvalidArgument, which names argument, value and rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis.errors import InvalidArgument

from gruverify import Variant, float32
from gruverify import strategies as gst

from ._debug import minimal

WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (gst.sizes, {"min_H": 0}, "min_H=0 must be at least 1"),
    (gst.sizes, {"max_T": -3}, "max_T=-3 must be at least 1"),
    (gst.sizes, {"min_I": 4, "max_I": 2}, "Cannot have max_I=2 < min_I=4"),
    (gst.sizes, {"min_B": 1.5}, r"Expected int but got min_B=1.5 \(type=float\)"),
    (gst.sizes, {"max_B": "2"}, r"Expected int but got max_B='2' \(type=str\)"),
    (gst.sizes, {"min_H": True}, r"Expected int but got min_H=True \(type=bool\)"),
    (gst.cells, {"min_H": 3, "max_H": 2}, "Cannot have max_H=2 < min_H=3"),
    (gst.cells, {"formats": []}, r"formats=\[\] must have at least one element"),
    (gst.cells, {"formats": float32}, "Expected a sequence of Format but got formats="),
    (gst.cells, {"formats": "float32"}, "Expected a sequence of Format but got formats='float32'"),
    (gst.cells, {"formats": ["float32"]}, r"Expected Format but got formats\[0\]='float32' \(type=str\)"),
    (gst.cells, {"variants": ()}, r"variants=\(\) must have at least one element"),
    (gst.cells, {"variants": [Variant(), None]}, r"Expected Variant but got variants\[1\]=None"),
    (gst.cells, {"regimes": ["latch"]}, r"regimes\[0\]='latch' must be one of 'free', 'mixed', 'carry', "),
    (gst.cells, {"weights": "dense"}, "Expected a sequence of str but got weights='dense'"),
    (gst.cells, {"weights": ["random"]}, r"weights\[0\]='random' must be one of 'dense', 'sparse', "),
    (gst.cells, {"biases": "ones"}, "biases='ones' must be one of 'drawn', 'zero', 'chrono'"),
    (gst.cells, {"pinned": "yes"}, "pinned='yes' must be one of True, False"),
    (gst.cells, {"max_input": -1.0}, r"max_input=-1.0 must be between 0 and 8188.0: float16 holds no more"),
    (gst.cells, {"max_input": 1e6, "regimes": ["carry"]}, "max_input=1000000.0 must be between 0 and 8188.0"),
    (gst.cells, {"max_state": float("nan")}, "max_state=nan must be between 0 and 8188.0"),
    (gst.cells, {"max_state": "1"}, r"Expected float but got max_state='1' \(type=str\)"),
    (gst.cells, {"regimes": ["carry"], "biases": "zero"}, "need biases='drawn', which drive the gates"),
    (gst.cells, {"regimes": ["carry"], "variants": [Variant(bias=False)]}, "need biases, which drive the gates"),
    (gst.cells, {"regimes": ["carry"], "weights": ["large-norm"]}, "exclude each other while pinned=True"),
    (gst.cases, {"regimes": ["elman"], "biases": "chrono"}, "need biases='drawn', which drive the gates"),
    (gst.cases, {"min_T": 9, "max_T": 8}, "Cannot have max_T=8 < min_T=9"),
    (gst.cases, {"variants": Variant()}, "Expected a sequence of Variant but got variants="),
    (gst.inputs, {"max_I": 0}, "max_I=0 must be at least 1"),
    (gst.inputs, {"formats": [None]}, r"Expected Format but got formats\[0\]=None"),
    (gst.states, {"min_B": None}, r"Expected int but got min_B=None \(type=NoneType\)"),
    (gst.cotangents, {"min_H": 2, "max_H": 1}, "Cannot have max_H=1 < min_H=2"),
    (gst.regimes, {"max_H": 0}, "max_H=0 must be at least 1"),
    (gst.regimes, {"update": "both"}, "update='both' must be one of 'keep', 'replace'"),
    (gst.variants, {"reset": "never"}, "reset='never' must be one of None, 'after', 'before'"),
    (gst.variants, {"update": "z"}, "update='z' must be one of None, 'keep', 'replace'"),
    (gst.variants, {"bias": "no"}, "bias='no' must be one of None, True, False"),
    (gst.formats, {"formats": ()}, r"formats=\(\) must have at least one element"),
    (gst.lengths, {"min_length": -1}, "min_length=-1 must be at least 0"),
    (gst.lengths, {"min_length": 3, "max_length": 2}, "Cannot have max_length=2 < min_length=3"),
    (gst.lengths, {"min_B": 0}, "min_B=0 must be at least 1"),
    (gst.sequences, {"min_T": 2, "min_length": 3}, "Cannot have min_T=2 < min_length=3"),
    (gst.sequences, {"max_I": 0}, "max_I=0 must be at least 1"),
    (gst.stacks, {"min_layers": 0}, "min_layers=0 must be at least 1"),
    (gst.stacks, {"min_layers": 4}, "Cannot have max_layers=3 < min_layers=4"),
    (gst.stacks, {"bidirectional": 2}, "bidirectional=2 must be one of None, True, False"),
    (gst.layouts, {"layouts": ["jax"]}, r"layouts\[0\]='jax' must be one of 'pytorch', 'keras', 'onnx', 'flax'"),
    (gst.layouts, {"layouts": "keras"}, "Expected a sequence of str but got layouts='keras'"),
    (gst.layouts, {"variants": [Variant(update="replace")]}, "must have one that layouts="),
    (gst.torch_cells, {"bias": "no"}, "bias='no' must be one of None, True, False"),
    (gst.torch_grus, {"batch_first": 1.5}, "batch_first=1.5 must be one of None, True, False"),
    (gst.floats_near, {"format": "float32"}, r"Expected Format but got format='float32' \(type=str\)"),
]


@pytest.mark.parametrize(("strategy", "arguments", "message"), WRONG, ids=[f"{s.__name__}({a})" for s, a, _ in WRONG])
def test_wrong_argument_is_named(strategy: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        minimal(strategy(**arguments))


@pytest.mark.parametrize("strategy", [gst.sizes, gst.cells, gst.cases, gst.inputs, gst.states, gst.regimes])
def test_bounds_are_given_by_name(strategy: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        minimal(strategy(3))
