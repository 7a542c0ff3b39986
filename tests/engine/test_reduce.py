"""From a large case to a small one that still falsifies."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from itertools import count
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Case, Cell, Format, Variant, float32, float64
from gruverify.backends import Declarations
from gruverify.cell import AnyCase, Stack, StackCase
from gruverify.engine import TRIES, Reduction
from gruverify.engine._smaller import part, with_arrays


def numbers(*shape: int) -> Any:
    """Different numbers that are long to write."""
    return float32.cast(0.1 + np.sqrt(np.arange(1, 1 + int(np.prod(shape)))).reshape(shape))


def cell(H: int, I: int) -> Cell:
    """A cell of such numbers."""
    return Cell(Variant(), numbers(3 * H, I), numbers(3 * H, H), numbers(3 * H), numbers(3 * H))


def case(H: int = 5, I: int = 4, B: int = 3, T: int = 6) -> Case:
    """A case of such numbers."""
    return Case(cell(H, I), numbers(T, B, I), numbers(B, H), numbers(T, B, H), numbers(B, H))


def stack_case(H: int = 3, I: int = 2, B: int = 3, T: int = 4) -> StackCase:
    """Two layers, both directions, members of several lengths, unusually arranged."""
    rows = ((cell(H, I), cell(H, I)), (cell(H, 2 * H), cell(H, 2 * H)))
    data = numbers(T, B, I), numbers(4, B, H), numbers(T, B, 2 * H), numbers(4, B, H)
    return StackCase(Stack(rows), *data, lengths=np.array([4, 2, 3]), batch_first=True)


def reduced(
    start: AnyCase, falsifies: Callable[[AnyCase], bool], tries: int = TRIES, **declared: Any
) -> Any:
    """What a case is reduced to."""
    return Reduction(start, falsifies, tries, Declarations(**declared)).run()


# -- parts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letter", "kept"), [("H", [0, 3]), ("I", [2]), ("B", [1, 2]), ("T", [0, 4, 5])]
)
def test_a_part_of_a_case_has_the_same_numbers(letter: str, kept: list[int]) -> None:
    whole = case()
    some = part(whole, letter, kept)
    assert isinstance(some, Case)

    axes = {
        "inputs": "TBI",
        "state": "BH",
        "d_outputs": "TBH",
        "d_last": "BH",
        "weight_ih": "3I",
        "weight_hh": "3H",
    }
    for name, array in some.arrays().items():
        expected = whole.arrays()[name]
        if name.startswith(("weight", "bias")) and letter == "H":
            expected = np.concatenate([gate[kept] for gate in np.split(expected, 3)])
        for axis, own in enumerate(axes.get(name, "3")):
            if own == letter:
                expected = np.take(expected, kept, axis)
        assert np.array_equal(array, expected), name


def test_a_part_of_a_stack_reads_what_is_left_of_the_layer_below() -> None:
    whole = stack_case()
    units, forward, first = (part(whole, letter, [0]) for letter in "HDL")

    assert [units.sizes[letter] for letter in "HLD"] == [1, 2, 2]
    assert np.array_equal(
        units.arrays()["weight_ih_l1"], whole.stack.cells[1][0].weight_ih[::3][:, [0, 3]]
    )
    assert np.array_equal(
        forward.arrays()["weight_ih_l1"], whole.stack.cells[1][0].weight_ih[:, :3]
    )
    assert np.array_equal(forward.arrays()["states"], whole.states[[0, 2]])
    assert np.array_equal(first.arrays()["states"], whole.states[:2])
    assert first.sizes["L"] == 1


def test_steps_that_are_left_out_are_no_longer_a_members() -> None:
    fewer = part(stack_case(), "T", [0, 2, 3])
    assert isinstance(fewer, StackCase)
    assert fewer.lengths is not None
    assert fewer.lengths.tolist() == [3, 1, 2]


def test_other_numbers_stand_where_the_first_ones_stood() -> None:
    for whole in (case(), stack_case()):
        doubled = with_arrays(whole, lambda name, array: 2 * array)
        assert all(
            np.array_equal(doubled.arrays()[name], 2 * array)
            for name, array in whole.arrays().items()
        )


# -- reductions ------------------------------------------------------------------------------------


def test_what_always_falsifies_becomes_one_unit_of_zeros() -> None:
    for start in (case(), stack_case()):
        found = reduced(start, lambda case: True)
        assert set(found.sizes.values()) == {1}
        assert not any(array.any() for array in found.arrays().values())


def test_a_stack_is_called_as_pytorch_calls_it_where_that_does_not_matter() -> None:
    found = reduced(stack_case(), lambda case: True)
    assert (found.lengths, found.batch_first, found.batched) == (None, False, True)


@pytest.mark.parametrize("letter", ["T", "B", "H", "I"])
def test_a_size_that_matters_is_kept_and_no_more(letter: str) -> None:
    found = reduced(case(9, 9, 9, 9), lambda case: case.sizes[letter] >= 7)
    assert found.sizes == {**dict.fromkeys("HIBT", 1), letter: 7}


def test_layers_and_directions_that_matter_are_kept() -> None:
    found = reduced(stack_case(), lambda case: case.sizes["L"] * case.sizes["D"] == 4)
    assert found.sizes == {"H": 1, "I": 1, "B": 1, "T": 1, "L": 2, "D": 2}


def test_of_the_numbers_those_that_matter_are_left_and_short() -> None:
    found = reduced(case(), lambda case: bool((case.arrays()["state"] > 1.5).any()))
    assert set(found.sizes.values()) == {1}
    assert [array.ravel().tolist() for name, array in found.arrays().items() if array.any()] == [
        [2.0]
    ]


def test_lengths_that_matter_are_kept() -> None:
    def is_padded(case: AnyCase) -> bool:
        return isinstance(case, StackCase) and not case.real.all()

    found = reduced(stack_case(), is_padded)
    assert (found.sizes["B"], found.sizes["T"], found.lengths.tolist()) == (1, 2, [1])


def test_it_stays_within_the_sizes_that_are_declared() -> None:
    shape = {
        "hidden_size": 3,
        "input_size": 2,
        "num_layers": 2,
        "bidirectional": True,
        "batch_first": True,
    }
    found = reduced(stack_case(), lambda case: True, min_length=2, **shape)
    assert found.sizes == {"H": 3, "I": 2, "B": 1, "T": 2, "L": 2, "D": 2}
    assert found.batch_first

    ragged = reduced(
        stack_case(), lambda case: getattr(case, "lengths", None) is not None, min_length=2
    )
    assert ragged.lengths.tolist() == [2]


@pytest.mark.parametrize(("least", "tried"), [(1, {4, 1}), (2, {4, 1, 2})])
def test_of_few_shapes_one_layer_and_direction_are_tried_at_once(
    least: int, tried: set[int]
) -> None:
    """What lies between would have to be compiled."""
    cells = list[int]()

    def falsifies(case: AnyCase) -> bool:
        cells.append(case.sizes["L"] * case.sizes["D"])
        return case.sizes["D"] >= least

    smallest = reduced(stack_case(), falsifies, shapes="few")

    assert (smallest.sizes["L"], smallest.sizes["D"]) == (1, least)
    assert set(cells) == tried


def test_it_makes_no_more_tries_than_it_may() -> None:
    calls = count()

    def falsifies(case: AnyCase) -> bool:
        next(calls)
        return True

    reduction = Reduction(case(), falsifies, 7, Declarations())
    reduction.run()
    assert next(calls) == 7


def test_a_large_case_counts_as_several_tries() -> None:
    start = Case(
        Cell(Variant(), *(numbers(192, 64),) * 2, numbers(192), numbers(192)),
        *(numbers(1, 1, 64), numbers(1, 64)) * 2,
    )
    reduction = Reduction(
        start, lambda case: case.sizes["H"] == 64, 30, Declarations(input_size=64)
    )
    reduction.run()
    assert reduction.spent > 2


def test_the_numbers_of_large_arrays_are_not_looked_at_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys, right = count(), Case.key

    def key(case: Case) -> Hashable:
        next(keys)
        return right(case)

    monkeypatch.setattr(Case, "key", key)
    H = 32
    start = Case(cell(H, H), numbers(1, 1, H), numbers(1, H), numbers(1, 1, H), numbers(1, H))
    found = reduced(
        start, lambda case: bool(case.arrays()["weight_hh"].all()), hidden_size=H, input_size=H
    )

    assert found.arrays()["weight_hh"].all()
    assert next(keys) < 2 * TRIES + 6 * 6 * H


@pytest.mark.parametrize("answers", [1, 3, 10])
def test_what_falls_a_few_times_and_then_no_more_is_reduced_as_far_as_it_fell(answers: int) -> None:
    calls, failed = count(), list[AnyCase]()

    def falsifies(case: AnyCase) -> bool:
        if next(calls) >= answers:
            return False
        failed.append(case)
        return True

    assert reduced(case(), falsifies) == failed[-1]


def test_what_does_not_fall_again_stays_as_it_is() -> None:
    start = case()
    assert reduced(start, lambda case: False) is start


def test_numbers_stay_in_the_format() -> None:
    start = Case(
        Cell(
            Variant(),
            *(float64.cast(np.full((3, 1), 0.3)),) * 2,
            *(float64.cast(np.full(3, 0.3)),) * 2,
        ),
        *(float64.cast(np.full((1, 1, 1), 0.3)), float64.cast(np.full((1, 1), 0.3))) * 2,
    )
    assert reduced(start, lambda case: True).format is float64


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_numbers_near_the_largest_are_reduced_without_a_warning(fmt: Format) -> None:
    largest = fmt.cast(np.full((1, 1), fmt.max))
    weights = fmt.cast(np.zeros((3, 1)))
    start = Case(
        Cell(Variant(bias=False), weights, weights), largest[None], largest, largest[None], largest
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = reduced(start, lambda case: bool((case.inputs > 1).any()))

    assert np.isfinite(found.inputs.astype(np.float64)).all()
