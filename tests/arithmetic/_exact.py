"""Exact evaluation and correct rounding: what balls are held against."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any, TypeAlias

from gruverify.arithmetic import Ball, Format

#: A Fraction, or a NumPy scalar of a format: both add and multiply, the second with a rounding each
#: time.
Number: TypeAlias = Any


def rounded(fmt: Format, x: Fraction) -> float:
    """`x` rounded to the nearest number of the format, ties to even: one rounding, gradual
    underflow, overflow to ∞.
    """
    if not x:
        return 0.0
    magnitude = x.numerator.bit_length() - x.denominator.bit_length()
    if abs(x) < Fraction(2) ** magnitude:
        magnitude -= 1
    unit = Fraction(2) ** (max(magnitude, fmt.min_exponent) - fmt.precision + 1)
    nearest = round(x / unit) * unit
    if abs(nearest) > Fraction(fmt.max):
        return math.inf if x > 0 else -math.inf
    return float(nearest)


class Flushed:
    """A number of a format, 0 wherever it is below the smallest normal one; so is what becomes of
    it.
    """

    format: Format

    def __init__(self, value: Any) -> None:
        number = self.format.dtype.type(float(value))
        self.value = number * 0 if 0 < abs(float(number)) < self.format.min_normal else number

    def __float__(self) -> float:
        return float(self.value)

    def __add__(self, other: Flushed) -> Flushed:
        return type(self)(self.value + other.value)

    def __sub__(self, other: Flushed) -> Flushed:
        return type(self)(self.value - other.value)

    def __mul__(self, other: Flushed) -> Flushed:
        return type(self)(self.value * other.value)

    def __neg__(self) -> Flushed:
        return type(self)(-self.value)


@dataclass(frozen=True)
class Arithmetic:
    """How implementations may compute with numbers of one kind; `format=None` is exact."""

    format: Format | None
    flushes: bool = False

    def number(self, value: Fraction | float) -> Number:
        """`value` as a number of this arithmetic."""
        if self.flushes:
            return type("FlushedNumber", (Flushed,), {"format": self.format})(value)
        return Fraction(value) if self.format is None else self.format.dtype.type(float(value))

    def fma(self, a: Number, b: Number, c: Number) -> Number:
        """a·b + c with one rounding."""
        if self.format is None or not all(map(math.isfinite, (a, b, c))):
            return a * b + c
        return self.number(rounded(self.format, exactly(a) * exactly(b) + exactly(c)))


def exactly(value: Number) -> Fraction:
    """A finite number as a fraction."""
    return value if isinstance(value, Fraction) else Fraction(float(value))


@dataclass(frozen=True)
class Term:
    """A term of a sum, a product a·b that a fused multiply-add may take in."""

    a: Number
    b: Number


def sums(arithmetic: Arithmetic, terms: Sequence[Term | Number]) -> Iterator[Number]:
    """The sum of `terms` in every order and grouping, with and without fused multiply-adds."""
    for left, right in _splits(terms):
        for x, y in (
            (x, y) for x in _partial(arithmetic, left) for y in _partial(arithmetic, right)
        ):
            yield _value(x) + _value(y)
            if isinstance(x, Term):
                yield arithmetic.fma(x.a, x.b, _value(y))
            if isinstance(y, Term):
                yield arithmetic.fma(y.a, y.b, _value(x))


def products(factors: Sequence[Number]) -> Iterator[Number]:
    """The product of `factors` in every association."""
    if len(factors) == 1:
        yield factors[0]
    for left, right in _splits(factors):
        yield from (x * y for x in products(left) for y in products(right))


def _partial(arithmetic: Arithmetic, terms: Sequence[Term | Number]) -> Iterable[Term | Number]:
    return terms if len(terms) == 1 else sums(arithmetic, terms)


def _value(term: Term | Number) -> Number:
    return term.a * term.b if isinstance(term, Term) else term


def _splits(items: Sequence[Any]) -> Iterator[tuple[list[Any], list[Any]]]:
    """The ways to part `items` in two, the first item on the left."""
    others = range(1, len(items))
    for size in range(len(others)):
        for chosen in combinations(others, size):
            yield [items[i] for i in (0, *chosen)], [items[i] for i in others if i not in chosen]


def escapes(ball: Ball, value: Number) -> bool:
    """Whether `value` lies outside a ball of one entry. A NaN radius holds nothing, an infinite one
    everything.
    """
    mid, rad = float(ball.mid.item()), float(ball.radius.item())
    if math.isinf(rad):
        return False
    if math.isnan(rad) or not math.isfinite(value):
        return True
    return abs(exactly(value) - Fraction(mid)) > Fraction(rad)
