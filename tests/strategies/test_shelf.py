"""What stands on the shelf, and what it costs to look at it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import gruverify_strategies
from gruverify import strategies as gst

pytestmark = pytest.mark.uncounted

SHELF = [
    "cases",
    "cells",
    "controls",
    "cotangents",
    "floats_near",
    "formats",
    "inputs",
    "layouts",
    "lengths",
    "mask_pairs",
    "masks",
]
SHELF += [
    "regimes",
    "sequences",
    "sizes",
    "specials",
    "stack_cases",
    "stacks",
    "states",
    "torch_cells",
    "torch_grus",
]
SHELF += ["unit_masks", "variants", "views"]
BESIDES = ["drawn_from"]
TYPES = ["Batch", "Control", "Drive", "LaidOut", "Regime", "Regimes", "Sizes"]


def public(module: object) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value)
    }


def test_facade_is_the_shelf() -> None:
    assert public(gst) == public(gruverify_strategies)


def test_shelf_holds_the_strategies_and_the_types_they_yield() -> None:
    assert sorted(public(gst)) == sorted([*SHELF, *BESIDES, *TYPES])


@pytest.mark.parametrize("name", SHELF)
def test_docstring_says_what_it_shrinks_to_and_raises(name: str) -> None:
    text = getattr(gst, name).__doc__
    assert "Shrinks to" in " ".join(text.split())
    assert "InvalidArgument: " in text


def test_import_loads_hypothesis_but_no_torch() -> None:
    program = (
        "import sys, gruverify_strategies; print('hypothesis' in sys.modules, 'torch' in "
        "sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        (gst.cases(), "cases()"),
        (gst.cells(max_H=3), "cells(max_H=3)"),
        (gst.states(min_B=2, max_H=1), "states(min_B=2, max_H=1)"),
    ],
)
def test_repr_of_a_strategy_is_its_call(strategy: SearchStrategy[object], text: str) -> None:
    assert repr(strategy) == text


def test_strategies_are_drawn_from_data_too() -> None:
    @settings(max_examples=5, database=None)
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        size = data.draw(gst.sizes(), label="sizes").H
        assert data.draw(gst.cells(min_H=size, max_H=size), label="cell").hidden_size == size

    draw()


def test_the_same_bytes_draw_the_same_case() -> None:
    seen = []

    @settings(max_examples=30, database=None)
    @given(gst.cases())
    def see(case: object) -> None:
        seen.append(case)

    see()
    first, seen[:] = list(seen), []
    see()
    assert first == seen
