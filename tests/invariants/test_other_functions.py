"""A GRU with other activation functions, or with a clip, is asked what holds of it, and says what
is not asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import float64
from gruverify.backends import BadDeclaration, NumpyBackend, backend, declarations_of
from gruverify.engine import applicable, judge
from gruverify.faults import EQUIVALENTS
from gruverify.invariants import INVARIANTS, Trial
from gruverify.invariants.agreement._kinks import levels

from ._built import a_case

NUMPY = NumpyBackend()
HARD, CLIPPED = (EQUIVALENTS[id].build() for id in ("hard-sigmoid-as-declared", "clip-as-declared"))


def why_not(id: str, **declared: Any) -> str:
    """Why an invariant is not asked of what has every method and declares this."""
    methods: dict[str, Any] = {
        name: getattr(NUMPY, name) for name in ("step", "step_jacobian", "sequence")
    }
    methods |= {name: getattr(NUMPY, name) for name in ("sequence_vjp", "sequence_jvp", "stack")}
    return applicable(INVARIANTS[id], backend(**methods, **declared))


def test_what_speaks_of_sigmoid_and_tanh_is_not_asked_and_says_so() -> None:
    relu = {"activations": ["sigmoid", "relu"]}
    said = "declared activations='sigmoid, relu': "
    assert why_not("bounds/box", **relu) == f"{said}it speaks of σ and tanh"
    assert why_not("stack/outputs", **relu).startswith(f"{said}of stacks")
    assert why_not("agreement/jvp", **relu).startswith(f"{said}derivatives along a direction")
    for id in ("agreement/step", "agreement/jacobian-state", "agreement/kinks", "sequence/loop"):
        assert why_not(id, **relu) == ""


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({"clip": 2}, "clip=2: at a clip there is no derivative"),
        ({"activations": "sigmoid, thresholded_relu(1)"}, "where a function jumps"),
    ],
    ids=["clip", "jump"],
)
def test_where_there_is_no_derivative_none_is_asked_for(
    declared: dict[str, Any], reason: str
) -> None:
    for id in ("agreement/gradient-inputs", "agreement/jacobian-state", "agreement/each-cotangent"):
        assert reason in why_not(id, **declared)
    assert why_not("agreement/each-step", **declared) == ""


@pytest.mark.parametrize("id", ["numerics/nan", "numerics/nan-in-time"])
def test_a_clip_passes_on_what_is_no_number(id: str) -> None:
    def swallowing(cell: Any, x: Any, h: Any) -> Any:
        # As fmin and fmax do: of a NaN and a bound they return the bound.
        return NUMPY.step(cell, np.nan_to_num(x, nan=1), np.nan_to_num(h, nan=1))

    def run(cell: Any, inputs: Any, state: Any) -> Any:
        return NUMPY.sequence(cell, np.nan_to_num(inputs, nan=1), state)

    wrong = backend(step=swallowing, sequence=run, clip=1000)

    assert {one.tally.falsified for one in judge(a_case(float64), wrong, [INVARIANTS[id]])} == {1}
    for right in (CLIPPED, HARD):
        assert {one.tally.passed for one in judge(a_case(float64), right, [INVARIANTS[id]])} == {1}


def test_of_the_usual_functions_no_kinks_are_asked() -> None:
    assert why_not("agreement/kinks") == "declared other_functions=False"
    assert why_not("agreement/kinks", activations="sigmoid, tanh") != ""


def test_levels_are_at_each_kink_and_at_the_clip_and_next_to_them() -> None:
    case = a_case(float64)
    gate, candidate = levels(case, declarations_of(HARD))
    for kink in (-2.5, 2.5):
        assert {kink, np.nextafter(kink, 9), np.nextafter(kink, -9)} <= set(gate)
    assert not {-2.5, 2.5} & set(candidate)
    for at in levels(case, declarations_of(CLIPPED)):
        assert {-0.5, 0.5, np.nextafter(0.5, 1)} <= set(at)


def test_what_is_exact_of_one_is_not_that_of_another() -> None:
    # The twin of a trial shares what the mathematics allows: not with other functions.
    case = a_case(float64)
    one = Trial(case, HARD)
    assert one.with_backend(HARD).exact is one.exact
    assert one.with_backend(NUMPY).exact is not one.exact
    assert one.with_backend(CLIPPED).exact.mode.clip == 0.5


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"clip": 0}, "clip=0 must be more"),
        ({"clip": "5"}, "clip='5' must be a number"),
        ({"activations": "sigmoid"}, "names 1 functions"),
        ({"activations": "sigmoid, swish"}, "swish is not modelled here"),
        ({"activations": "hard_sigmoid, tanh"}, "hard_sigmoid has the parameters alpha, beta"),
        ({"activations": 3}, "must be the functions of the gates and of the candidate"),
    ],
    ids=str,
)
def test_what_is_no_declaration_is_told_in_a_line(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(BadDeclaration, match=message):
        backend(step=NUMPY.step, **declared)


def test_what_a_module_keeps_under_these_names_is_its_own() -> None:
    torch = pytest.importorskip("torch")

    class Clipping(torch.nn.GRUCell):  # type: ignore[misc,name-defined]  # torch may not be there
        clip = 5.0
        activations = ("relu", "relu")

    from gruverify.backends._torch import torch_backend

    assert not declarations_of(torch_backend(step=Clipping)).other_functions
    assert declarations_of(torch_backend(step=Clipping, clip=2.0)).clip == 2.0
