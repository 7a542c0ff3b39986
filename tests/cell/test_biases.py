"""Variants that have some of the biases alone."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import VARIANTS, Cell, Variant, float64
from gruverify.cell import BIAS_FORMS, LAYOUTS, PARTLY_BIASED


def test_bias_is_short_for_both_or_none() -> None:
    assert (Variant().biases, Variant(bias=True).biases, Variant(bias=False).biases) == (
        "both",
        "both",
        "none",
    )
    assert [Variant(biases=form).bias for form in BIAS_FORMS] == [True, False, True, True, True]  # type: ignore[arg-type]
    assert Variant("before", "replace", False) == Variant("before", "replace", biases="none")


def test_merged_is_another_word_for_input() -> None:
    assert Variant(biases="merged") == Variant(biases="input")


@pytest.mark.parametrize("variant", VARIANTS + PARTLY_BIASED, ids=str)
def test_a_variant_is_pasted_copied_and_pickled_with_its_biases(variant: Variant) -> None:
    assert eval(repr(variant)) == replace(variant) == pickle.loads(pickle.dumps(variant)) == variant


def test_every_variant_has_words_of_its_own() -> None:
    every = VARIANTS + PARTLY_BIASED

    assert len(set(map(str, every))) == len(set(every)) == len(every) == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bias": False, "biases": "input"}, "bias=False contradicts biases='input'"),
        ({"bias": True, "biases": "none"}, "bias=True contradicts biases='none'"),
        ({"biases": "some"}, "biases='some' must be one of 'both', 'none'"),
        ({"bias": "none"}, "bias='none' must be True or False"),
    ],
)
def test_wrong_biases_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Variant(**arguments)


def cell(biases: Any, **given: Any) -> Cell:
    """A cell of one unit."""
    return Cell(
        Variant(biases=biases), float64.cast([[1.0]] * 3), float64.cast([[1.0]] * 3), **given
    )


def test_a_bias_that_a_variant_lacks_is_zero_and_may_be_left_out() -> None:
    ones, zeros = np.ones(3), np.zeros(3)
    one = cell("input", bias_ih=ones)

    assert np.array_equal(one.packed()["bias_hh"], zeros)
    assert cell("input", bias_ih=ones, bias_hh=zeros) == one
    assert np.array_equal(cell("recurrent", bias_hh=ones).packed()["bias_ih"], zeros)


def test_a_bias_that_a_variant_lacks_must_be_zero() -> None:
    ones = np.ones(3)
    with pytest.raises(
        ValueError, match=r"bias_hh\[0\]=1.0 must be 0: the variant .*bias_ih alone"
    ):
        cell("input", bias_ih=ones, bias_hh=ones)
    with pytest.raises(ValueError, match=r"bias_hh\[1\]=1.0 must be 0"):
        cell("input+candidate", bias_ih=ones, bias_hh=np.array([0.0, 1.0, 1.0]))
    with pytest.raises(ValueError, match="bias_ih is missing"):
        cell("input")


@pytest.mark.parametrize(
    ("layout", "biases"),
    [
        ("nnx", "input"),
        ("equinox", "input+candidate"),
        ("mlx", "input+candidate"),
        ("flax", "input+candidate"),
    ],
)
def test_layouts_that_lack_biases_hold_the_variant_that_lacks_them(
    layout: str, biases: Any
) -> None:
    ones, last = np.ones(3), np.array([0.0, 0.0, 2.0])
    one = cell(biases, bias_ih=ones, bias_hh=last if biases == "input+candidate" else 0 * last)

    there = LAYOUTS[layout].parameters(one)

    assert LAYOUTS[layout].cell(there, one.variant) == LAYOUTS[layout].merged(one) == one


def test_a_layer_has_one_direction_behind_the_other() -> None:
    forward, backward = (
        Cell(VARIANTS[0], *(np.full(shape, value) for shape in ((3, 1), (3, 1), (3,), (3,))))
        for value in (1.0, 2.0)
    )
    one, other = (LAYOUTS["onnx"].parameters(cell) for cell in (forward, backward))
    layer = LAYOUTS["onnx"].parameters_of_layer([forward, backward])
    assert layer.keys() == one.keys()
    for name, array in layer.items():
        np.testing.assert_array_equal(array, np.concatenate([one[name], other[name]]))
