"""What a failure shrinks to: few units, and numbers that a person can read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, VARIANTS, Case, Cell, StackCase, Variant, float32, float64
from gruverify import strategies as gst
from gruverify.formulas import step
from gruverify_strategies import Sizes

from ._debug import minimal

pytestmark = [pytest.mark.uncounted, pytest.mark.slow]

SIMPLE = {0.0, 1.0, -1.0, 0.5, -0.5}
UNBIASED = [variant for variant in VARIANTS if not variant.bias]


def wide(array: Any) -> Any:
    return array.astype(np.float64)


def entries(case: Case) -> set[float]:
    return {float(entry) for array in case.arrays().values() for entry in wide(array).ravel()}


def stepped(cell: Cell, x: Any, h: Any, reset: Any) -> Any:
    variant = Variant(reset, cell.variant.update, cell.variant.bias)
    return step(variant, cell.parameters(wide), wide(x), wide(h))


def reset_sides_differ(case: Case) -> bool:
    after, before = (
        stepped(case.cell, case.inputs[0], case.state, side) for side in ("after", "before")
    )
    return not np.array_equal(after, before)


def test_simplest_case_is_one_of_everything_and_zero() -> None:
    case = minimal(gst.cases())
    assert case.sizes == {"H": 1, "I": 1, "B": 1, "T": 1}
    assert entries(case) == {0.0}
    assert (case.format, case.cell.variant, case.regimes) == (float32, Variant(), ("",))


def test_reset_sides_differ_with_two_units_or_a_recurrent_bias() -> None:
    case = minimal(gst.cases(formats=[float64]), reset_sides_differ)
    H = case.sizes["H"]
    assert case.sizes == {"H": H, "I": 1, "B": 1, "T": 1}
    assert H == 2 or (H == 1 and case.cell.packed()["bias_hh"][2] != 0)
    assert entries(case) <= SIMPLE


def test_reset_sides_differ_without_biases_smallest_with_two_units() -> None:
    case = minimal(gst.cases(formats=[float64], variants=UNBIASED), reset_sides_differ)
    assert case.sizes == {"H": 2, "I": 1, "B": 1, "T": 1}
    assert entries(case) <= SIMPLE
    assert sum(np.count_nonzero(wide(array)) for array in case.arrays().values()) <= 4


def test_entry_of_a_cell_of_32_units_shrinks_to_a_few() -> None:
    failed: list[int] = []

    def has_large_entry(cell: Cell) -> bool:
        if not failed and cell.hidden_size < 32:
            return False
        large = bool((np.abs(wide(cell.weight_hh)) > 7).any())
        failed.extend([cell.hidden_size] * large)
        return large

    cell = minimal(gst.cells(max_H=32), has_large_entry)
    assert failed[0] == 32
    assert cell.hidden_size <= 3
    assert np.abs(wide(cell.weight_hh)).sum() == 8


def test_unit_in_the_middle_is_kept_while_others_are_dropped() -> None:
    def has_latch(case: Case) -> bool:
        return case.sizes["T"] >= 2 and any(
            "r=0" in unit and "z=1" in unit for unit in case.regimes
        )

    case = minimal(gst.cases(formats=[float32]), has_latch)
    assert case.sizes == {"H": 1, "I": 1, "B": 1, "T": 2}
    assert case.regimes == ("r=0 z=1",)
    assert np.array_equal(case.cell.weight_hh, np.zeros((3, 1)))


def test_facts_about_different_arrays_shrink_onto_one_unit() -> None:
    def several(case: Case) -> bool:
        biased = case.cell.bias_hh is not None and wide(case.cell.bias_hh).any()
        return bool(
            biased and wide(case.state).any() and wide(case.d_last).any() and case.sizes["T"] > 1
        )

    case = minimal(gst.cases(), several)
    assert case.sizes == {"H": 1, "I": 1, "B": 1, "T": 2}
    assert sorted(abs(entry) for entry in entries(case)) == [0.0, 1.0]
    assert sum(np.count_nonzero(wide(array)) for array in case.arrays().values()) == 3


def test_full_mantissa_survives_only_where_it_is_needed() -> None:
    def loses_half_the_bits(case: Case) -> bool:
        state = wide(case.state)
        return not np.array_equal(state, state.astype(np.float16))

    case = minimal(gst.cases(formats=[float32]), loses_half_the_bits)
    assert case.sizes == {"H": 1, "I": 1, "B": 1, "T": 1}
    assert {
        float(e)
        for name, array in case.arrays().items()
        if name != "state"
        for e in wide(array).flat
    } == {0.0}


@pytest.mark.parametrize(
    ("strategy", "simplest"),
    [
        (gst.sizes(), Sizes(1, 1, 1, 1)),
        (gst.sizes(min_H=2, min_T=3), Sizes(2, 1, 1, 3)),
        (gst.variants(), Variant()),
        (gst.formats(), float32),
        (gst.formats(formats=FORMATS), FORMATS[0]),
        (gst.floats_near(float32), float(np.float32(float32.sigmoid_rounds_to_one))),
    ],
    ids=repr,
)
def test_simplest_value(strategy: Any, simplest: Any) -> None:
    assert minimal(strategy) == simplest


@pytest.mark.parametrize("strategy", [gst.inputs(), gst.states()], ids=repr)
def test_arrays_shrink_entry_by_entry(strategy: Any) -> None:
    array = minimal(strategy, lambda array: wide(array).min() < -0.3 and wide(array).max() > 0.6)
    assert array.size == 2
    assert set(wide(array).ravel()) == {-1.0, 1.0}


def test_cotangents_shrink_to_one_entry() -> None:
    d_outputs, d_last = minimal(gst.cotangents(), lambda pair: wide(pair[0]).any())
    assert (d_outputs.tolist(), d_last.tolist()) == ([[[1.0]]], [[0.0]])


def test_simplest_case_of_a_stack_is_one_layer_of_everything_and_zero() -> None:
    case = minimal(gst.stack_cases())
    assert case.sizes == {"H": 1, "I": 1, "B": 1, "T": 1, "L": 1, "D": 1}
    assert {float(entry) for array in case.arrays().values() for entry in wide(array).ravel()} == {
        0.0
    }
    assert (case.format, case.lengths, case.batch_first, case.batched) == (
        float32,
        None,
        False,
        True,
    )


def has_padding_before_a_backward_half(case: StackCase) -> bool:
    T = case.sizes["T"]
    return case.stack.directions == 2 and case.lengths is not None and min(case.lengths) < T


def test_a_case_of_a_stack_shrinks_to_the_layers_members_and_steps_that_it_needs() -> None:
    case = minimal(gst.stack_cases(), has_padding_before_a_backward_half)
    assert case.lengths is not None
    assert case.lengths.tolist() == [1]
    assert case.sizes == {"H": 1, "I": 1, "B": 1, "T": 2, "L": 1, "D": 2}
    assert {
        float(entry) for array in case.arrays().values() for entry in wide(array).ravel()
    } <= SIMPLE


def reads_the_backward_half(case: StackCase) -> bool:
    """Whether the second layer weighs what the backward half of the first gives it, in the middle
    of much else.
    """
    stack = case.stack
    if stack.layers < 2 or stack.directions < 2:
        return False
    return bool((np.abs(wide(stack.cells[1][0].weight_ih)[:, stack.hidden_size :]) > 0.3).any())


def test_units_of_a_stack_go_without_making_others_of_those_that_stay() -> None:
    case = minimal(gst.stack_cases(min_H=1, max_H=5), reads_the_backward_half)
    assert case.sizes == {"H": 1, "I": 1, "B": 1, "T": 1, "L": 2, "D": 2}


def test_unsorted_lengths_shrink_to_two() -> None:
    case = minimal(
        gst.stack_cases(),
        lambda case: case.lengths is not None and (np.diff(case.lengths) > 0).any(),
    )
    assert case.lengths is not None
    assert case.lengths.tolist() == [1, 2]
