"""A failure that comes only under some condition says so."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, VARIANTS, Case, Cell, StackCase, Variant, float32
from gruverify.cell import AnyCase, Stack
from gruverify.engine import Outcomes, condition, features_of, marks_of, outcome


def case_of(
    H: int = 2, I: int = 3, B: int = 4, T: int = 5, variant: Variant = VARIANTS[0], **changes: Any
) -> Case:
    """A case of these sizes with nothing in it that is 0."""

    def ones(*shape: int) -> Any:
        return np.full(shape, 0.5, np.float32)

    biases = [ones(3 * H), ones(3 * H)] if variant.bias else []
    cell = Cell(variant, ones(3 * H, I), ones(3 * H, H), *biases)
    return replace(Case(cell, ones(T, B, I), ones(B, H), ones(T, B, H), ones(B, H)), **changes)


def stack_case_of(
    lengths: list[int] | None = None, T: int = 4, B: int = 2, **options: Any
) -> StackCase:
    one = case_of(H=2, I=3, B=B, T=T)
    given = None if lengths is None else np.array(lengths)
    stack = Stack(((one.cell,),))
    return StackCase(
        stack,
        one.inputs,
        one.state[None],
        one.d_outputs,
        one.d_last[None],
        lengths=given,
        **options,
    )


def said(cases: list[AnyCase], fails: Callable[[Any], bool]) -> str:
    """The condition under which something fails that fails for some of the cases."""
    parts = [outcome(marks_of(features_of(case)), failed=fails(case)) for case in cases]
    return condition(reduce(add, parts, Outcomes()))


SIZES = [
    (H, I, B, T)
    for H in (1, 2, 3, 5)
    for I in (1, 2, 6, 20)
    for B in (1, 3, 4, 9)
    for T in (1, 2, 4)
]
OF_ALL_SIZES: list[AnyCase] = [case_of(*sizes) for sizes in SIZES]


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        (lambda s: s["B"] == 3 * s["H"], "in 24 of 24 cases with B = 3H, in 0 of 168 others"),
        (lambda s: s["T"] >= 2, "in 128 of 128 cases with T > 1, in 0 of 64 others"),
        (lambda s: s["T"] == 1, "in 64 of 64 cases with T = 1, in 0 of 128 others"),
        (lambda s: s["I"] > 16, "in 48 of 48 cases with I > 16, in 0 of 144 others"),
        (lambda s: s["B"] == s["T"], "in 32 of 32 cases with T = B, in 0 of 160 others"),
        (lambda s: s["I"] == s["H"], "in 24 of 24 cases with I = H, in 0 of 168 others"),
        (
            lambda s: s["H"] % 2 == 1,
            "in 144 of 144 cases with H no multiple of 2, in 0 of 48 others",
        ),
    ],
    ids=["B = 3H", "T >= 2", "T = 1", "I > 16", "T = B", "I = H", "H odd"],
)
def test_a_size_that_parts_failures_from_passes_is_named(
    fails: Callable[[Any], bool], expected: str
) -> None:
    assert said(OF_ALL_SIZES, lambda case: fails(case.sizes)) == expected


def test_a_condition_that_most_cases_fail_under_is_named_with_those_that_pass() -> None:
    words = said(OF_ALL_SIZES, lambda case: case.sizes["I"] > 16 and case.sizes["B"] > 1)

    assert words == "in 36 of 48 cases with I > 16, in 0 of 144 others"


@pytest.mark.parametrize(
    "fails", [lambda case: True, lambda case: False, lambda case: case is OF_ALL_SIZES[40]]
)
def test_without_a_condition_nothing_is_said(fails: Callable[[Any], bool]) -> None:
    """Where all or none fail; nor of a single failure whose case has nothing of its own."""
    assert said(OF_ALL_SIZES, fails) == ""


@pytest.mark.parametrize(
    ("odd", "own"),
    [
        (case_of(B=6), "B = 3H"),
        (case_of(I=36), "I > 32"),
        (case_of(state=np.zeros((4, 2), np.float32)), "an initial state of 0"),
        (
            case_of(H=5, T=16),
            "T > 8, H > 4, H no multiple of 2 and 1 more; one case does not tell which of these "
            "matters",
        ),
    ],
)
def test_of_a_single_failure_it_is_said_what_its_case_alone_has(odd: AnyCase, own: str) -> None:
    """And no more than that: any rare feature would explain it."""
    others: list[AnyCase] = [case_of(), case_of(B=7), case_of(I=4)] * 7

    assert (
        said([odd, *others], lambda case: case is odd)
        == f"in 1 of 22 cases, the only one with {own}"
    )
    assert said([odd, *others[:10]], lambda case: case is odd) == ""


@pytest.mark.parametrize("simple", ["H > 4", "B = 3H"])
def test_sizes_that_are_the_same_in_a_stack_are_no_threshold(simple: str) -> None:
    features = features_of(case_of(H=3, I=3, B=4))
    wrong = marks_of({**features, simple: True, "I = D·H, L > 1": True})

    failed = reduce(add, [outcome(wrong, failed=True)] * 9)
    passed = reduce(add, [outcome(marks_of(features), failed=False)] * 9)

    assert condition(failed + passed) == f"in 9 of 9 cases with {simple}, in 0 of 9 others"


def test_of_a_failure_that_does_not_repeat_nothing_is_said() -> None:
    cases = [case_of(B=6), *[case_of()] * 30]
    parts = [outcome(marks_of(features_of(case)), failed=case is cases[0]) for case in cases]

    assert "the only one" in condition(reduce(add, parts))
    assert condition(reduce(add, parts), repeats=False) == ""


@pytest.mark.uncounted
def test_failures_at_random_have_no_condition() -> None:
    for seed in range(20):
        dice = random.Random(seed)
        assert said(OF_ALL_SIZES, lambda case, dice=dice: dice.random() < 0.05) == ""  # type: ignore[misc]


def spread(changed: AnyCase, same: AnyCase) -> list[AnyCase]:
    return [changed] * 10 + [same] * 10


@pytest.mark.parametrize(
    ("changed", "same", "words"),
    [
        (case_of(variant=Variant(bias=False)), case_of(), "no biases"),
        (case_of(variant=Variant("before")), case_of(), "reset before the product"),
        (case_of(), case_of(variant=Variant("before")), "reset after the product"),
        (case_of(variant=Variant(update="replace")), case_of(), "z on the candidate"),
        (case_of(state=np.zeros((4, 2), np.float32)), case_of(), "an initial state of 0"),
        (case_of(), case_of(state=np.zeros((4, 2), np.float32)), "an initial state other than 0"),
        (case_of(inputs=np.full((5, 4, 3), 1e-40, np.float32)), case_of(), "subnormal numbers"),
        (case_of(d_last=np.full((4, 2), 1e4, np.float32)), case_of(), "a cotangent above 100"),
        (case_of(state=np.full((4, 2), 2, np.float32)), case_of(), "a state outside [-1, 1]"),
        (case_of(regimes=("r=0 z=mid", "")), case_of(regimes=("z=mid", "")), "a reset gate of 0"),
        (stack_case_of([4, 2]), stack_case_of(), "lengths"),
        (stack_case_of([4, 0]), stack_case_of([4, 1]), "a length of 0"),
        (stack_case_of([1, 4]), stack_case_of([4, 1]), "lengths that grow somewhere"),
        (stack_case_of(batch_first=True), stack_case_of(), "batch first"),
        (stack_case_of(B=1, batched=False), stack_case_of(B=1), "no batch axis"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_else_a_case_may_have_is_named(changed: AnyCase, same: AnyCase, words: str) -> None:
    cases = spread(changed, same)

    assert (
        said(cases, lambda case: case is changed)
        == f"in 10 of 10 cases with {words}, in 0 of 10 others"
    )


def test_outcomes_add_up_in_any_order_and_grouping() -> None:
    parts = [
        outcome(marks_of(features_of(case)), failed=n % 3 == 0)
        for n, case in enumerate(OF_ALL_SIZES)
    ]
    total = reduce(add, parts)
    half = len(parts) // 2

    assert reduce(add, reversed(parts)) == total
    assert reduce(add, parts[:half]) + reduce(add, parts[half:]) == total == total + Outcomes()


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_features_are_the_same_ones_for_every_case(format: Any) -> None:
    one = case_of()
    cell = Cell(one.variant, *(format.cast(array) for array in one.cell.packed().values()))
    arrays = (format.cast(array) for array in (one.inputs, one.state, one.d_outputs, one.d_last))

    assert features_of(Case(cell, *arrays)) == features_of(one)
    assert list(features_of(stack_case_of())) == list(features_of(one))
    assert one.format == float32
