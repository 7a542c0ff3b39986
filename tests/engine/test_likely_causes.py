"""Likely causes: each is named for the fault that it is about, and for no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Variant, backend, check, float32, float64
from gruverify.arithmetic import NDArray, floating, functions_named
from gruverify.backends import Backend, NumpyBackend, declared_variants
from gruverify.cell import Case, Cell
from gruverify.engine import Reading, readings
from gruverify.engine._backward import BACKWARD, in_words
from gruverify.engine._explained import _in_place
from gruverify.engine._identify import tried
from gruverify.engine._marks import CAUSES
from gruverify.engine._missing import lacking
from gruverify.engine._readings import BIASES, FROM_ZEROS, FUNCTIONS
from gruverify.engine._slips import SLIPS, slipped
from gruverify.engine._small_cases import drawn_for
from gruverify.faults import FAULTS
from gruverify.formulas import step

pytestmark = pytest.mark.uncounted

#: Faults of values by the slip that is named for them.
SLIP_OF = {
    "candidate-without-reset": "the reset gate is not used",
    "complement-of-the-reset-gate": "1 - r resets, not r",
    "reset-of-the-whole-candidate": (
        "the reset gate multiplies the input part of the candidate, too"
    ),
    "reset-of-the-input-part": (
        "the reset gate multiplies the input part of the candidate, not the recurrent one"
    ),
    "recurrent-bias-reset-though-reset-is-before": (
        "the reset gate multiplies bias_hh of the candidate, too"
    ),
    "update-gate-of-the-reset-state": "the update gate sees the state that was reset",
    "reset-gate-used-for-update": "r blends, not z",
    "update-gate-without-recurrence": "z without the state",
    "state-added-once-more": "the old state is added once more",
    "update-gate-ignored": "the update gate is not used",
    "next-state-squashed-again": "tanh of the blend",
    "recurrent-weights-of-a-gate-shared": "r with the weight_hh of z",
    "biases-of-the-gates-swapped": "r and z with each other's bias_ih",
    "candidate-not-squashed": "the candidate without tanh",
    "candidate-by-sigmoid": "σ for tanh in the candidate",
    "sigmoid-applied-twice": "σ twice in the reset gate",
}
#: Faults of gradients by what is named for them, under PyTorch's conventions.
TERM_OF = {
    "direct-path-left-out": "∂h/∂h' lacks z: the carry path",
    "direct-path-by-the-other-share": "∂h/∂h' has 1-z for z: the carry path",
    "update-path-to-the-state-left-out": "∂h/∂h' lacks the path through the update gate, W_hz",
    "state-detached-in-the-candidate": "∂h/∂h' lacks the path through the candidate, W_hc",
    "recurrent-paths-left-out": (
        "∂h/∂h' is z alone: it lacks the paths through the gates and the candidate"
    ),
    "state-detached-at-every-step": "∂h/∂h' is 0: the state is detached at each step",
    "reset-path-to-the-input-left-out": "∂h/∂x lacks the path through the reset gate, W_xr",
    "update-gate-detached": "∂h/∂a_z is 0: the update gate is detached",
    "reset-gate-detached": "∂h/∂a_r is 0: the reset gate is detached",
    "gradient-through-the-reset-gate-dropped": "∂h/∂a_r is 0: the reset gate is detached",
    "update-slope-without-the-candidate": "∂h/∂a_z lacks the summand with the candidate",
    "update-slope-negated": "∂h/∂a_z has the wrong sign",
    "update-slope-without-its-complement": "∂h/∂a_z lacks 1-z: the slope of σ is z (1-z)",
    "straight-through-gate": "∂h/∂a_z lacks z (1-z): the slope of σ",
    "slope-of-tanh-left-out": "∂h/∂a_c lacks 1-c²: the slope of tanh",
    "slope-of-tanh-not-squared": "∂h/∂a_c has 1-c for 1-c², the slope of tanh",
    "slope-of-sigmoid-for-tanh": "∂h/∂a_c has c (1-c), the slope of σ, for 1-c²",
    "rule-of-tanh-at-its-argument": (
        "∂h/∂a_c has 1-a_c² for 1-c²: the slope of tanh, of what went into it"
    ),
    "candidate-slope-without-the-update-gate": "∂h/∂a_c lacks 1-z",
    "candidate-slope-with-the-other-share": "∂h/∂a_c has z for 1-z",
    "reset-slope-without-its-complement": "∂h/∂a_r lacks 1-r: the slope of σ is r (1-r)",
    "reset-slope-of-the-state": "∂h/∂a_r has h' for W_hc h' + b_hc",
    "recurrent-weights-not-transposed-backwards": "weight_hh is transposed on the way back",
    "no-gradient-of-weight-ih-candidate": "dL/dW_xc is 0",
    "weights-read-through-data": "dL/dW_hz is 0",
    "no-gradient-of-bias-hh-candidate": "dL/db_hc is 0",
    "recurrent-candidate-gradient-without-reset": "dL/dW_hc lacks the factor r",
    "recurrent-bias-gradient-not-reset": "dL/db_hc lacks the factor r",
    "no-gradient-of-the-state": "dL/dh_0 is 0: the initial state is detached",
    "only-the-last-step-differentiated": "only the last step is differentiated",
    "truncated-to-two-steps": (
        "dL/dh_t stops before the last two steps: the state is detached there"
    ),
    "gradients-overwritten-by-every-step": "dL/dθ is that of the first step alone",
    "gradients-of-earlier-inputs-missing": "dL/dx is that of the last step alone",
    "cotangents-of-outputs-ignored": "the cotangents of the outputs are ignored",
    "cotangent-of-last-ignored": "the cotangent of the last state is ignored",
    "gradients-averaged-over-time": "dL/dθ is the mean over the steps, not the sum",
    "mean-over-the-batch": "dL/dθ is the mean over the batch, not the sum",
}


def drawn(target: Backend, variant: Variant) -> list[Case]:
    """Some small cases of a variant, and a longer one, of which every number is another."""
    random = np.random.default_rng(1)
    H, I, B, T = 2, 2, 2, 4
    packed = {"weight_ih": random.uniform(-1, 1, (3 * H, I)), "weight_hh": np.eye(3 * H, H)}
    packed["weight_hh"] += random.uniform(-1, 1, (3 * H, H))
    if variant.bias:
        packed |= {name: random.uniform(-1, 1, 3 * H) for name in ("bias_ih", "bias_hh")}
    given = [random.uniform(-1, 1, shape) for shape in ((T, B, I), (B, H), (T, B, H), (B, H))]
    longer = Case(Cell(variant, **packed), *given)
    return [*drawn_for(target, float64, [variant], 0, 3), longer]


def slips_of(target: Backend, variant: Variant) -> set[str]:
    """The slips in the place of right lines that some cases agree with."""
    cases = drawn(target, variant)
    known = readings(variant)
    candidates = {reading for reading in known if reading == Reading(slip=reading.slip)}
    part = tried(target, "step", [variant], cases, only=candidates)
    return {evidence.reading.slip for evidence in part.holds}


@pytest.mark.parametrize("fault", SLIP_OF)
def test_catches_a_slip_of_one_line(fault: str) -> None:
    target = FAULTS[fault].build()

    assert slips_of(target, declared_variants(target)[0]) == {SLIP_OF[fault]}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told_from_all_others(slip: str) -> None:
    """Each slip over floating-point numbers; that of one convention, under that."""
    variant = Variant("before")

    def step(cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        return slipped(SLIPS[slip], cell.variant, cell.parameters(), [x], h)[0]

    assert slips_of(backend(step=step, variants=[variant], formats=[float64]), variant) == {slip}


@pytest.mark.thinned
@pytest.mark.parametrize("fault", TERM_OF)
def test_catches_a_missing_term(fault: str) -> None:
    if not FAULTS[fault].available:
        pytest.skip("needs PyTorch")
    target = FAULTS[fault].build()
    variant = declared_variants(target)[0]

    assert [in_words(words, variant) for words in lacking(target, drawn(target, variant))] == [
        TERM_OF[fault]
    ]


@pytest.mark.parametrize(
    "fault",
    [
        "cotangents-clipped",
        "rule-of-sigmoid-at-zero",
        "reset-slope-of-the-activated-gate",
        "activations-one-step-late",
        "own-cotangent-for-every-unit",
        "candidate-gradient-without-the-update-gate",
    ],
)
def test_another_fault_of_gradients_has_no_cause(fault: str) -> None:
    if not FAULTS[fault].available:
        pytest.skip("needs PyTorch")
    target = FAULTS[fault].build()

    assert lacking(target, drawn(target, declared_variants(target)[0])) == ()


@pytest.mark.parametrize(
    "fault", ["update-gate-squared", "members-of-the-batch-rolled", "candidate-by-softsign"]
)
def test_another_fault_of_values_is_no_slip(fault: str) -> None:
    target = FAULTS[fault].build()

    assert slips_of(target, declared_variants(target)[0]) == set()


def test_a_right_cell_has_no_cause() -> None:
    right = NumpyBackend()

    assert slips_of(right, Variant()) == {""}
    assert lacking(right, drawn(right, Variant())) == ()


def test_a_term_is_named_in_the_convention_that_lacks_it() -> None:
    assert in_words("∂h/∂h' lacks {keep}: the carry path", Variant(update="replace")) == (
        "∂h/∂h' lacks 1-z: the carry path"
    )


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("direct-path-left-out", "∂h/∂h' lacks z: the carry path (float64, every case)"),
        (
            "candidate-without-reset",
            "the reset gate is not used: n = tanh(W_n x + b_n + U_n h' + c_n) "
            "(float64, every case)",
        ),
        ("cotangents-clipped", ""),
        (
            "masked-state-zeroed",
            "skips but does not carry: the state after a skipped step is 0 (float64, every case)",
        ),
    ],
)
def test_a_run_names_the_cause(fault: str, cause: str) -> None:
    target, only = FAULTS[fault].build([Variant()]), ["agreement", "masks/kept"]

    found = check(target, formats="f64", max_cases=3, only=only, shrink=False)

    assert found.verdict == "falsified"
    assert found.explanation == cause


@pytest.mark.parametrize("functions", FUNCTIONS)
def test_other_functions_are_named_with_their_declaration(functions: str) -> None:
    (own,) = functions_named(functions)

    def other(cell: Any, x: Any, h: Any) -> Any:
        return np.asarray(
            step(cell.variant, cell.parameters(floating), floating(x), floating(h), own)
        )

    target = backend(step=other, variants=[Variant()])
    found = check(target, formats="f64", max_cases=6, only=["agreement"], shrink=False)

    assert found.explanation == (
        f'{_in_place(functions)} (float64, every case): declare activations="{functions}"?'
    )


def test_a_function_that_nobody_models_has_no_name() -> None:
    target = FAULTS["update-gate-squared"].build([Variant()])

    assert not check(target, formats="f64", max_cases=4, only=["agreement"]).explanation


def test_a_run_asks_whether_it_starts_from_zeros_alone() -> None:
    target = backend(sequence=lambda cell, inputs, _: NumpyBackend().sequence(cell, inputs, None))

    found = check(target, formats="f64", max_cases=6, only=["agreement"], shrink=False)

    words = "its initial state is ignored (float64, every case): declare initial_state=False?"
    assert found.explanation == words


def test_the_page_lists_every_likely_cause() -> None:
    page = (Path(__file__).parents[2] / "docs" / "likely-causes.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ")[0] for line in page.splitlines() if line.startswith("| ")]

    forms = [form.words for name, form in BIASES.items() if name != "both"]
    assert [row for row in rows if row in forms] == forms
    assert [row for row in rows if row in SLIPS] == list(SLIPS)
    assert [row for row in rows if row in BACKWARD] == list(BACKWARD)
    assert FROM_ZEROS in rows
    told = {_in_place(functions) for functions in FUNCTIONS}
    assert {row for row in rows if row in told} == told
    assert all(f'activations="{functions}"' in page for functions in FUNCTIONS)
    assert [row for row in rows if row in CAUSES] == list(CAUSES)


def test_what_departs_in_two_places_is_preferred_to_what_departs_in_three() -> None:
    right = NumpyBackend()

    def cho(cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        other = Variant(reset="before", update="replace", biases="input")
        return right.step(replace(cell, variant=other), x, h)

    mine = backend(step=cho, biases="input", formats=[float32])
    for seed in range(2):
        found = check(mine, profile="quick", seed=seed, max_cases=3)
        assert found.explanation == (
            "reset gate applied before the product, z multiplies the candidate (float32, every "
            'case): declare variants=[Variant(reset="before", update="replace", biases="input")]?'
        )
