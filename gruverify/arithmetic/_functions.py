"""The few functions that the formulas need beside `+ - * @`, for every arithmetic.

An arithmetic is an array type. One that is not plain NumPy brings `sigmoid`, `tanh`, `diag_embed`
and (if rounding matters to it) `blend` and `placed` as methods, as torch tensors do; plain NumPy
arrays are served here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic._arrays import NDArray

#: A NumPy array, a torch tensor, a Ball, an array of SymPy expressions or of Arb balls, or a Dual
#: of any of them.
Array: TypeAlias = Any


def sigmoid(a: Array) -> Array:
    """The logistic function 1/(1+e^-a), elementwise and without overflow."""
    if hasattr(a, "sigmoid"):
        return a.sigmoid()
    return through_wide(_sigmoid, a)


def tanh(a: Array) -> Array:
    """The hyperbolic tangent, elementwise."""
    if hasattr(a, "tanh"):
        return a.tanh()
    return through_wide(np.tanh, a)


def diagonal(v: Array) -> Array:
    """D(v): (..., H) -> (..., H, H) with v on the diagonal."""
    if hasattr(v, "diag_embed"):
        return v.diag_embed()
    matrix = np.zeros((*v.shape, v.shape[-1]), dtype=v.dtype).view(type(v))
    index = np.arange(v.shape[-1])
    matrix[..., index, index] = v
    return matrix


def combined_rows(*terms: tuple[Array, Array], on_diagonal: Array | None = None) -> Array:
    """D(on_diagonal) + Σ_k D(d_k) W_k for pairs d_k (..., n) and W_k (n, m) or (..., n, m): (...,
    n, m).

    With all W_k known exactly this is the one sum that a Jacobian consists of, which ball
    arithmetic does at a stroke.
    """
    # Balls alone have it, and only of weights without a radius: others take the plain sum.
    if all(getattr(W, "exactly", False) for _, W in terms):
        return terms[0][0].combined_rows(terms, on_diagonal)
    total = sum(d[..., :, None] * W for d, W in terms)
    if on_diagonal is None:
        return total
    return diagonal(on_diagonal) + total


def placed(like: Array, shape: tuple[int, ...], *parts: tuple[Any, Array]) -> Array:
    """Zeros of that shape in the arithmetic of `like`, with each part put at its index."""
    if hasattr(like, "placed"):
        return like.placed(shape, parts)
    if hasattr(like, "new_zeros"):
        whole = like.new_zeros(shape)
    else:
        # As a view of the same class, so that a bfloat16 array keeps its own matrix product.
        whole = np.zeros(shape, like.dtype).view(type(like))
    for index, part in parts:
        whole[index] = part
    return whole


def carried(h: Array) -> Array:
    """What an implementation goes on with of a state or cotangent from one step to the next."""
    return h.carried() if hasattr(h, "carried") else h


def blend(z: Array, one: Array, zero: Array) -> Array:
    """z∘one + (1-z)∘zero: `one` where z is 1, `zero` where z is 0."""
    if hasattr(z, "blend"):
        return z.blend(one, zero)
    return z * one + (1 - z) * zero


def _sigmoid(a: NDArray) -> NDArray:
    # Of complex numbers too, for complex-step differentiation.
    negative = np.real(a) < 0
    e = np.exp(np.where(negative, a, -a))
    return np.asarray(np.where(negative, e, 1) / (1 + e))


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
    if a.dtype.name == "bfloat16":
        return a.view(_BFloat16Array)
    return a
