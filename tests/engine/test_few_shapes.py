"""A target of few shapes is asked about few, and is caught all the same."""

from __future__ import annotations

from typing import Any

import pytest

from gruverify import Variant, bfloat16, check, float32
from gruverify.backends import NumpyBackend, redeclared
from gruverify.engine import Compiling, Event, identify
from gruverify.faults import FAULTS

pytestmark = pytest.mark.uncounted

FOUR = ("step", "step_vjp", "sequence", "sequence_vjp")


class Recording(NumpyBackend):
    """NumPy's formulas in one format, with a record of the shapes that each method is asked
    about.
    """

    name = "recording"
    formats = (float32,)
    shapes = "few"
    step_jacobian = sequence_jvp = sequence_hvp = sequence_hvp_reverse = None  # type: ignore[assignment]
    stack = stack_vjp = stack_masked = stack_masked_vjp = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.pairs = set[tuple[Any, ...]]()


def _recorded(method: str) -> Any:
    def call(self: Recording, subject: Any, *arguments: Any) -> Any:
        sizes = {"H": subject.hidden_size, "I": subject.input_size}
        self.pairs.add((method, *sizes.values(), *arguments[0].shape[:-1]))
        return getattr(NumpyBackend, method)(self, subject, *arguments)

    return call


for _method in FOUR:
    setattr(Recording, _method, _recorded(_method))


class OfStacks(NumpyBackend):
    """The same of stacks."""

    name = "recording stacks"
    formats = (float32,)
    shapes = "few"

    def __init__(self) -> None:
        self.pairs = set[tuple[Any, ...]]()
        self.padded = set[tuple[int, bool]]()
        self.pulled = set[tuple[Any, ...]]()

    def stack(self, stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        self.pairs.add(
            (stack.layers, stack.directions, stack.hidden_size, *sorted(inputs.shape[:-1]))
        )
        if lengths is not None:
            self.padded.add((stack.hidden_size, batch_first))
        return NumpyBackend.stack(self, stack, inputs, states, lengths, batch_first)

    def stack_vjp(self, stack: Any, inputs: Any, states: Any, lengths: Any, *more: Any) -> Any:
        how = states is not None, lengths is not None, more[0]
        self.pulled.add((stack.layers, stack.directions, inputs.shape[:-1], how))
        return NumpyBackend.stack_vjp(self, stack, inputs, states, lengths, *more)


def test_a_run_asks_about_few_shapes_and_conforms() -> None:
    recording = Recording()

    result = check(recording, profile="quick")

    assert result.verdict == "conforms"
    assert len(recording.pairs) <= 24
    assert {method for method, *_ in recording.pairs} == set(FOUR)
    assert result.header["declarations"]["shapes"] == "few"


@pytest.mark.slow
def test_the_default_profile_has_many_units_and_a_long_run_beside() -> None:
    recording = Recording()

    result = check(
        recording, only=["agreement/step", "agreement/each-step", "agreement/each-cotangent"]
    )

    assert {H for _, H, *_ in recording.pairs} >= {1, 48}
    assert max(T for method, _, _, T, *_ in recording.pairs if method == "sequence") >= 300
    assert len(recording.pairs) <= 60
    drawn = result.drawn["float32", "cells"]
    assert drawn.planned == drawn.judged


@pytest.mark.slow
@pytest.mark.parametrize(
    "id", ["inverted-update-gate", "reset-on-the-other-side", "jacobian-transposed"]
)
def test_catches_what_is_wrong_throughout(id: str) -> None:
    wrong = redeclared(FAULTS[id].build(), {"shapes": "few"})

    result = check(wrong, formats=[float32], only="agreement", max_cases=6, shrink=False)

    assert result.verdict == "falsified"


@pytest.mark.slow
def test_a_witness_is_of_few_shapes_too() -> None:
    wrong = redeclared(FAULTS["inverted-update-gate"].build(), {"shapes": "few"})

    result = check(wrong, formats=[float32], only=["agreement/step"], max_cases=12)

    (witness,) = result.witnesses.values()
    assert witness.case.sizes["H"] in (1, 3, 4)


def test_stacks_are_of_few_shapes() -> None:
    stacks = OfStacks()

    assert check(stacks, only=["stack", "contract/shape-stack"], max_cases=30).verdict == "conforms"
    assert len(stacks.pairs) <= 30


def test_stacks_of_a_size_have_one_arrangement() -> None:
    """But where both are held against each other, which is done without lengths."""
    stacks = OfStacks()

    result = check(stacks, only=["stack"], max_cases=30)

    assert stacks.padded == {(1, True), (4, False)}
    for id in ("stack/batch-first", "stack/batch-first-gradients", "stack/no-batch"):
        assert result.tallies[id, "float32", str(Variant())].passed


def test_gradients_of_the_largest_stacks_are_asked_in_one_arrangement() -> None:
    """With lengths and without; what arranges a call otherwise has its turns at another size."""
    stacks = OfStacks()

    result = check(stacks, only=["stack"], max_cases=30)

    assert {how for *sizes, how in stacks.pulled if sizes[:2] == [2, 2]} == {
        (True, False, True),
        (True, True, True),
    }
    assert {(layers, directions) for layers, directions, *_ in stacks.pulled} == {(2, 2), (1, 1)}
    for id in _OTHERWISE.values():
        assert result.tallies[id, "float32", str(Variant())].passed


#: Faults, and what compares gradients of two arrangements of a call.
_OTHERWISE = {
    "square-cotangents-read-time-first": "stack/batch-first-gradients",
    "cotangents-of-states-lost-without-a-batch": "stack/no-batch-gradients",
    "gradients-from-states-that-nobody-zeroed": "stack/no-states-gradients",
}


@pytest.mark.parametrize(("id", "invariant"), list(_OTHERWISE.items()))
def test_catches_gradients_of_calls_arranged_otherwise(id: str, invariant: str) -> None:
    wrong = redeclared(FAULTS[id].build(), {"shapes": "few"})

    result = check(wrong, formats=[float32], only=[invariant], max_cases=12, shrink=False)

    assert result.verdict == "falsified"


@pytest.mark.parametrize("id", ["last-output-repeated-at-padding", "padding-run-through"])
def test_layers_and_directions_are_compared_with_padding(id: str) -> None:
    """Each alone with lengths only: without them it has another shape."""
    wrong = redeclared(FAULTS[id].build(), {"shapes": "few"})

    result = check(
        wrong, formats=[float32], only=["stack/reverse-half"], max_cases=30, shrink=False
    )

    assert result.verdict == "falsified"


@pytest.mark.parametrize(
    ("id", "invariant"),
    [
        ("padding-multiplied-by-zero", "stack/padding-extremes"),
        ("cotangents-of-padding-multiplied-by-zero", "stack/padding-extremes-gradients"),
    ],
)
def test_catches_what_padding_does_without_a_step_more(id: str, invariant: str) -> None:
    wrong = redeclared(FAULTS[id].build(), {"shapes": "few"})

    result = check(wrong, formats=[float32], only=[invariant], max_cases=12, shrink=False)

    assert result.verdict == "falsified"


@pytest.mark.parametrize("id", ["gradients-clipped", "small-gradients-flushed-to-zero"])
def test_catches_losses_of_members_that_are_not_added_up(id: str) -> None:
    """Of few shapes the whole batch is asked about, with the loss of some members."""
    wrong = redeclared(FAULTS[id].build(), {"shapes": "few"})

    result = check(wrong, formats=[float32], only=["gradient/sum-over-batch"], max_cases=12)

    assert result.verdict == "falsified"


def test_a_cap_on_sizes_leaves_the_smaller_ones() -> None:
    recording = Recording()

    check(recording, only=["agreement/step"], max_size=3)

    assert {H for _, H, *_ in recording.pairs} == {1}
    with pytest.raises(
        ValueError,
        match="max_size=2: a target with shapes='few' is checked at sizes up to 3 at least",
    ):
        check(Recording(), max_size=2)


def test_the_first_case_of_some_sizes_says_that_it_compiles() -> None:
    told: list[Event] = []

    check(Recording(), only=["agreement/step"], max_cases=20, listener=told.append)

    sizes = [event.sizes for event in told if isinstance(event, Compiling)]
    # A run without surveys has two sizes of the pool.
    assert sizes == ["H=1, I=2, B=2, T=3", "H=4, I=4, B=2, T=2"]


class OfSteps(Recording):
    """The same of steps alone."""

    step_vjp = sequence = sequence_vjp = None  # type: ignore[assignment]


@pytest.mark.slow
def test_identify_asks_about_one_of_them() -> None:
    recording = OfSteps()

    found = identify(recording, formats=[float32])

    assert found.status == "identified"
    assert {H for _, H, *_ in recording.pairs} == {4}


def test_sizes_that_are_not_asked_are_no_holes() -> None:
    coverage = check(Recording(), only=["agreement/step"]).coverage["float32"]

    assert "declared shapes='few'" in coverage.excluded.values()
    assert bfloat16.name not in coverage.hits
