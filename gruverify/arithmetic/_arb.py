"""Arb arithmetic: arrays of python-flint balls, which enclose the true value whatever happens.

    lift = partial(arb_array, bits=200)
    h = step(cell.variant, cell.parameters(lift), lift(x), lift(state))
    h.lower, h.upper      float64 arrays, rounded outward: the true state lies between them

Unlike a `Ball` it knows nothing of a format under test: it holds what is true, to as many bits as
are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._formats import format_of
from gruverify.arithmetic._optional import optional

if TYPE_CHECKING:
    from flint import arb

flint = optional("flint", "python-flint", "arb")

Floats: TypeAlias = npt.NDArray[np.float64]

#: Working precision of an array for which none is given.
BITS = 128


class ArbArray(np.ndarray[Any, np.dtype[np.object_]]):
    """An array of Arb balls. Every operation works at the most precise operand's `bits`.

    python-flint has one precision for the whole process: it is set for each operation and put back
    after it, so use arrays from one thread at a time.
    """

    bits: int

    def __array_finalize__(self, source: object) -> None:
        self.bits = getattr(source, "bits", BITS)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        bits = max(a.bits for a in inputs if isinstance(a, ArbArray))
        with flint.ctx.workprec(bits):
            result = getattr(ufunc, method)(*(_plain(a) for a in inputs), **options)
        if np.asarray(result).dtype.kind == "O":
            return _arb_array(result, bits)
        return result

    def sigmoid(self) -> ArbArray:
        """σ, elementwise; as tight for a wide ball as for a point."""
        return self._each(lambda a: _increasing(_sigmoid, a))

    def tanh(self) -> ArbArray:
        """The hyperbolic tangent, elementwise; as tight for a wide ball as for a point."""
        return self._each(lambda a: _increasing(lambda x: x.tanh(), a))

    def _each(self, f: Callable[[arb], arb]) -> ArbArray:
        with flint.ctx.workprec(self.bits):
            return _arb_array(np.frompyfunc(f, 1, 1)(_plain(self)), self.bits)

    @property
    def lower(self) -> Floats:
        """The largest float64 numbers known to lie below the balls."""
        return _read(self, lambda a: _below(a))

    @property
    def upper(self) -> Floats:
        """The smallest float64 numbers known to lie above the balls."""
        return _read(self, lambda a: -_below(-a))

    @property
    def mid(self) -> Floats:
        """Midpoints in float64, of balls that `rad` makes wide enough."""
        return self.lower / 2 + self.upper / 2

    @property
    def rad(self) -> Floats:
        """Radii in float64: [mid - rad, mid + rad] holds all of the ball; 0 where mid is exact."""
        lower, upper, mid = self.lower, self.upper, self.mid
        widest = np.maximum(upper - mid, mid - lower)
        return np.where(widest == 0, 0.0, np.nextafter(widest, np.inf))


def arb_array(values: npt.ArrayLike, *, bits: int = BITS, radius: npt.ArrayLike = 0.0) -> ArbArray:
    """`values` ± `radius` as balls: numbers in any of the four formats or integers, exactly, or Arb
    balls themselves.

    Raises:
        ValueError: `bits` is below 2, or the dtype of `values` is none that can be taken exactly.
    """
    if bits < 2:
        raise ValueError(f"bits={bits} must be at least 2")
    with flint.ctx.workprec(bits):
        balls = np.frompyfunc(flint.arb, 2, 1)(_exact(values), _exact(radius))
    return _arb_array(balls, bits)


def _exact(values: npt.ArrayLike) -> npt.NDArray[np.object_]:
    array = np.asarray(values)
    # float64 holds every number of all four formats; longdouble would be rounded without a word.
    if array.dtype.kind not in "Oiu":
        format_of(array.dtype)
        array = array.astype(np.float64)
    return array.astype(object)


def _arb_array(values: arb | npt.ArrayLike, bits: int) -> ArbArray:
    array = np.asarray(values, dtype=object).view(ArbArray)
    array.bits = bits
    return array


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, ArbArray) else value


def _increasing(f: Callable[[arb], arb], a: arb) -> arb:
    """All values of an increasing function on a ball, from its ends."""
    if a.is_exact():
        return f(a)
    return f(a.lower()).union(f(a.upper()))


def _sigmoid(x: arb) -> arb:
    below = (-x).exp()
    # Beyond the exponents of Arb itself σ is between 0 and e^x, which is as good as 0.
    return 1 / (1 + below) if below.is_finite() else flint.arb(0).union(x.exp())


def _read(array: ArbArray, f: Callable[[arb], float]) -> Floats:
    return np.asarray(np.frompyfunc(f, 1, 1)(_plain(array)), dtype=np.float64)


def _below(ball: arb) -> float:
    """The largest float64 number at or below a ball; -inf if nothing is known of it."""
    if not ball.is_finite():
        return -math.inf
    found = float(ball.lower())
    # float() rounds to nearest: a step or two down may be needed, and the comparison is exact.
    while not flint.arb(found) <= ball:
        found = math.nextafter(found, -math.inf)
    return found
