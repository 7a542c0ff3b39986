"""Affine forms at drawn values of their symbols, in exact rational numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

from gruverify.arithmetic._form import Form

#: Symbols and their values in [-1, 1].
Drawn: TypeAlias = Mapping[int, Fraction]

_PAIR = 2**31


def value_of(symbol: int, drawn: Drawn) -> Fraction:
    """The value of a symbol: of a pair, what it stands for."""
    if symbol < _PAIR:
        return drawn[symbol]
    first, second = symbol // _PAIR - 1, symbol % _PAIR
    product = drawn[first] * drawn[second]
    return 2 * product - 1 if first == second else product


def middles(form: Form, drawn: Drawn) -> list[Fraction]:
    """The sums c + Σ g_k ε_k, entry by entry."""
    values = [value_of(int(symbol), drawn) for symbol in form.symbols]
    found = list[Fraction]()
    for i, c in enumerate(form.centre.ravel()):
        parts = form.parts.reshape(len(values), form.centre.size)[:, i]
        terms = [Fraction(float(g)) * ε for g, ε in zip(parts, values, strict=True)]
        found.append(Fraction(float(c)) + sum(terms, Fraction(0)))
    return found


def outside(form: Form, drawn: Drawn, exact: list[Fraction]) -> Fraction:
    """How far exact results are from what the form allows at these values; 0 or less if nowhere."""
    apart = list[Fraction]()
    for middle, own, value in zip(middles(form, drawn), form.own.ravel(), exact, strict=True):
        apart.append(abs(value - middle) - Fraction(float(own)))
    return max(apart)
