"""Lengths, ragged batches and stacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from gruverify import Cell, StackCase, Variant, bfloat16, float32
from gruverify import strategies as gst
from gruverify.cell import PATTERNS, Stack, pattern

from ._debug import assert_all, drawn, find_any, minimal


@pytest.mark.uncounted
def test_lengths_lie_within_their_bounds() -> None:
    assert_all(
        gst.lengths(min_length=1, max_length=6, min_B=2, max_B=4),
        lambda found: (
            2 <= len(found) <= 4
            and found.min() >= 1
            and found.max() <= 6
            and found.dtype == np.int64
        ),
    )


@pytest.mark.parametrize("corner", [0, 1, 4, 5])
def test_lengths_reach_their_corners(corner: int) -> None:
    find_any(gst.lengths(max_length=5), lambda found: corner in found)


def test_nobody_is_padded_in_some_batches_and_the_lengths_differ_in_others() -> None:
    batches = gst.lengths(max_length=5, min_B=4, max_B=4)

    find_any(batches, lambda found: (found == 5).all())
    find_any(batches, lambda found: len(set(found.tolist())) == 4)


@pytest.mark.uncounted
def test_lengths_shrink_to_the_full_length() -> None:
    assert minimal(gst.lengths(max_length=5)).tolist() == [5]
    assert minimal(gst.lengths(max_length=5, min_B=3), lambda found: found.min() < 5).tolist() in (
        [5, 5, 0],
        [5, 0, 5],
        [0, 5, 5],
    )


def test_lengths_of_an_empty_sequence_are_zero() -> None:
    assert_all(gst.lengths(max_length=0), lambda found: not found.any())


@pytest.mark.parametrize("name", PATTERNS)
def test_masks_have_every_pattern_and_others(name: str) -> None:
    batches = gst.masks(min_T=5, max_T=5, min_B=2, max_B=2)
    find_any(batches, lambda found: (found[:, 1] == pattern(name, 5)).all())
    known = {pattern(each, 5).tobytes() for each in PATTERNS}
    find_any(batches, lambda found: found[:, 0].tobytes() not in known)


def test_masks_shrink_to_a_step_that_is_not_masked() -> None:
    assert minimal(gst.masks()).tolist() == [[False]]
    assert minimal(gst.masks(min_T=2), lambda found: found.any()).tolist() == [[True], [True]]


@pytest.mark.uncounted
def test_a_step_may_be_skipped_and_start_from_zeros() -> None:
    keep, restart = minimal(gst.mask_pairs(min_T=2), lambda pair: (pair[0] & pair[1]).any())

    assert keep.tolist() == restart.tolist() == [[True], [True]]
    assert [mask.tolist() for mask in minimal(gst.mask_pairs())] == [[[False]], [[False]]]


@pytest.mark.uncounted
def test_units_have_masks_of_their_own() -> None:
    one_keeps = minimal(
        gst.unit_masks(min_T=2, min_H=2), lambda found: found[..., 1].all() and not found.all()
    )

    assert one_keeps.tolist() == [[[False, True]]] * 2
    assert minimal(gst.unit_masks()).tolist() == [[[False]]]


@given(gst.sequences(min_T=2))
def test_a_batch_fits_together(batch: gst.Batch) -> None:
    T, B, _ = batch.inputs.shape
    assert T >= 2
    assert batch.state.shape[0] == len(batch.lengths) == B
    assert batch.lengths.max() <= T
    assert batch.inputs.dtype == batch.state.dtype


def test_padding_is_not_zero() -> None:
    find_any(
        gst.sequences(),
        lambda batch: any(batch.inputs[n:, b].all() for b, n in enumerate(batch.lengths) if n < 2),
    )


@pytest.mark.uncounted
def test_a_batch_can_be_pasted_back() -> None:
    namespace: dict[str, Any] = {}
    exec("from gruverify import *; from gruverify.strategies import *", namespace)
    batch = minimal(gst.sequences(), lambda batch: batch.inputs.any() and len(batch.lengths) == 2)
    pasted = eval(repr(batch), namespace)

    assert repr(pasted) == repr(batch)
    assert pasted.inputs.dtype == batch.inputs.dtype


@pytest.mark.uncounted
@given(gst.stacks(min_layers=2, bidirectional=True, formats=[bfloat16]))
def test_a_stack_is_as_asked(stack: Stack) -> None:
    assert 2 <= stack.layers <= 3
    assert stack.directions == 2
    assert {cell.format for row in stack.cells for cell in row} == {bfloat16}
    assert stack.cells[1][1].input_size == 2 * stack.hidden_size


def test_cells_of_a_stack_differ() -> None:
    find_any(
        gst.stacks(min_layers=2, min_H=2, min_I=2, bidirectional=False),
        lambda stack: not np.array_equal(stack.cells[0][0].weight_hh, stack.cells[1][0].weight_hh),
    )


@pytest.mark.slow
def test_a_stack_shrinks_to_a_cell() -> None:
    stack = minimal(gst.stacks())

    assert (stack.layers, stack.directions, stack.hidden_size, stack.input_size) == (1, 1, 1, 1)


def cell(H: int, I: int, *, bias: bool = False) -> Cell:
    cells = gst.cells(min_H=H, max_H=H, min_I=I, max_I=I, variants=[Variant(bias=bias)])
    return drawn(cells, 1)[0]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        pytest.param((), "at least one layer", id="no layers"),
        pytest.param(((),), "of one cell or two", id="no direction"),
        pytest.param(
            ((cell(2, 1),), (cell(2, 2), cell(2, 2))),
            "layer 1 has 2 cells, layer 0 has 1",
            id="directions",
        ),
        pytest.param(
            ((cell(2, 1),), (cell(2, 1),)),
            "layer 1, direction 0: input size is 1, expected 2",
            id="input",
        ),
        pytest.param(
            ((cell(2, 1), cell(3, 1)),),
            "layer 0, direction 1: hidden size H is 3, expected 2",
            id="hidden",
        ),
        pytest.param(
            ((cell(1, 1),), (cell(1, 1, bias=True),)),
            "layer 1, direction 0: variant is",
            id="variant",
        ),
    ],
)
def test_cells_that_do_not_stack_are_named(
    cells: tuple[tuple[Cell, ...], ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Stack(cells)


def test_parameters_of_a_stack_have_the_names_of_pytorch() -> None:
    asked = gst.stacks(
        min_layers=2,
        max_layers=2,
        bidirectional=True,
        formats=[float32],
        variants=[Variant(bias=False)],
    )
    (stack,) = drawn(asked, 1)

    places = [f"l{layer}{reverse}" for layer in (0, 1) for reverse in ("", "_reverse")]
    assert list(stack.packed()) == [
        f"{name}_{place}" for place in places for name in ("weight_ih", "weight_hh")
    ]


@given(
    gst.stack_cases(
        min_layers=3, min_H=48, max_H=48, min_I=16, max_I=16, bidirectional=True, formats=[float32]
    )
)
@settings(max_examples=2, deadline=None)
def test_large_stacks_can_be_drawn(case: StackCase) -> None:
    assert (case.sizes["H"], case.stack.layers) == (48, 3)
