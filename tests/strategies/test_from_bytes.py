"""Cases from bytes, without Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis.errors import InvalidArgument

from gruverify import strategies as gst
from gruverify.arithmetic import float32


@pytest.mark.parametrize("made", [gst.cells, gst.cases, gst.stacks, gst.stack_cases])
def test_a_seed_says_what_is_drawn(made: Callable[..., Any]) -> None:
    drawn = [repr(gst.drawn_from(Random(seed), made)) for seed in (0, 0, 1)]

    assert drawn[0] == drawn[1] != drawn[2]


def test_arguments_are_heeded() -> None:
    for seed in range(50):
        case = gst.drawn_from(
            Random(seed), gst.cases, min_H=2, max_H=3, full="T", max_T=9, formats=(float32,)
        )
        assert case.sizes["H"] in (2, 3)
        assert case.sizes["T"] == 9
        assert case.format is float32


def test_stacks_are_of_every_shape() -> None:
    drawn = [gst.drawn_from(Random(seed), gst.stack_cases, max_layers=2) for seed in range(100)]

    shapes = {(case.sizes["L"], case.sizes["D"], case.batch_first, case.batched) for case in drawn}
    assert shapes >= {(L, D, first, True) for L in (1, 2) for D in (1, 2) for first in (0, 1)}
    assert {case.lengths is None for case in drawn} == {True, False}


def test_full_stacks_have_the_largest_sizes() -> None:
    case = gst.drawn_from(
        Random(0), gst.stack_cases, max_layers=2, max_H=9, max_I=3, max_B=4, max_T=5, full="HIBTLD"
    )

    assert case.sizes == {"H": 9, "I": 3, "B": 4, "T": 5, "L": 2, "D": 2}


def test_other_strategies_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="but got variants"):
        gst.drawn_from(Random(0), gst.variants)
    with pytest.raises(InvalidArgument, match="min_H"):
        gst.drawn_from(Random(0), gst.cases, min_H=0)
