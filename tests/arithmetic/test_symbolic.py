"""Symbolic arithmetic: identities are proved, and only identities."""

from __future__ import annotations

import numpy as np
import pytest

sympy = pytest.importorskip("sympy")

from gruverify.arithmetic import sigmoid, tanh
from gruverify.arithmetic.symbolic import (
    Sigmoid,
    SymbolicArray,
    Tanh,
    derivative,
    identical,
    symbolic_array,
    symbols,
)


def test_symbols_are_named_by_their_index() -> None:
    found = symbols("W", 2, 1)

    assert found.shape == (2, 1)
    assert [str(entry) for entry in found.flat] == ["W_0_0", "W_1_0"]


def test_activations_are_differentiated_in_themselves() -> None:
    a = symbols("a", 1)

    assert identical(derivative(sigmoid(a), a)[0], sigmoid(a) * (1 - sigmoid(a)))
    assert identical(derivative(tanh(a), a)[0], 1 - tanh(a) * tanh(a))


@pytest.mark.parametrize("function", [Sigmoid, Tanh])
def test_activations_know_what_they_are(function: type) -> None:
    a = sympy.Symbol("a")
    written = function(a).rewrite(sympy.exp)

    assert sympy.simplify(written.diff(a) - function(a).fdiff().rewrite(sympy.exp)) == 0
    assert float(written.subs(a, 1)) == pytest.approx(
        {Sigmoid: 1 / (1 + np.exp(-1)), Tanh: np.tanh(1)}[function]
    )


def test_derivative_has_the_shapes_of_both() -> None:
    x, W = symbols("x", 3), symbols("W", 2, 3)
    found = derivative(W @ x, W)

    assert found.shape == (2, 2, 3)
    assert identical(found[0, 0], x)
    assert identical(found[0, 1], 0 * x)


def test_arrays_of_numbers_and_expressions_mix() -> None:
    a = symbols("a", 1)
    assert isinstance(symbolic_array([1, sympy.Symbol("b")]) + a, SymbolicArray)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        pytest.param("(a_0 + b_0)**2", "a_0**2 + 2*a_0*b_0 + b_0**2", True, id="expanded"),
        pytest.param("a_0 - a_0", "0", True, id="zero"),
        pytest.param("a_0", "b_0", False, id="different"),
        pytest.param("a_0/2", "a_0", False, id="half"),
    ],
)
def test_catches_what_is_not_identical(left: str, right: str, equal: bool) -> None:
    one, other = (symbolic_array([sympy.sympify(text)]) for text in (left, right))

    assert identical(one, other) == equal


def test_shapes_that_differ_are_not_identical() -> None:
    assert not identical(symbols("a", 1), symbols("a", 1, 1))
