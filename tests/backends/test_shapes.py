"""The few sizes of targets that are slow at every new shape."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, backend, float32
from gruverify.backends import (
    BadDeclaration,
    declarations_of,
    drawn_sizes,
    is_of_few,
    long_run,
    resolve,
    wide_cell,
)

FEW = declarations_of(SimpleNamespace(shapes="few"))


def step(cell: Cell, x: Any, h: Any) -> Any:
    """Nothing that is looked at."""
    return h


class Jitted:
    """What `jax.jit` returns, as far as it is looked at: it can be traced and lowered, too."""

    def __call__(self, cell: Cell, x: Any, h: Any) -> Any:
        return h

    def lower(self, *arguments: Any) -> None:
        """Nothing."""

    def trace(self, *arguments: Any) -> None:
        """Nothing."""


def test_there_is_one_unit_there_are_many_and_some_sizes_are_the_same() -> None:
    drawn = drawn_sizes(FEW)

    assert min(sizes["H"] for sizes in drawn) == 1
    assert any(sizes["H"] == sizes["I"] for sizes in drawn)
    assert any(sizes["T"] == sizes["B"] for sizes in drawn)
    assert {sizes["D"] for sizes in drawn} == {1, 2} == {sizes["L"] for sizes in drawn}
    # Whoever takes one axis for another is wrong at one of the first two, which every run has.
    for one, other in combinations("HIBT", 2):
        assert any(sizes[one] != sizes[other] for sizes in drawn[:2])
    assert wide_cell(FEW)["H"] >= 48
    assert long_run(FEW)["T"] >= 300


def test_what_it_is_built_for_stands_in() -> None:
    declared = declarations_of(
        SimpleNamespace(shapes="few", hidden_size=7, input_size=6, min_length=2)
    )

    assert {(sizes["H"], sizes["I"]) for sizes in drawn_sizes(declared)} == {(7, 6)}
    assert wide_cell(declared)["H"] == long_run(declared)["H"] == 7
    assert all(sizes["T"] >= 2 for sizes in drawn_sizes(declared))


def test_one_step_one_member_and_one_layer_are_of_few() -> None:
    for sizes in drawn_sizes(FEW)[1:]:
        for change in (
            {},
            {"T": 1},
            {"B": 1},
            {"L": 1},
            {"D": 1},
            {"T": 1, "B": 1, "L": 1, "D": 1},
        ):
            assert is_of_few(FEW, {**sizes, **change})
        assert not is_of_few(FEW, {**sizes, "T": sizes["T"] + 1})
        assert not is_of_few(FEW, {**sizes, "H": sizes["H"] + 1})
        step_of_it = {letter: sizes[letter] for letter in "HIB"}
        assert is_of_few(FEW, step_of_it)


def test_no_step_and_no_member_are_asked_once() -> None:
    first, second, *_ = drawn_sizes(FEW)

    assert is_of_few(FEW, {**first, "B": 0})
    assert is_of_few(FEW, {**first, "T": 0})
    assert not is_of_few(FEW, {**first, "B": 1})
    assert is_of_few(FEW, {**first, "L": 1, "D": 1})
    assert not is_of_few(FEW, {**second, "B": 0})


def test_a_compiled_function_is_of_few_shapes_unless_it_says_otherwise() -> None:
    assert backend(step=Jitted(), formats=[float32]).shapes == "few"
    assert backend(step=Jitted(), formats=[float32], shapes="any").shapes == "any"
    assert backend(step=step, formats=[float32]).shapes == "any"


def test_an_object_with_a_compiled_method_is_too() -> None:
    plain = backend(step=step, formats=[float32])
    given = {"name": "mine", "variants": plain.variants, "formats": plain.formats, "step": Jitted()}

    assert declarations_of(resolve(SimpleNamespace(**given))).shapes == "few"
    assert declarations_of(resolve(SimpleNamespace(**given, shapes="any"))).shapes == "any"


@pytest.mark.slow
@pytest.mark.uncounted
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own compiler
def test_what_pytorch_compiles_is_known() -> None:
    torch = pytest.importorskip("torch")

    compiled: Any = torch.compile(step)

    assert backend(step=compiled, formats=[float32]).shapes == "few"


@pytest.mark.parametrize("wrong", ["some", 3, True, np.int64(1)])
def test_another_value_is_one_line(wrong: Any) -> None:
    with pytest.raises(BadDeclaration, match=r"^shapes=.* must be one of 'any', 'few'$"):
        declarations_of(SimpleNamespace(shapes=wrong))
