"""Targets that take no sequence below some length: what is drawn for them, derived for them and
asked of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gruverify
from gruverify import Case, StackCase, Variant, backend, float32, float64
from gruverify.backends import (
    Backend,
    BadDeclaration,
    NumpyBackend,
    completed,
    declarations_of,
    resolve,
)
from gruverify.cell import AnyCase
from gruverify.coverage import excluded
from gruverify.engine import identify, sizes_survey, streams_for
from gruverify.engine._measured import measured
from gruverify.engine._search import strategies_for
from gruverify.invariants import INVARIANTS

pytestmark = [pytest.mark.uncounted, pytest.mark.usefixtures("unexplained")]

NUMPY = NumpyBackend()


def step(cell: Any, x: Any, h: Any) -> Any:
    return NUMPY.step(cell, x, h)


class Sequences:
    """Right sequences and gradients, none shorter than so many steps."""

    name, variants, formats = "sequences", (Variant(),), (float64,)

    def __init__(self, least: int) -> None:
        self.least = least

    def _require(self, inputs: Any) -> None:
        if len(inputs) < self.least:
            raise ValueError(f"at least {self.least} steps")

    def sequence(self, cell: Any, inputs: Any, state: Any) -> Any:
        self._require(inputs)
        return NUMPY.sequence(cell, inputs, state)

    def sequence_vjp(self, cell: Any, inputs: Any, *rest: Any) -> Any:
        self._require(inputs)
        return NUMPY.sequence_vjp(cell, inputs, *rest)


class Declaring(Sequences):
    """The same, and says so."""

    def __init__(self, least: int) -> None:
        super().__init__(least)
        self.min_length = least


class Wrong(Declaring):
    """Loses the second step's input."""

    def sequence(self, cell: Any, inputs: Any, state: Any) -> Any:
        self._require(inputs)
        other = inputs.copy()
        other[1] = 0
        return NUMPY.sequence(cell, other, state)


class Stacks(NumpyBackend):
    """All methods, and no sequence of fewer than six steps."""

    name, variants, formats, min_length = "stacks", (Variant(),), (float64,), 6


def every(target: Backend, count: int) -> Iterator[AnyCase]:
    """What a run of so many cases puts to the target."""
    found = list[AnyCase]()
    for stream in (
        *streams_for(target, float64, 0, count),
        *sizes_survey(target, float64, 0, count),
    ):
        stream.draw(found.append)
    return iter(found)


def one_line(target: Any) -> str:
    with pytest.raises(BadDeclaration) as wrong:
        resolve(target)
    message = str(wrong.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "least", [pytest.param(2, marks=pytest.mark.slow), 5, pytest.param(9, marks=pytest.mark.slow)]
)
def test_a_right_one_conforms(least: int) -> None:
    result = gruverify.check(Declaring(least), max_cases=12)

    assert result.verdict == "conforms"
    assert result.drawn["float64", "cells"].sizes["T"][0] >= least


@pytest.mark.slow
def test_one_that_does_not_say_so_is_falsified() -> None:
    assert gruverify.check(Sequences(2), max_cases=12, shrink=False).verdict == "falsified"


def test_catches_a_wrong_one_in_a_case_that_it_takes() -> None:
    result = gruverify.check(Wrong(3), max_cases=12, only=["agreement/outputs"])

    assert result.verdict == "falsified"
    assert [witness.case.sizes["T"] for witness in result.witnesses.values()] == [3]


@pytest.mark.parametrize(
    "target", [Declaring(2), Declaring(20), Stacks()], ids=["two", "twenty", "stacks"]
)
@pytest.mark.slow
def test_no_case_is_shorter_whatever_draws_it(target: Any) -> None:
    found = list(every(target, 100))
    least = declarations_of(target).min_length

    assert min(case.sizes["T"] for case in found) == least
    assert {case.sizes["T"] for case in found} >= {least, least + 1, least + 2, least + 3}
    ragged = [
        case.lengths for case in found if isinstance(case, StackCase) and case.lengths is not None
    ]
    assert all(lengths.min() >= least for lengths in ragged)


@settings(max_examples=20)
@given(st.data())
def test_nor_in_a_test_suite(data: st.DataObject) -> None:
    for strategy in strategies_for(Stacks(), float64, INVARIANTS.values()):
        assert data.draw(strategy).sizes["T"] >= 6


def test_a_step_of_its_own_is_asked_and_none_is_derived() -> None:
    both = backend(step=step, sequence=Declaring(2).sequence, min_length=2, formats=[float32])
    result = gruverify.check(both, max_cases=12, only=["agreement/step", "agreement/outputs"])

    assert result.verdict == "conforms"
    assert {id for (id, *_), tally in result.tallies.items() if tally.judged} == {
        "agreement/step",
        "agreement/outputs",
    }
    assert not hasattr(completed(Declaring(2)), "step")


def test_what_needs_a_shorter_one_says_why() -> None:
    result = gruverify.check(Declaring(5), max_cases=3, only=["contract/no-steps"])

    reasons = {tally.reason for tally in result.tallies.values()}
    assert reasons == {"sequence is not checked here: declared min_length=5"}


@pytest.mark.slow
def test_it_is_identified_by_the_sequences_that_it_takes() -> None:
    found = identify(Declaring(4))

    assert found.as_declared
    assert found.status == "identified"


def test_lengths_that_it_does_not_take_are_no_holes() -> None:
    left_out = excluded(Declaring(9))

    assert (
        left_out["T", ("values", "2–7")]
        == left_out["T", ("values", "8")]
        == "declared min_length=9"
    )
    assert ("T", ("values", "9–15")) not in left_out
    with_step = backend(step=step, sequence=NUMPY.sequence, min_length=9)
    assert ("T", ("values", "1")) not in excluded(with_step)
    assert ("T", ("values", "2–7")) in excluded(with_step)


def test_its_accuracy_is_measured_at_the_first_of_its_steps() -> None:
    found = measured(Declaring(3), float64)

    assert found == measured(NUMPY, float64)
    assert np.isfinite([found.sigma, found.tanh]).all()


def test_a_target_of_steps_alone_has_no_shortest_sequence() -> None:
    assert one_line(backend(step=step, min_length=2)) == (
        "min_length=2 is about sequences, and the target has steps alone: leave it out"
    )
    assert resolve(backend(step=step, min_length=1))


def test_modules_declare_it_too() -> None:
    torch = pytest.importorskip("torch")

    class Long(torch.nn.GRU):  # type: ignore[name-defined,misc]
        min_length = 5

    for target in (Long, Long(2, 3)):
        made = resolve(target)
        fmt = made.formats[0]
        for stream in streams_for(made, fmt, 0, 10):
            stream.draw(_at_least_5)


def _at_least_5(case: Case | StackCase) -> None:
    assert case.sizes["T"] >= 5
