"""Answers in two formats: which are in which is said, and nothing of who is alike or wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Gradients, Result, Variant, backend, check
from gruverify.backends import NumpyBackend

NUMPY = NumpyBackend()
ONLY = ("agreement/each-step", "agreement/gradient-*", "agreement/each-cotangent")


def narrow(value: Any) -> Any:
    """Arguments in float32."""
    if isinstance(value, Cell):
        return Cell(value.variant, *map(narrow, value.packed().values()))
    return None if value is None else value.astype(np.float32)


def wide(answer: Any) -> Any:
    """An answer in float64."""
    if isinstance(answer, tuple):
        return tuple(map(wide, answer))
    if isinstance(answer, Gradients):
        return Gradients(*(wide(getattr(answer, name)) for name in vars(answer)))
    return None if answer is None else answer.astype(np.float64)


def wide_cell(value: Any) -> Any:
    """An argument in float64, a cell too."""
    if isinstance(value, Cell):
        return Cell(value.variant, *map(wide, value.packed().values()))
    return wide(value)


def in_float32(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, all of which is computed in float32."""
    return lambda *given: wide(method(*map(narrow, given)))


def stored_in_float32(*given: Any) -> Any:
    """Gradients in float64, those of the parameters rounded at the end."""
    found = NUMPY.sequence_vjp(*given)
    names = [name for name in vars(found) if name.startswith(("weight", "bias"))]
    return replace(found, **{name: wide(narrow(getattr(found, name))) for name in names})


def checked(sequence: Any = NUMPY.sequence, sequence_vjp: Any = NUMPY.sequence_vjp) -> Result:
    """The result of a few cases in float64."""
    target = backend(sequence=sequence, sequence_vjp=sequence_vjp, variants=[Variant()])
    return check(target, formats="f64", max_cases=8, only=ONLY, shrink=False)


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ({"sequence": in_float32(NUMPY.sequence)}, "states in float32, gradients in float64"),
        (
            {"sequence_vjp": in_float32(NUMPY.sequence_vjp)},
            "gradients in float32, states in float64",
        ),
        (
            {"sequence_vjp": stored_in_float32},
            "gradients of parameters in float32, states and gradients of inputs and h_0 in float64",
        ),
    ],
    ids=["forward", "backward", "parameters"],
)
def test_who_computes_in_two_formats_is_told_which_is_which(methods: Any, words: str) -> None:
    found = checked(**methods)

    assert found.verdict == "falsified"
    assert (found.less_accurate, found.explanation) == ((), f"{words} (float64, every case)")


@pytest.mark.uncounted
@pytest.mark.slow
def test_gradients_of_a_wider_run_are_told() -> None:
    def in_float64(*given: Any) -> Any:
        found = NUMPY.sequence_vjp(*(wide_cell(one) for one in given))
        return Gradients(*(narrow(getattr(found, name)) for name in vars(found)))

    # Long runs show it: their own states are as near the truth as those of the run are far from it.
    target = backend(
        sequence=NUMPY.sequence, sequence_vjp=in_float64, variants=[Variant()], kappa_sigma=5
    )
    found = check(target, formats="f32", only=ONLY, shrink=False)

    assert found.verdict == "falsified"
    assert found.explanation == "gradients in float64, states in float32 (float32, every case)"


@pytest.mark.uncounted
def test_one_format_is_no_mixture() -> None:
    both = checked(in_float32(NUMPY.sequence), in_float32(NUMPY.sequence_vjp))

    assert checked().verdict == "conforms"
    assert both.explanation == ""
    (line,) = both.less_accurate
    assert "float32 arithmetic in float64" in line


@pytest.mark.uncounted
def test_catches_a_mixture_that_is_wrong_besides() -> None:
    def lacking(*given: Any) -> Any:
        found = in_float32(NUMPY.sequence_vjp)(*given)
        return replace(found, weight_hh=found.weight_hh * 1.5)

    assert "float32" not in checked(sequence_vjp=lacking).explanation
