"""Affine forms: c + Σ_k g_k ε_k + r ε, with every ε in [-1, 1]. The ε_k are symbols that numbers
share, so that what depends on the same cancels; the last ε is each number's own.

A form is an enclosure in real arithmetic: for every choice of the symbols the exact result of an
operation lies in the form of the result. What float64 does to centres and generators on the way is
bounded here, too, and is part of r: u for each sum and product, γ_n for matrix products in whatever
order they add up, and the smallest number for each product that may underflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._bounds import Bound, Floats
from gruverify.arithmetic._formats import float64
from gruverify.arithmetic._once import once
from gruverify.arithmetic._rounding import OUTWARD

#: Numbers of noise symbols, ascending.
Symbols: TypeAlias = npt.NDArray[np.int64]

_U, _ETA = float64.unit_roundoff, float64.min_subnormal
NO_SYMBOLS: Symbols = np.empty(0, np.int64)


def upward(roundings: int) -> float:
    """Makes a bound of a sum or product of positive numbers that was rounded so often: 1/(1-nu) and
    the multiplication by it.
    """
    return 1.0 + 2 * (roundings + 2) * _U


class Form:
    """An array of affine forms: `parts` (k, ...) are the generators, of the symbols `symbols` (k,);
    `centre` and `own` have the shape of the array.
    """

    def __init__(self, symbols: Symbols, centre: Floats, parts: Floats, own: Floats) -> None:
        self.symbols, self.centre, self.parts, self.own = symbols, centre, parts, own

    @classmethod
    def point(cls, centre: Floats, own: Floats | None = None) -> Form:
        """Numbers that depend on nothing."""
        rad = np.zeros(centre.shape) if own is None else own
        return cls(NO_SYMBOLS, centre, np.zeros((0, *centre.shape)), rad)

    @once
    def spread(self) -> Floats:
        """Σ|g_k|, at least."""
        return np.asarray(np.abs(self.parts).sum(0) * upward(len(self.symbols)))

    @property
    def radius(self) -> Floats:
        """How far the form reaches to either side of its centre, at least."""
        return np.asarray((self.spread + self.own) * OUTWARD)

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """The least and the largest number of the form, rounded outward."""
        radius = self.radius
        return outward(self.centre - radius, self.centre + radius)

    @property
    def size(self) -> Floats:
        """|c| + Σ|g_k|: what float64 meets when it computes with centre and generators."""
        return np.abs(self.centre) + self.spread

    def widened(self, by: Bound) -> Form:
        """The form with so much more of its own."""
        return Form(self.symbols, self.centre, self.parts, (self.own + by) * OUTWARD)

    def plus(self, other: Form, sign: float = 1.0) -> Form:
        """The sum, or with sign -1 the difference."""
        centre = self.centre + sign * other.centre
        symbols, mine, others = united(self.symbols, other.symbols)
        if len(other.symbols) or self.centre.shape != centre.shape:
            parts = np.zeros((len(symbols), *centre.shape))
            parts[mine] = _spread_out(self.parts, centre.ndim)
            parts[others] += sign * _spread_out(other.parts, centre.ndim)
        else:
            parts = self.parts
        # One addition for the centre, and one for each symbol that both have.
        rounding = _U * (np.abs(centre) + self.spread + other.spread)
        return Form(symbols, centre, parts, (self.own + other.own + rounding) * OUTWARD)

    def negative(self) -> Form:
        """Exactly -1 times the form."""
        return Form(self.symbols, -self.centre, -self.parts, self.own)

    def scaled(self, slope: Floats, centre: Floats, off: Floats) -> Form:
        """slope·(x - c) + centre ± off."""
        steep = np.abs(slope)
        own = steep * self.own + off + 2 * _U * steep * self.spread
        count = len(self.symbols) + 2
        return Form(self.symbols, centre, slope * self.parts, (own + count * _ETA) * OUTWARD)

    def with_parts(self, symbols: Symbols, parts: Floats, centre: Floats, own: Floats) -> Form:
        """With further generators, another centre and another own part."""
        if not len(symbols):
            return Form(self.symbols, centre, self.parts, own)
        both, mine, others = united(self.symbols, symbols)
        whole = np.zeros((len(both), *centre.shape))
        whole[mine] = self.parts
        whole[others] += parts
        return Form(both, centre, whole, own)

    def matmul(self, W: Floats, off: Floats | None) -> Form:
        """(..., n) times a matrix (n, m) that is known to within `off`; None: exactly."""
        n, k, size = len(W), len(self.symbols), np.abs(W)
        # γ_n |W| for a product added up in any order, rounded up, and what W itself is off by.
        met = 2 * (n + 2) * _U * size if off is None else 2 * (n + 2) * _U * size + off
        rows = self.centre.shape[:-1]
        parts = (self.parts.reshape(-1, n) @ W).reshape(k, *rows, W.shape[1])
        own = (self.own @ (size + met) + self.size @ met) * upward(n) + (k + 3) * n * _ETA
        return Form(self.symbols, self.centre @ W, parts, own * OUTWARD)

    @property
    def T(self) -> Form:
        """The transpose."""
        return Form(self.symbols, self.centre.T, self.parts.swapaxes(-1, -2), self.own.T)

    def __getitem__(self, index: Any) -> Form:
        behind = index if isinstance(index, tuple) else (index,)
        parts = self.parts[(slice(None), *behind)]
        return Form(self.symbols, self.centre[index], parts, self.own[index])


def placed_forms(shape: tuple[int, ...], each: Sequence[tuple[Any, Form]]) -> Form:
    """Zeros of that shape, with each form put at its index."""
    symbols = NO_SYMBOLS
    for _, form in each:
        symbols = merged(symbols, form.symbols)
    centre, own = np.zeros(shape), np.zeros(shape)
    parts = np.zeros((len(symbols), *shape))
    for index, form in each:
        centre[index], own[index] = form.centre, form.own
        behind = index if isinstance(index, tuple) else (index,)
        for row, part in zip(np.searchsorted(symbols, form.symbols), form.parts, strict=True):
            parts[(row, *behind)] = part
    return Form(symbols, centre, parts, own)


def outward(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Ends that were rounded once, moved to where the exact ones cannot be beyond."""
    return np.nextafter(low, -np.inf), np.nextafter(high, np.inf)


def united(one: Symbols, other: Symbols) -> tuple[Symbols, Any, Any]:
    """The symbols of both, and where among them those of each stand."""
    if one is other or not len(other):
        return one, slice(None), slice(None) if one is other else slice(0)
    if not len(one):
        return other, slice(0), slice(None)
    if one[-1] < other[0]:  # those of a step's input are newer than those of its state
        return np.concatenate([one, other]), slice(0, len(one)), slice(len(one), None)
    if len(one) == len(other) and bool((one == other).all()):
        return one, slice(None), slice(None)
    both = merged(one, other)
    return both, np.searchsorted(both, one), np.searchsorted(both, other)


def merged(one: Symbols, other: Symbols) -> Symbols:
    """The symbols of both, ascending."""
    both = np.concatenate([one, other])
    both.sort(kind="stable")  # of two ascending runs: one pass
    new = np.ones(len(both), bool)
    new[1:] = both[1:] != both[:-1]
    return both[new]


def _spread_out(parts: Floats, dimensions: int) -> Floats:
    """Generators with axes of length 1 where those of the result are more."""
    missing = dimensions + 1 - parts.ndim
    return parts.reshape(len(parts), *(1,) * missing, *parts.shape[1:])
