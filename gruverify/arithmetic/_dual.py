"""Dual numbers over any of the arithmetics: a value, and its derivative along one direction.

What the formulas make of dual numbers is their directional derivative: `sequence` then yields
Jacobian-vector products, `bptt` Hessian-vector products (forward over reverse). Over balls the
tangents are enclosures, so that these derivatives have derived tolerances too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

from gruverify.arithmetic._functions import Array, blend, carried, diagonal, sigmoid, tanh


class Dual:
    """An array `value` and its derivative `tangent`, both of one arithmetic and shape; None is the
    tangent of a constant.

    Offers what the formulas use: `+ - * @`, indexing, `.T`, `sum`, `sigmoid`, `tanh`, `diag_embed`
    and `blend`. The product rule's terms are kept apart until a product is used: an implementation
    may multiply each of them out before it adds them, and a ball must allow for that.
    """

    __array_ufunc__ = None
    __slots__ = ("_tangent", "terms", "value")

    def __init__(self, value: Array, *terms: Array | None) -> None:
        """A value, and the terms that its tangent is the sum of; those that are None are left
        out.
        """
        self.value = value
        self.terms = tuple(term for term in terms if term is not None)
        self._tangent: Array | None = None

    @property
    def tangent(self) -> Array | None:
        """The derivative, None for a constant."""
        if self._tangent is None and self.terms:
            self._tangent = reduce(add, self.terms)
        return self._tangent

    def carried(self) -> Dual:
        """What is gone on with, of the value and of its tangent."""
        return Dual(carried(self.value), None if self.tangent is None else carried(self.tangent))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return tuple(self.value.shape)

    # -- sums and products: (x + y)' = x' + y', (xy)' = x'y + xy' ----------------------------------

    def __add__(self, other: Array) -> Dual:
        y = _dual(other)
        value = self.value + y.value
        return Dual(value, _spread(_plus(self.tangent, y.tangent), value))

    def __radd__(self, other: Array) -> Dual:
        return self.__add__(other)

    def __neg__(self) -> Dual:
        return Dual(-self.value, *(-term for term in self.terms))

    def __sub__(self, other: Array) -> Dual:
        return self.__add__(-_dual(other))

    def __rsub__(self, other: Array) -> Dual:
        return (-self).__add__(other)

    def __mul__(self, other: Array) -> Dual:
        y = _dual(other)
        # Else its terms would stand twice, each with a rounding of its own, where an implementation
        # has 2xx' from one product.
        if y is self:
            return Dual(self.value * self.value, *(2 * (self.value * term) for term in self.terms))
        left, right = (
            (term * y.value for term in self.terms),
            (self.value * term for term in y.terms),
        )
        return Dual(self.value * y.value, *left, *right)

    def __rmul__(self, other: Array) -> Dual:
        return self.__mul__(other)

    def __matmul__(self, other: Array) -> Dual:
        y = _dual(other)
        dx, dy = self.tangent, y.tangent
        left, right = (
            (None if dx is None else dx @ y.value),
            (None if dy is None else self.value @ dy),
        )
        return Dual(self.value @ y.value, _plus(left, right))

    def __rmatmul__(self, other: Array) -> Dual:
        return _dual(other).__matmul__(self)

    # -- what is linear in a single number ---------------------------------------------------------

    def __getitem__(self, index: Any) -> Dual:
        return self._each(lambda a: a[index])

    @property
    def T(self) -> Dual:
        return self._each(lambda a: a.T)

    def sum(self, axis: int) -> Dual:
        """Σ along `axis`."""
        return self._each(lambda a: a.sum(axis))

    def diag_embed(self) -> Dual:
        """D(v): (..., H) -> (..., H, H)."""
        return self._each(diagonal)

    def _each(self, f: Callable[[Array], Array]) -> Dual:
        tangent = self.tangent
        return Dual(f(self.value), None if tangent is None else f(tangent))

    # -- functions ---------------------------------------------------------------------------------

    def sigmoid(self) -> Dual:
        """σ' = σ(1-σ)."""
        s, tangent = sigmoid(self.value), self.tangent
        return Dual(s, None if tangent is None else tangent * s * (1 - s))

    def tanh(self) -> Dual:
        """(tanh)' = 1-tanh²."""
        t, tangent = tanh(self.value), self.tangent
        return Dual(t, None if tangent is None else tangent * (1 - t * t))

    def blend(self, one: Array, zero: Array) -> Dual:
        """z∘one + (1-z)∘zero: the derivative is a blend of the ends' derivatives, and z' meets
        their difference.
        """
        a, b, tangent = _dual(one), _dual(zero), self.tangent
        if tangent is None:
            moved = None
        else:
            moved = tangent * (a.value - b.value)
        return Dual(
            blend(self.value, a.value, b.value),
            _plus(_blended(self.value, a.tangent, b.tangent), moved),
        )


def _dual(number: Array) -> Dual:
    return number if isinstance(number, Dual) else Dual(number)


def _plus(left: Array | None, right: Array | None) -> Array | None:
    if left is None or right is None:
        return left if right is None else right
    return left + right


def _spread(tangent: Array | None, value: Array) -> Array | None:
    """A tangent as large as its value: adding a constant may have broadcast the value alone."""
    if tangent is None or tangent.shape == value.shape:
        return tangent
    return tangent + 0 * value


def _blended(z: Array, one: Array | None, zero: Array | None) -> Array | None:
    if one is not None and zero is not None:
        return blend(z, one, zero)
    return _plus(None if one is None else z * one, None if zero is None else (1 - z) * zero)
