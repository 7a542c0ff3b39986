"""A right implementation more each time: numbers of a format whose sums are added up in an order
that is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._arrays import NDArray
from gruverify.arithmetic._functions import sigmoid, tanh
from gruverify.arithmetic._rounding import Rounding
from gruverify.arithmetic._wide import emulated

#: Radians of the quickest wave in a unit of the argument: it turns twice.
QUICKEST = 8.0
#: From here on σ and tanh hardly change any more.
FLAT = 8.0
#: In at most so many parts, one after the other, a sum is added up.
_PARTS = 64


class Wave(NamedTuple):
    """Which way a function of a library leans, and how far, by its argument: from -1 to 1."""

    rate: float
    start: float

    def at(self, argument: NDArray) -> NDArray:
        """There; where the function is flat, so is what it is wrong by."""
        within = np.clip(np.asarray(argument, np.float64), -FLAT, FLAT)
        return np.asarray(np.sin(self.rate * within + self.start))


@dataclass(frozen=True, eq=False, slots=True)
class AnyOrder:
    """Numbers of a mode's format, for the formulas: matrix products add up in its accumulator, in
    an order of their own, and everything else rounds to the format.
    """

    value: NDArray
    mode: Rounding
    rng: np.random.Generator
    waves: tuple[Wave, Wave]

    def _like(self, value: NDArray) -> AnyOrder:
        return AnyOrder(value, self.mode, self.rng, self.waves)

    def _rounded(self, value: NDArray) -> AnyOrder:
        return self._like(emulated(value, self.mode.format))

    def __add__(self, other: AnyOrder | float) -> AnyOrder:
        if self._fuses:
            # In its wide array: not rounded until it is used otherwise.
            return self._like(np.asarray(self.value) + np.asarray(_value(other)))
        return self._like(self.value + _value(other))

    __radd__ = __add__

    def __sub__(self, other: AnyOrder) -> AnyOrder:
        return self._like(self.value - other.value)

    def __rsub__(self, other: float) -> AnyOrder:
        return self._like(other - self.value)

    def __mul__(self, other: AnyOrder) -> AnyOrder:
        return self._like(self.value * other.value)

    def __matmul__(self, other: AnyOrder) -> AnyOrder:
        a, b = (np.asarray(one.value, self.mode.accumulator.dtype) for one in (self, other))
        order, total = self.rng.permutation(len(b)), np.zeros(1, a.dtype)
        # One part is as a library of linear algebra does it, as many as there are terms a loop.
        for part in np.array_split(order, self.rng.integers(1, min(len(b), _PARTS) + 1)):
            total = total + a[:, part] @ b[part]
        if self._fuses:
            return self._like(total)
        return self._rounded(total)

    @property
    def _fuses(self) -> bool:
        """Whether it goes on with what the accumulator holds."""
        return self.mode.wide and bool(self.rng.integers(2))

    @property
    def T(self) -> AnyOrder:
        """The transpose."""
        return self._like(self.value.T)

    def sigmoid(self) -> AnyOrder:
        """σ, which is wrong by what is declared of it here, and right there."""
        exact = sigmoid(np.asarray(self.value, np.float64))
        most = self.mode.of_sigmoid(exact)
        return self._rounded(exact + most * self.waves[0].at(self.value))

    def tanh(self) -> AnyOrder:
        """tanh, likewise."""
        exact = tanh(np.asarray(self.value, np.float64))
        return self._rounded(
            exact + self.mode.of_tanh(np.abs(exact)) * self.waves[1].at(self.value)
        )

    def blend(self, one: AnyOrder, zero: AnyOrder) -> AnyOrder:
        """z∘one + (1-z)∘zero, in form A or in form B."""
        if self.rng.random() < 0.5:  # heads or tails
            return zero + self * (one - zero)
        return self * one + (1 - self) * zero


def _value(number: AnyOrder | float) -> Any:
    if isinstance(number, AnyOrder):
        return number.value
    return number


def in_any_order(mode: Rounding, rng: np.random.Generator) -> Callable[[npt.ArrayLike], AnyOrder]:
    """What makes such numbers of arrays, of one implementation."""
    waves = (_wave(rng), _wave(rng))
    return lambda values: AnyOrder(emulated(values, mode.format), mode, rng, waves)


def _wave(rng: np.random.Generator) -> Wave:
    """Most of them lean one way for long."""
    return Wave(QUICKEST * rng.random() ** 2, 2 * np.pi * rng.random())
