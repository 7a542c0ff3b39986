"""Gradients from the cotangents that the backend itself shows: every part of them, at any
length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import (
    FORMATS,
    Backend,
    Case,
    Cell,
    Format,
    Gradients,
    Variant,
    assert_holds,
    float16,
    float32,
)
from gruverify.backends import NumpyBackend
from gruverify.cell import PACKED
from gruverify.engine import Judgement, judge
from gruverify.invariants import INVARIANTS, Trial
from gruverify.invariants.core._shown import showing_inputs, shown_cotangents

from ._built import COMPLETE, SATURATED, case_of, cell_at
from ._faulty import Faulty
from ._long import BACKWARD, long_case, path_through_the_update_gate_too_large
from .test_each_step import asked, backend_named

ID = "agreement/each-cotangent"
in_every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
on_every_backend = pytest.mark.parametrize("name", COMPLETE)


def judged(backend: Any, case: Case) -> Judgement:
    (judgement,) = judge(case, backend, [INVARIANTS[ID]])
    return judgement


@pytest.mark.uncounted
@in_every_format
@on_every_backend
def test_right_backend_passes_long_runs_in_every_variant(name: str, format: Format) -> None:
    backend = backend_named(name)
    for variant in backend.variants:
        assert_holds(ID, backend, long_case(format, variant, H=6, I=3, T=16))
    assert_holds(ID, backend, long_case(format, H=64, T=12))


@pytest.mark.parametrize("faulty", BACKWARD, ids=lambda f: f.__name__)
def test_catches_backward_faults(faulty: Callable[[], Backend]) -> None:
    backend = faulty()
    for variant in backend.variants:
        if variant.bias:
            assert (
                max(r.margin for r in asked(ID, backend, long_case(float32, variant, H=32, T=8)))
                > 10
            )


def test_catches_what_is_wrong_with_the_plain_call_alone() -> None:
    """A fault that the case with further inputs does not have is for back-propagation through the
    states returned.
    """
    case = long_case(float32, I=4, T=12)

    def halved(g: Gradients, cell: Any, *_: Any) -> Gradients:
        return replace(g, inputs=g.inputs / 2) if cell.input_size == 4 else g

    assert not [r for r in asked(ID, Faulty(sequence_vjp=halved), case) if r.margin > 1]
    wrong = [
        r
        for r in asked("agreement/long-gradient", Faulty(sequence_vjp=halved), case)
        if r.margin > 1
    ]
    assert {residual.where.partition("[")[0] for residual in wrong} == {"dL/dx"}


def test_catches_gradient_of_the_state_unless_there_is_none() -> None:
    faulty = Faulty(sequence_vjp=lambda g, *_: replace(g, state=g.state / 2))
    assert judged(faulty, long_case(float32)).tally.falsified
    faulty.state_gradient = False  # type: ignore[attr-defined]
    assert judged(faulty, long_case(float32)).tally.passed


def test_zero_inputs_show_the_cotangents_of_the_gates() -> None:
    """With biases, the cotangents of one step and one member are the biases' gradients."""
    drawn = long_case(float32, T=1, B=1)
    # Sums of products of sixteenths are exact in any order, and further inputs may change it.
    arrays = {name: np.round(array * 16) / 16 for name, array in drawn.arrays().items()}
    cell = Cell(drawn.cell.variant, *(arrays.pop(name) for name in PACKED))
    case = Case(cell, **arrays)
    trial = Trial(case, NumpyBackend())
    np.testing.assert_array_equal(
        shown_cotangents(trial).gates[0, 0], trial.observed.sequence_vjp.bias_ih
    )
    np.testing.assert_array_equal(
        trial.on(showing_inputs).observed.sequence[0], trial.observed.sequence[0]
    )


def test_bounds_claim_something_where_gates_are_saturated() -> None:
    for sign in (1, -1):
        case = case_of(
            cell_at(float32, Variant(), kept=[sign * SATURATED] * 2, r=[-SATURATED] * 2), T=3
        )
        assert all(residual.claims for residual in asked(ID, NumpyBackend(), case))


# -- implementations of one size, and of separate passes -------------------------------------------


def of_one_size(backend: Any, case: Case) -> Any:
    """The backend, declared to be built for the sizes of the case; it refuses any other."""

    class Fixed(NumpyBackend):
        hidden_size, input_size = case.sizes["H"], case.sizes["I"]

        def sequence_vjp(self, cell: Any, *given: Any) -> Gradients:
            assert cell.weight_ih.shape == case.cell.weight_ih.shape
            return backend.sequence_vjp(cell, *given)

    return Fixed()


@pytest.mark.uncounted
@in_every_format
@pytest.mark.parametrize("I", [2, 5, 16])
def test_right_backend_of_one_size_passes(format: Format, I: int) -> None:
    for reset in ("after", "before"):
        case = long_case(format, Variant(reset), H=5, I=I, T=12)  # type: ignore[arg-type]
        assert_holds(ID, of_one_size(NumpyBackend(), case), case)


@pytest.mark.uncounted
@pytest.mark.parametrize("faulty", BACKWARD, ids=lambda f: f.__name__)
def test_catches_backward_faults_of_one_size(faulty: Callable[[], Backend]) -> None:
    case = long_case(float32, H=16, I=7, T=8)
    assert judged(of_one_size(faulty(), case), case).tally.falsified


def test_module_of_one_size_is_asked_through_its_own_inputs() -> None:
    torch = pytest.importorskip("torch")
    from gruverify import torch_backend

    backend = torch_backend(sequence=torch.nn.GRU(6, 4))
    assert_holds(ID, backend, long_case(float32, H=4, I=6, T=20))


def test_one_input_cannot_be_silenced_and_that_is_said() -> None:
    case = long_case(float32, I=1)
    judgement = judged(of_one_size(NumpyBackend(), case), case)
    assert judgement.tally.declined
    assert "I=1" in judgement.tally.reason


def test_separate_passes_are_not_asked_and_that_is_said() -> None:
    class Separate(NumpyBackend):
        separate_passes = True

    judgement = judged(Separate(), long_case(float32))
    assert judgement.tally.declined
    assert "separate passes" in judgement.tally.reason


def test_margin_of_a_path_one_percent_too_large() -> None:
    """The faintest fault of the bank's backward ones: seen at 256 units and 32 steps in float32."""
    case = long_case(float32, H=256, T=32, B=1)
    assert max(r.margin for r in asked(ID, path_through_the_update_gate_too_large(), case)) > 10


def test_cotangents_that_overflow_claim_nothing_and_raise_nothing() -> None:
    case = long_case(float16, T=4)
    loud = replace(
        case, d_last=np.full_like(case.d_last, float16.max * (1 - 4 * float16.unit_roundoff))
    )
    assert not judged(NumpyBackend(), loud).tally.falsified


def test_number_that_is_none_leaves_the_other_members_held() -> None:
    """A fault of the first member is seen beside it."""

    def broken(g: Gradients, *_: Any) -> Gradients:
        inputs = g.inputs.copy()
        inputs[2, 1] = np.nan
        inputs[1, 0] *= 2
        return replace(g, inputs=inputs)

    residuals = asked(ID, Faulty(sequence_vjp=broken), long_case(float32, T=4))
    (gates,) = [residual for residual in residuals if "dL/da_z" in residual.where]
    assert gates.entries is not None
    margins = gates.entries.margins.max(axis=2)
    assert margins[1, 0] > 1  # twice what it should be
    assert margins[2, 1] == np.inf
    assert margins[3].max() <= 1
    np.testing.assert_array_equal(
        margins[:2, 1], 0
    )  # nothing is known of what comes back from there
