"""What a run may conclude where nothing failed: what it doubts, and what a pass covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import Format, Result, Variant, backend, bfloat16, float16, float32
from gruverify.backends import NumpyBackend
from gruverify.engine import Drawn, Tally

from ._drawn import HEADER

NUMPY = NumpyBackend()
STEP, SHAPE, VJP = "agreement/step", "contract/shape-step", "agreement/step-vjp"
#: Of ten cases something was claimed, and of all entries.
CLAIMED = Tally(passed=10, compared=100, claimed=100)


def result(
    tallies: Mapping[str, Tally],
    *,
    drawn: Drawn | None = None,
    methods: tuple[str, ...] = ("step",),
) -> Result:
    """A run of ten cases in float32."""
    header = {**HEADER, "formats": ["float32"], "methods": list(methods), "declarations": {}}
    keyed = {(id, "float32", "reset after, keep"): tally for id, tally in tallies.items()}
    return Result(
        header,
        keyed,
        {},
        True,
        0.0,
        drawn={("float32", "cells"): drawn or Drawn(10, 10, {"H": (1, 5)})},
    )


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        pytest.param({}, "conforms", id="all was claimed"),
        pytest.param({STEP: Tally(passed=9, falsified=1)}, "falsified", id="one failed"),
        pytest.param({STEP: Tally(error=10)}, "falsified", id="it raised"),
        pytest.param(
            {STEP: Tally(unclaimed=10, compared=100)}, "inconclusive", id="nothing was claimed"
        ),
        pytest.param(
            {STEP: Tally(passed=8, unclaimed=2, compared=99, claimed=99)},
            "inconclusive",
            id="of few cases",
        ),
        pytest.param(
            {STEP: Tally(passed=10, compared=100, claimed=89)}, "inconclusive", id="of few entries"
        ),
        pytest.param(
            {STEP: Tally(passed=9, unclaimed=1, compared=100, claimed=90)},
            "conforms",
            id="just enough",
        ),
        pytest.param({STEP: Tally(declined=10)}, "inconclusive", id="no case was answered"),
        pytest.param(
            {SHAPE: Tally(passed=8, declined=2)}, "inconclusive", id="a fifth was refused"
        ),
        pytest.param(
            {STEP: replace(CLAIMED, mark="skip")}, "inconclusive", id="the core was skipped"
        ),
        pytest.param(
            {STEP: replace(CLAIMED, passed=0, falsified=10, mark="xfail")},
            "conforms",
            id="it was to fail",
        ),
    ],
)
def test_the_verdict_follows_from_what_was_claimed(changes: dict[str, Tally], verdict: str) -> None:
    assert result({SHAPE: CLAIMED, STEP: CLAIMED, **changes}).verdict == verdict


def test_cases_that_time_did_not_reach_are_no_pass() -> None:
    found = result({STEP: CLAIMED}, drawn=Drawn(planned=100, judged=10))

    assert found.verdict == "inconclusive"
    assert found.doubts == ("float32: 10 of 100 cases of cells judged: time was up",)


def test_gradients_must_be_claimed_where_the_target_offers_them() -> None:
    offered = ("step", "step_vjp")
    assert result({STEP: CLAIMED, VJP: CLAIMED}, methods=offered).verdict == "conforms"
    wide = result({STEP: CLAIMED, VJP: Tally(unclaimed=10, compared=50)}, methods=offered)
    assert wide.verdict == "inconclusive"
    assert "too little is claimed of its gradients" in wide.doubts[0]
    assert result({STEP: CLAIMED}, methods=offered).verdict == "inconclusive"


def test_a_target_without_gradients_conforms_by_its_values_and_says_so() -> None:
    found = result({STEP: CLAIMED})

    assert found.verdict == "conforms"
    assert any(
        line.startswith("not covered: the target has no step_jacobian, no step_vjp")
        for line in found.covers
    )


def test_a_run_that_was_stopped_or_died_is_neither() -> None:
    assert replace(result({STEP: CLAIMED}), complete=False).verdict == "interrupted"
    assert replace(result({STEP: CLAIMED}), crashes=("it died",)).verdict == "died"


# -- targets ---------------------------------------------------------------------------------------


def check(target: Any, **options: Any) -> Result:
    """A small run."""
    return gruverify.check(target, **{"max_cases": 20, "formats": [float32], **options})


def never(cell: Any, x: Any, h: Any) -> Any:
    """Answers nothing."""
    raise NotImplementedError("not yet")


def sometimes(cell: Any, x: Any, h: Any) -> Any:
    """Answers few cases."""
    if x.shape[0] != 1 or h.shape[1] != 1:
        raise NotImplementedError("one unit, one member")
    return NUMPY.step(cell, x, h)


def wrong_side(cell: Any, x: Any, h: Any) -> Any:
    """Resets before the product where it declares after."""
    return NUMPY.step(replace(cell, variant=replace(cell.variant, reset="before")), x, h)


class Generous:
    """A right step behind a declared accuracy that would excuse a wrong one."""

    name, variants, formats, kappa = "generous", [Variant()], [float32], 1e9

    def step(self, cell: Any, x: Any, h: Any) -> Any:
        """The reference's own."""
        return NUMPY.step(cell, x, h)


class Excused(Generous):
    """A wrong step behind it."""

    def step(self, cell: Any, x: Any, h: Any) -> Any:
        """Resets on the wrong side."""
        return wrong_side(cell, x, h)


class Zeros:
    """A step of nothing but zeros, so wide that its bounds once were infinite."""

    name, variants, formats = "zeros", [Variant()], [bfloat16]
    hidden_size = input_size = 128

    def step(self, cell: Any, x: Any, h: Any) -> Any:
        """Nothing."""
        return np.zeros_like(h)


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("target", "doubt"),
    [
        pytest.param(
            backend(step=never),
            "no case was answered (step is not implemented: not yet)",
            id="never",
        ),
        pytest.param(backend(step=sometimes), "step answered 1 of 20 cases", id="sometimes"),
        pytest.param(Generous(), "too little is claimed of its values", id="generous"),
    ],
)
def test_what_claims_nothing_is_inconclusive_and_says_why(target: Any, doubt: str) -> None:
    found = check(target)

    assert found.verdict == "inconclusive"
    assert any(doubt.replace("1 of 20", "") in line or doubt in line for line in found.doubts), (
        found.doubts
    )


@pytest.mark.slow
@pytest.mark.uncounted
def test_an_accuracy_that_excuses_anything_is_no_pass() -> None:
    found = check(Excused(), only=["agreement", "conventions/candidate-bias"])

    assert found.verdict != "conforms"
    assert any("too little is claimed of its values" in doubt for doubt in found.doubts)


@pytest.mark.uncounted
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("format", [bfloat16, float16], ids=str)
def test_a_right_cell_conforms_though_gates_are_shut_in_many_of_its_cases(
    format: Format, seed: int
) -> None:
    right = backend(step=NUMPY.step, step_vjp=NUMPY.step_vjp, formats=[format], sums_in_format=True)

    found = gruverify.check(right, profile="quick", seed=seed, only="agreement")

    assert found.verdict == "conforms", found.doubts


class TwoLayers:
    """Stacks of two layers in two directions and of one size, whose inner states nobody sees."""

    name, variants = "two layers", [Variant()]
    hidden_size = input_size = 3
    num_layers, bidirectional, sums_in_format = 2, True, True
    stack, stack_vjp = NUMPY.stack, NUMPY.stack_vjp

    def __init__(self, format: Format) -> None:
        self.formats = [format]


@pytest.mark.uncounted
@pytest.mark.parametrize("format", [bfloat16, float16, float32], ids=str)
def test_a_right_stack_conforms_though_nobody_sees_its_inner_layers(format: Format) -> None:
    found = gruverify.check(TwoLayers(format), profile="quick", only="stack")

    assert found.verdict == "conforms", found.doubts


def forgetful(cell: Any, inputs: Any, state: Any) -> Any:
    """Every step after the first starts from zeros, unless nothing recurs."""
    outputs, h = (
        [],
        np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype) if state is None else state,
    )
    for t, x in enumerate(inputs):
        h = NUMPY.step(cell, x, h if t == 0 or not cell.weight_hh.any() else np.zeros_like(h))
        outputs.append(h)
    return np.array(outputs).reshape(len(inputs), *h.shape), h.copy()


def halving(cell: Any, inputs: Any, state: Any) -> Any:
    """Every step after the first starts from half of the state."""
    outputs = list[Any]()
    for t, x in enumerate(inputs):
        h = outputs[-1] * x.dtype.type(0.5) if t else state
        outputs.append(NUMPY.step(cell, x, h))
    return np.array(outputs).reshape(len(inputs), *state.shape), outputs[-1].copy()


@pytest.mark.parametrize(("sequence", "carry"), [(forgetful, 1e9), (halving, 1e7)])
def test_steps_say_nothing_of_a_sequence_whose_accuracy_excuses_anything(
    sequence: Any, carry: float
) -> None:
    excused = backend(sequence=sequence, carry=carry, formats=[float32])
    right = backend(sequence=NUMPY.sequence, kappa_sigma=5, carry=1, formats=[float32])

    found = gruverify.check(excused, max_cases=12, only="agreement")

    assert found.verdict == "inconclusive"
    assert any(
        doubt.startswith("float32: too little is claimed of its sequences")
        for doubt in found.doubts
    )
    assert gruverify.check(right, max_cases=12, only="agreement").verdict == "conforms"


@pytest.mark.slow
@pytest.mark.uncounted
def test_a_step_of_zeros_is_no_pass_at_any_size() -> None:
    assert check(Zeros(), formats=[bfloat16], max_cases=4).verdict != "conforms"


@pytest.mark.uncounted
def test_a_selection_without_the_core_is_no_pass() -> None:
    found = check(backend(step=NUMPY.step), only="bounds")

    assert found.verdict == "inconclusive"
    assert found.doubts[0].startswith(
        "float32: the selection leaves out what shows its values (agreement/step"
    )


@pytest.mark.uncounted
def test_a_pass_says_what_it_covers() -> None:
    found = check(backend(step=NUMPY.step))

    assert found.verdict == "conforms"
    assert found.covers[0].startswith("float32: 20 of 20 cases of cells, H 1–")
    assert any(
        line.startswith("values claimed: float32 100% of the entries") for line in found.covers
    )
