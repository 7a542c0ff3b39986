"""Symbolic arithmetic: arrays of SymPy expressions, to prove that two formulas are one.

    h = symbols("h", 1, 2)
    ...
    identical(derivative(step(v, p, x, h), h), jacobian code)

σ and tanh stay functions of which only the derivative is known, σ' = σ(1-σ) and tanh' = 1-tanh². So
identities between formulas and their derivatives are identities between polynomials, which
expanding decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._optional import optional

if TYPE_CHECKING:
    from sympy import Expr

sympy = optional("sympy", "sympy", "symbolic")
#: SymPy has no types.
_Function: Any = sympy.Function


class Sigmoid(_Function):  # type: ignore[misc]
    """σ, known by σ' = σ(1-σ); `rewrite(exp)` says what it is."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Expr:
        """The derivative, in σ itself."""
        return self * (1 - self)

    def _eval_rewrite_as_exp(self, arg: Expr, **_: object) -> Expr:
        return 1 / (1 + sympy.exp(-arg))


class Tanh(_Function):  # type: ignore[misc]
    """The hyperbolic tangent, known by tanh' = 1-tanh²; `rewrite(exp)` says what it is."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Expr:
        """The derivative, in tanh itself."""
        return 1 - self**2

    def _eval_rewrite_as_exp(self, arg: Expr, **_: object) -> Expr:
        return (sympy.exp(arg) - sympy.exp(-arg)) / (sympy.exp(arg) + sympy.exp(-arg))


class SymbolicArray(np.ndarray[Any, np.dtype[np.object_]]):
    """An array of SymPy expressions."""

    def sigmoid(self) -> SymbolicArray:
        """σ, elementwise."""
        return _each(lambda a: Sigmoid(a), self)

    def tanh(self) -> SymbolicArray:
        """The hyperbolic tangent, elementwise."""
        return _each(lambda a: Tanh(a), self)


def symbolic_array(values: npt.ArrayLike) -> SymbolicArray:
    """Expressions and numbers as an array of expressions."""
    return _each(sympy.sympify, np.asarray(values, dtype=object))


def symbols(name: str, *shape: int) -> SymbolicArray:
    """A symbol for every entry of an array of that shape: name_0_0, name_0_1 and so on."""
    entries = [sympy.Symbol("_".join([name, *map(str, index)])) for index in np.ndindex(*shape)]
    return _shaped(entries, shape)


def derivative(values: SymbolicArray, by: SymbolicArray) -> SymbolicArray:
    """∂values/∂by for an array `by` of symbols, of shape values.shape + by.shape."""
    expressions: list[Any] = list(values.flat)
    return _shaped([e.diff(s) for e in expressions for s in by.flat], values.shape + by.shape)


def identical(left: SymbolicArray, right: SymbolicArray) -> bool:
    """Whether two arrays of one shape are equal, entry by entry, as polynomials in symbols and
    activations.

    True is a proof. False can also mean that they are equal for a reason that lies inside σ or
    tanh.
    """
    return left.shape == right.shape and all(
        _vanishes(sympy.sympify(e)) for e in (left - right).flat
    )


def _vanishes(expression: Expr) -> bool:
    # A ring takes symbols only: equal activations become one symbol, different ones independent.
    stand_ins = {a: sympy.Dummy() for a in expression.atoms(Sigmoid, Tanh)}
    polynomial = expression.xreplace(stand_ins)
    # A sparse polynomial ring expands some fifty times faster than sympy.expand.
    ring = sympy.ring(sorted(polynomial.free_symbols, key=str) or "_", sympy.QQ)[0]
    return bool(ring.from_expr(polynomial) == 0)


def _shaped(entries: list[Expr], shape: tuple[int, ...]) -> SymbolicArray:
    return np.array(entries, dtype=object).reshape(shape).view(SymbolicArray)


def _each(f: Callable[[Any], Expr], values: npt.NDArray[np.object_]) -> SymbolicArray:
    return np.asarray(np.frompyfunc(f, 1, 1)(values.view(np.ndarray)), dtype=object).view(
        SymbolicArray
    )
