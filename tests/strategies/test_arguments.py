"""Wrong arguments raise InvalidArgument, which names argument, value and rule."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify import FORMATS, Variant, bfloat16, float16, float32, float64
from gruverify import strategies as gst

from ._debug import drawn

Row = tuple[Any, dict[str, Any], str]

ONES = np.ones((2, 2), np.float32)
REPLACE = Variant(update="replace")
NO_BIAS = Variant(bias=False)

#: Which axes each strategy has bounds for, and which of them may be empty.
AXES: dict[Any, tuple[str, str]] = {
    gst.cases: ("HIBT", ""),
    gst.cells: ("HI", ""),
    gst.controls: ("HIBT", ""),
    gst.cotangents: ("HBT", "BT"),
    gst.inputs: ("IBT", "BT"),
    gst.layouts: ("HI", ""),
    gst.lengths: ("B", "B"),
    gst.masks: ("BT", "BT"),
    gst.mask_pairs: ("BT", "BT"),
    gst.unit_masks: ("BHT", "BT"),
    gst.regimes: ("H", ""),
    gst.sequences: ("HIBT", "BT"),
    gst.sizes: ("HIBT", "BT"),
    gst.stack_cases: ("HIBT", ""),
    gst.stacks: ("HI", ""),
    gst.states: ("HB", "B"),
    gst.torch_cells: ("HI", ""),
    gst.torch_grus: ("HI", ""),
}


def wrong_bounds() -> Iterator[Row]:
    """For every strategy and axis: too small, crossed, and of another type."""
    for strategy, (axes, empty) in AXES.items():
        for axis in axes:
            least = 0 if axis in empty else 1
            low, high = f"min_{axis}", f"max_{axis}"
            yield strategy, {low: least - 1}, f"{low}={least - 1} must be at least {least}"
            yield strategy, {high: -3}, f"{high}=-3 must be at least {least}"
            yield strategy, {low: 4, high: 2}, f"Cannot have {high}=2 < {low}=4"
            yield strategy, {low: 1.5}, f"Expected int but got {low}=1.5 (type=float)"
            yield strategy, {high: "2"}, f"Expected int but got {high}='2' (type=str)"
    yield gst.sizes, {"min_H": True}, "Expected int but got min_H=True (type=bool)"
    yield gst.states, {"min_B": None}, "Expected int but got min_B=None (type=NoneType)"
    for strategy in (gst.cases, gst.controls, gst.stack_cases):
        yield strategy, {"min_T": 0}, "min_T=0 must be at least 1: a case has a step"
        yield strategy, {"min_B": 0}, "min_B=0 must be at least 1: a case has a member"


def wrong_choices() -> Iterator[Row]:
    """For every strategy that takes formats, variants or other names."""
    for strategy in (
        gst.cases,
        gst.cells,
        gst.controls,
        gst.cotangents,
        gst.formats,
        gst.inputs,
        gst.layouts,
    ):
        yield strategy, {"formats": []}, "formats=[] must have at least one element"
    for strategy in (
        gst.regimes,
        gst.sequences,
        gst.stack_cases,
        gst.stacks,
        gst.states,
        gst.torch_cells,
        gst.torch_grus,
    ):
        yield (
            strategy,
            {"formats": [None]},
            "Expected Format but got formats[0]=None (type=NoneType)",
        )
    yield gst.torch_grus, {"formats": [64]}, "Expected Format but got formats[0]=64 (type=int)"
    yield (
        gst.cells,
        {"formats": float32},
        "Expected a sequence of Format but got formats=gruverify.float32",
    )
    yield (
        gst.cells,
        {"formats": "float32"},
        "Expected a sequence of Format but got formats='float32' (type=str)",
    )
    yield (
        gst.cells,
        {"formats": ["float32"]},
        "Expected Format but got formats[0]='float32' (type=str)",
    )
    for strategy in (gst.cases, gst.cells, gst.controls, gst.layouts, gst.stack_cases, gst.stacks):
        yield strategy, {"variants": ()}, "variants=() must have at least one element"
        yield strategy, {"variants": Variant()}, "Expected a sequence of Variant but got variants="
    yield gst.cells, {"variants": [Variant(), None]}, "Expected Variant but got variants[1]=None"
    for strategy in (gst.cases, gst.cells):
        yield (
            strategy,
            {"regimes": ["latch"]},
            "regimes[0]='latch' must be one of 'free', 'mixed', 'carry', ",
        )
        yield strategy, {"weights": "dense"}, "Expected a sequence of str but got weights='dense'"
        yield (
            strategy,
            {"weights": ["random"]},
            "weights[0]='random' must be one of 'dense', 'sparse', ",
        )
        yield strategy, {"biases": "ones"}, "biases='ones' must be one of 'drawn', 'zero', 'chrono'"
        yield strategy, {"pinned": "yes"}, "pinned='yes' must be one of True, False"
    for levels in ([], "010", 3):
        yield gst.cases, {"levels": levels}, f"levels={levels!r} must "
    yield (
        gst.cases,
        {"levels": [("0", "1")]},
        "levels[0]=('0', '1') must be three names: the levels of r, z and c",
    )
    yield (
        gst.cases,
        {"levels": [("0", "1", "middling")]},
        "levels[0], c='middling' must be one of '', '-1', ",
    )
    yield (
        gst.cases,
        {"levels": [("-1", "1", "mid")]},
        "levels[0], r='-1' must be one of '', '0', 'subnormal', ",
    )
    yield gst.regimes, {"regimes": []}, "regimes=[] must have at least one element"
    yield gst.regimes, {"update": "both"}, "update='both' must be one of 'keep', 'replace'"
    yield gst.variants, {"reset": "never"}, "reset='never' must be one of None, 'after', 'before'"
    yield gst.variants, {"update": "z"}, "update='z' must be one of None, 'keep', 'replace'"
    yield gst.variants, {"bias": "no"}, "bias='no' must be one of None, True, False"
    yield gst.variants, {"biases": "some"}, "biases='some' must be one of None, 'both', 'none', "
    for strategy in (gst.cases, gst.stack_cases):
        yield strategy, {"zero_state": "yes"}, "zero_state='yes' must be one of True, False"
        yield strategy, {"subnormals": 0.5}, "subnormals=0.5 must be one of True, False"
        yield strategy, {"full": 3}, "Expected str but got full=3 (type=int)"
    yield gst.cases, {"full": "HL"}, "full='HL' must be letters of HIBT"
    yield gst.stack_cases, {"full": "X"}, "full='X' must be letters of HIBTLD"
    yield gst.stack_cases, {"regimes": ["wild"]}, "regimes[0]='wild' must be one of "
    yield gst.stack_cases, {"weights": ["heavy"]}, "weights[0]='heavy' must be one of "
    yield gst.stack_cases, {"padded": "no"}, "padded='no' must be one of None, True, False"
    yield gst.stacks, {"bidirectional": 2}, "bidirectional=2 must be one of None, True, False"
    yield gst.stack_cases, {"bidirectional": 2}, "bidirectional=2 must be one of None, True, False"
    yield (
        gst.stack_cases,
        {"batch_first": "yes"},
        "batch_first='yes' must be one of None, True, False",
    )
    yield gst.stack_cases, {"batched": "yes"}, "batched='yes' must be one of None, True, False"
    yield (
        gst.layouts,
        {"layouts": ["jax"]},
        "layouts[0]='jax' must be one of 'pytorch', 'keras', 'onnx', 'flax'",
    )
    yield gst.layouts, {"layouts": "keras"}, "Expected a sequence of str but got layouts='keras'"
    yield (
        gst.controls,
        {"reasons": ["luck"]},
        "reasons[0]='luck' must be one of 'one-unit', 'diagonal', ",
    )
    yield gst.sizes, {"relations": ["H=I"]}, "relations[0]='H=I' must be one of 'H=1', 'I=H', "
    yield gst.torch_cells, {"bias": "no"}, "bias='no' must be one of None, True, False"
    yield gst.torch_grus, {"bias": "no"}, "bias='no' must be one of None, True, False"
    yield gst.torch_grus, {"batch_first": 1.5}, "batch_first=1.5 must be one of None, True, False"
    yield (
        gst.torch_grus,
        {"bidirectional": "both"},
        "bidirectional='both' must be one of None, True, False",
    )


def wrong_numbers() -> Iterator[Row]:
    """Bounds of inputs, states, lengths and layers; arrays; thresholds."""
    yield (
        gst.cells,
        {"max_input": -1.0},
        "max_input=-1.0 must be between 0 and 8188.0: float16 holds no more",
    )
    yield gst.cells, {"max_input": True}, "Expected float but got max_input=True (type=bool)"
    yield gst.cells, {"max_state": float("nan")}, "max_state=nan must be between 0 and 8188.0"
    yield gst.cells, {"max_state": "1"}, "Expected float but got max_state='1' (type=str)"
    yield gst.lengths, {"min_length": -1}, "min_length=-1 must be at least 0"
    yield gst.lengths, {"min_length": 3, "max_length": 2}, "Cannot have max_length=2 < min_length=3"
    yield gst.lengths, {"max_length": 2.0}, "Expected int but got max_length=2.0 (type=float)"
    yield gst.sequences, {"min_length": -2}, "min_length=-2 must be at least 0"
    yield gst.stack_cases, {"min_length": -2}, "min_length=-2 must be at least 0"
    for strategy in (gst.stack_cases, gst.stacks, gst.torch_grus):
        yield strategy, {"min_layers": 0}, "min_layers=0 must be at least 1"
        yield strategy, {"min_layers": 4}, "Cannot have max_layers=3 < min_layers=4"
        yield strategy, {"max_layers": "3"}, "Expected int but got max_layers='3' (type=str)"
    yield (
        gst.floats_near,
        {"format": "float32"},
        "Expected Format but got format='float32' (type=str)",
    )
    for strategy in (gst.views, gst.specials):
        yield (
            strategy,
            {"arrays": [1.0]},
            "Expected an array, or a strategy of arrays, but got arrays=[1.0] (type=list)",
        )
        yield (
            strategy,
            {"arrays": st.just(1.0)},
            "Expected an array, or a strategy of arrays, but got arrays=just(1.0)",
        )
        yield strategy, {"arrays": ONES, "kinds": ()}, "kinds=() must have at least one element"
    yield (
        gst.views,
        {"arrays": ONES, "kinds": ["c"]},
        "kinds[0]='c' must be one of 'contiguous', 'fortran', ",
    )
    yield (
        gst.specials,
        {"arrays": ONES, "kinds": ["inf"]},
        "kinds[0]='inf' must be one of 'negative-zero', ",
    )
    yield gst.specials, {"arrays": np.ones(2, int)}, "dtype=int64 is not a format gruverify knows"


def impossible_combinations() -> Iterator[Row]:
    """Each right on its own."""
    carry: dict[str, Any] = {"regimes": ["carry"]}
    yield (
        gst.cells,
        carry | {"max_input": 1e6},
        "max_input=1000000.0 must be between 0 and 8188.0: float16",
    )
    yield (
        gst.cells,
        carry | {"max_state": 1e5, "formats": [float64, float16]},
        "max_state=100000.0 must be between 0 and",
    )
    yield (
        gst.cells,
        carry | {"biases": "zero"},
        "regimes=['carry'] need biases='drawn', which drive the gates; got",
    )
    yield (
        gst.cells,
        carry | {"variants": [NO_BIAS]},
        "regimes=['carry'] need biases, which drive the gates",
    )
    yield (
        gst.cells,
        carry | {"weights": ["large-norm"]},
        "weights=['large-norm'] exclude each other while pinned=True",
    )
    yield (
        gst.cases,
        carry | {"weights": ["contractive"]},
        "weights=['contractive'] exclude each other while pinned",
    )
    yield (
        gst.cases,
        {"regimes": ["elman"], "biases": "chrono"},
        "need biases='drawn', which drive the gates; got",
    )
    yield gst.sequences, {"min_T": 2, "min_length": 3}, "Cannot have min_T=2 < min_length=3"
    yield gst.stack_cases, {"min_T": 2, "min_length": 3}, "Cannot have min_T=2 < min_length=3"
    yield gst.stack_cases, {"min_B": 2, "batched": False}, "batched=False"
    yield (
        gst.stack_cases,
        {"padded": True, "batched": False},
        "Cannot have padded=True with batched=False",
    )
    yield (
        gst.variants,
        {"bias": False, "biases": "input"},
        "Cannot have bias=False with biases='input'",
    )
    yield (
        gst.layouts,
        {"variants": [REPLACE]},
        "must have one that layouts=['pytorch', 'keras', 'onnx', 'flax', ",
    )
    yield (
        gst.layouts,
        {"layouts": ["flax"], "variants": [Variant("before")]},
        "must have one that layouts=['flax'] can",
    )
    yield (
        gst.sizes,
        {"min_H": 2, "relations": ["H=1"]},
        "relations='H=1' cannot hold with 2<=H<=5, ",
    )
    yield (
        gst.sizes,
        {"min_H": 3, "max_I": 2, "relations": ["I=H"]},
        "relations='I=H' cannot hold with 3<=H<=5, 1<=I<=2",
    )
    yield gst.sizes, {"min_T": 6, "relations": ["T=B"]}, "relations='T=B' cannot hold with"
    yield gst.sizes, {"max_B": 2, "relations": ["B=3H"]}, "relations='B=3H' cannot hold with"
    yield (
        gst.sizes,
        {"max_H": 6, "relations": ["I=H", "simd"]},
        "relations='simd' cannot hold with 1<=H<=6",
    )
    yield (
        gst.sizes,
        {"max_H": 1, "max_I": 1, "relations": ["distinct"]},
        "relations='distinct' cannot hold with",
    )


WRONG = [*wrong_bounds(), *wrong_choices(), *wrong_numbers(), *impossible_combinations()]


@pytest.mark.parametrize(
    ("strategy", "arguments", "message"), WRONG, ids=[f"{s.__name__}({a})" for s, a, _ in WRONG]
)
def test_wrong_argument_is_named(strategy: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        drawn(strategy(**arguments), 1)


@pytest.mark.parametrize(
    "strategy", [s for s in vars(gst).values() if inspect.isfunction(s) and s is not gst.drawn_from]
)
def test_every_argument_of_every_strategy_is_in_the_table(strategy: Any) -> None:
    parameters = {name for name in inspect.signature(strategy).parameters if name != "draw"}
    assert parameters == {
        name for other, arguments, _ in WRONG if other is strategy for name in arguments
    }


@pytest.mark.parametrize("strategy", [*AXES, gst.variants, gst.formats])
def test_bounds_are_given_by_name(strategy: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        drawn(strategy(3), 1)


def test_the_bound_of_inputs_is_that_of_the_formats_asked_for() -> None:
    largest = bfloat16.max / 8
    asked = gst.cells(
        max_input=largest, formats=[f for f in FORMATS if f is not float16], regimes=["carry"]
    )
    assert all(np.isfinite(cell.weight_ih.astype(np.float64)).all() for cell in drawn(asked, 20))
