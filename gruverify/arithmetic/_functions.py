"""The few functions that the formulas need besides `+ - * @`, for every arithmetic.

An arithmetic is an array type. `Arithmetic` says what one may bring; what it does not bring is as
plain NumPy arrays have it, which bring nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol, TypeAlias

import numpy as np

from gruverify.arithmetic._arrays import NDArray

#: A NumPy array, a torch tensor, a Ball, an array of SymPy expressions or of Arb balls, or a Dual
#: of any of them.
Array: TypeAlias = Any


class Arithmetic(Protocol):
    """The methods that an array type may bring. Tensors have the first four of them."""

    def sigmoid(self) -> Array:
        """1/(1+e^-a), elementwise."""

    def tanh(self) -> Array:
        """The hyperbolic tangent, elementwise."""

    def diag_embed(self) -> Array:
        """(..., H) -> (..., H, H), on the diagonal."""

    def new_zeros(self, shape: tuple[int, ...]) -> Array:
        """Zeros of that shape and this type."""

    def placed(self, shape: tuple[int, ...], parts: Sequence[tuple[Any, Array]]) -> Array:
        """Zeros of that shape with each part put at its index, where entries cannot be set."""

    def blend(self, one: Array, zero: Array) -> Array:
        """z∘one + (1-z)∘zero, where it matters how that is evaluated."""

    def carried(self) -> Array:
        """What is gone on with of a state, where that is another thing than the state."""

    @staticmethod
    def combined_rows(terms: Sequence[tuple[Array, Array]], on_diagonal: Array | None) -> Array:
        """D(on_diagonal) + Σ_k D(d_k) W_k, where there is a better way than to add it up."""


class _Functions:
    """The functions of an array type: its own methods, and those of plain arrays for the others."""

    def __init__(self, kind: type) -> None:
        def own(name: str, plain: Callable[..., Array]) -> Callable[..., Array]:
            found: Callable[..., Array] = getattr(kind, name, plain)
            return found

        self.sigmoid = own("sigmoid", _sigmoid)
        self.tanh = own("tanh", _tanh)
        self.diagonal = own("diag_embed", _diagonal)
        self.zeros = own("new_zeros", _zeros)
        self.placed = own("placed", _placed)
        self.blend = own("blend", _blend)
        self.carried = own("carried", _unchanged)
        self.combined_rows = own("combined_rows", added_rows)


class _OfTypes(dict[type, _Functions]):
    """The functions of each array type, looked up once: formulas call them at every step."""

    def __missing__(self, kind: type) -> _Functions:
        self[kind] = found = _Functions(kind)
        return found


_functions = _OfTypes()


def sigmoid(a: Array) -> Array:
    """The logistic function 1/(1+e^-a), elementwise and without overflow."""
    return _functions[type(a)].sigmoid(a)


def tanh(a: Array) -> Array:
    """The hyperbolic tangent, elementwise."""
    return _functions[type(a)].tanh(a)


def diagonal(v: Array) -> Array:
    """D(v): (..., H) -> (..., H, H) with v on the diagonal."""
    return _functions[type(v)].diagonal(v)


def combined_rows(*terms: tuple[Array, Array], on_diagonal: Array | None = None) -> Array:
    """D(on_diagonal) + Σ_k D(d_k) W_k for pairs d_k (..., n) and W_k (n, m) or (..., n, m): (...,
    n, m).

    With all W_k known exactly this is the one sum that a Jacobian consists of, which ball
    arithmetic does at a stroke.
    """
    return _functions[type(terms[0][1])].combined_rows(terms, on_diagonal)


def placed(like: Array, shape: tuple[int, ...], *parts: tuple[Any, Array]) -> Array:
    """Zeros of that shape in the arithmetic of `like`, with each part put at its index."""
    return _functions[type(like)].placed(like, shape, parts)


def carried(h: Array) -> Array:
    """What an implementation goes on with of a state or cotangent from one step to the next."""
    return _functions[type(h)].carried(h)


def blend(z: Array, one: Array, zero: Array) -> Array:
    """z∘one + (1-z)∘zero: `one` where z is 1, `zero` where z is 0."""
    return _functions[type(z)].blend(z, one, zero)


# -- those of plain arrays -------------------------------------------------------------------------


def _sigmoid(a: NDArray) -> NDArray:
    return through_wide(_logistic, a)


def _tanh(a: NDArray) -> NDArray:
    return through_wide(np.tanh, a)


def _logistic(a: NDArray) -> NDArray:
    # Of complex numbers too, for complex-step differentiation.
    negative = np.real(a) < 0
    e = np.exp(np.where(negative, a, -a))
    return np.asarray(np.where(negative, e, 1) / (1 + e))


def _diagonal(v: NDArray) -> NDArray:
    matrix = np.zeros((*v.shape, v.shape[-1]), dtype=v.dtype).view(type(v))
    index = np.arange(v.shape[-1])
    matrix[..., index, index] = v
    return matrix


def _zeros(like: NDArray, shape: tuple[int, ...]) -> NDArray:
    # As a view of the same class, so that a bfloat16 array keeps its own matrix product.
    return np.zeros(shape, like.dtype).view(type(like))


def _placed(like: Array, shape: tuple[int, ...], parts: Sequence[tuple[Any, Array]]) -> Array:
    whole = _functions[type(like)].zeros(like, shape)
    for index, part in parts:
        whole[index] = part
    return whole


def _blend(z: Array, one: Array, zero: Array) -> Array:
    return z * one + (1 - z) * zero


def _unchanged(h: Array) -> Array:
    return h


def added_rows(terms: Sequence[tuple[Array, Array]], on_diagonal: Array | None) -> Array:
    """D(on_diagonal) + Σ_k D(d_k) W_k, term by term."""
    total = sum(d[..., :, None] * W for d, W in terms)
    if on_diagonal is None:
        return total
    return diagonal(on_diagonal) + total


def through_wide(f: Callable[[NDArray], NDArray], a: NDArray) -> NDArray:
    """What a function of arrays makes of one, in its format."""
    # Half formats go through float32, as PyTorch's do: their native library functions can miss by
    # many ulp.
    return np.asanyarray(f(a) if a.dtype.itemsize > 2 else f(a.astype(np.float32)).astype(a.dtype))


class _BFloat16Array(np.ndarray[Any, np.dtype[Any]]):
    """bfloat16 whose matrix products are bfloat16 again: ml_dtypes leaves them in float32."""

    def __matmul__(self, other: Array) -> Array:
        return np.matmul(self, other).astype(self.dtype)


def floating(a: NDArray) -> NDArray:
    """`a` as a number of the floating arithmetic: every operation of the formulas stays in a's
    format.
    """
    if _is_bfloat16(a.dtype):
        return a.view(_BFloat16Array)
    return a


# By its name, for its type need not be loaded; which NumPy spells out anew each time.
@cache
def _is_bfloat16(dtype: np.dtype[Any]) -> bool:
    return dtype.name == "bfloat16"
