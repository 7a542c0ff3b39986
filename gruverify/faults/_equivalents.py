"""Right GRUs that are written otherwise: an invariant that does not let them pass claims more than
is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Array, Format, NDArray, bfloat16, float16, float32, sigmoid, tanh
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import LAYOUTS, VARIANTS, Cell, Gradients, Parameters, Variant
from gruverify.faults._fault import RIGHT, Kind, fault
from gruverify.faults._faulty import BIASED, Faulty, changed, gates, with_gates
from gruverify.faults._pulling import chaining, pulling
from gruverify.faults._stepping import Lines, Stepping, candidate, stepping


def equivalent(
    kind: Kind, mathematics: str
) -> Callable[[Callable[[], Backend]], Callable[[], Backend]]:
    """Put the decorated builder of a right backend next to the bank."""
    return fault(kind, mathematics, touches="", into=RIGHT)


# -- σ and tanh ------------------------------------------------------------------------------------


@equivalent("forward", "tanh a = 2σ(2a) - 1")
def tanh_by_sigmoid() -> Backend:
    """One function for both activations, and so accurate to 1, not to the value: as it declares."""
    made = stepping(tanh=lambda a: 2 * sigmoid(2 * a) - 1)
    made.tanh = "absolute"
    return made


@equivalent("forward", "σ(a) = 1/(1 + e⁻ᵃ)")
def sigmoid_as_it_is_written() -> Backend:
    """No care for overflow: the gate is 0 where the exponential is infinite."""
    return stepping(σ_r=_plainly, σ_z=_plainly)


def _plainly(a: Array) -> Array:
    # In a half format itself the exponential would round to 8 or 11 bits before σ does.
    if a.dtype.itemsize == 2:
        wide = a.astype(np.float32)
    else:
        wide = a
    return (1 / (1 + np.exp(-wide))).astype(a.dtype)


@equivalent("forward", "σ(a) = (1 + tanh(a/2))/2 for a > 0, eᵃ/(1 + eᵃ) elsewhere")
def sigmoid_by_tanh_where_it_is_large() -> Backend:
    """Two forms of σ, each where it is accurate."""

    def either(a: Array) -> Array:
        if a.dtype.itemsize == 2:
            wide = a.astype(np.float32)
        else:
            wide = a
        e = np.exp(np.minimum(wide, 0))
        return np.where(wide > 0, (1 + np.tanh(wide / 2)) / 2, e / (1 + e)).astype(a.dtype)

    return stepping(σ_r=either, σ_z=either)


@equivalent("forward", "1 - z = σ(-a_z)")
def complement_by_sigmoid() -> Backend:
    """The candidate's share from the pre-activation, not from z."""
    right = Lines()

    def step(v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        a_z = right.update(p, x, h)
        c = tanh(candidate(v, p, x, h, sigmoid(right.reset(p, x, h))))
        if v.update == "keep":
            one, zero = h, c
        else:
            one, zero = c, h
        return sigmoid(a_z) * one + sigmoid(-a_z) * zero

    found = Stepping(step)
    # 1 - z is more accurate so where z is near 1: a form that a backend declares.
    found.blend = "A+B+D"
    return found


# -- the blend -------------------------------------------------------------------------------------


def _ends(v: Variant, h: Array, c: Array) -> tuple[Array, Array]:
    if v.update == "keep":
        return h, c
    return c, h


@equivalent("forward", "h = zero + z∘(one - zero)")
def interpolation_from_zero() -> Backend:
    """One product fewer, as fused cells have it."""

    def lerp(v: Variant, z: Array, h: Array, c: Array) -> Array:
        one, zero = _ends(v, h, c)
        return zero + z * (one - zero)

    return stepping(blend=lerp)


@equivalent("forward", "h = one + (1-z)∘(zero - one)")
def interpolation_from_one() -> Backend:
    """The same from the other end, where small gates are lost: as it declares."""

    def lerp(v: Variant, z: Array, h: Array, c: Array) -> Array:
        one, zero = _ends(v, h, c)
        return one + (1 - z) * (zero - one)

    made = stepping(blend=lerp)
    made.blend = "A+B+C"
    return made


# -- biases and layouts ----------------------------------------------------------------------------


@equivalent("forward", "b_x := b_x + b_h, b_h := 0, but for b_hc after the product")
def biases_merged_where_that_is_legal() -> Backend:
    """One bias for the gates; for the candidate too where the reset comes before the product."""

    def merged(cell: Cell) -> Cell:
        b = dict(zip("rzc", gates(cell.bias_hh), strict=True))
        if cell.variant.reset == "before":
            kept = {}
        else:
            kept = {"c": b["c"]}
        moved = {gate: block for gate, block in b.items() if gate not in kept}
        zeros = {gate: np.zeros_like(block) for gate, block in moved.items()}
        sums = {
            gate: gates(cell.bias_ih)["rzc".index(gate)] + block for gate, block in moved.items()
        }
        return changed(
            cell, bias_ih=lambda a: with_gates(a, **sums), bias_hh=lambda a: with_gates(a, **zeros)
        )

    return Faulty(cell=merged, variants=BIASED)


@equivalent("forward", "(r, z, c) → (z, r, c) → (r, z, c)")
def gates_in_the_order_of_keras() -> Backend:
    """Through Keras's layout and back: another order, declared."""
    keras = LAYOUTS["keras"]

    def there_and_back(cell: Cell) -> Cell:
        return keras.cell(keras.parameters(cell), cell.variant)

    # What Keras can hold without folding biases, which would round.
    both = [v for v in VARIANTS if v.update == "keep" and (v.reset == "after" or not v.bias)]
    return Faulty(cell=there_and_back, variants=both)


# -- sums ------------------------------------------------------------------------------------------


def _through(
    f: Callable[[Lines, Variant, Parameters, Array, Array], Array], **options: Any
) -> Stepping:
    return Stepping(partial(f, Lines()), **options)


def _columns_reversed(W: Array) -> Array:
    if isinstance(W, np.ndarray) and W.ndim == 2:
        return W[:, ::-1]
    return W


@equivalent("forward", "Σ_j from the last to the first")
def sums_in_reverse() -> Backend:
    """Products over columns in reverse order."""

    def step(right: Lines, v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        # Inputs and units are all in reverse, and with them rows and columns of every block: each
        # unit adds up the same terms, the last one first.
        order = np.arange(h.shape[1])[::-1]
        blocks = dict[str, Array]()
        for entry in fields(p):
            block = _columns_reversed(getattr(p, entry.name))
            blocks[entry.name] = block[order] if isinstance(block, np.ndarray) else block
        return right(v, Parameters(**blocks), x[:, ::-1], h[:, ::-1])[:, ::-1]

    return _through(step)


@equivalent("forward", "W_x x + W_h h' = (W_x W_h)(x; h')")
def one_product_for_inputs_and_state() -> Backend:
    """Inputs and state side by side."""

    def joined(p_x: Array, p_h: Array, x: Array, h: Array) -> Array:
        return (
            np.concatenate([x, h], 1).view(type(x)) @ np.concatenate([p_x, p_h], 1).view(type(x)).T
        )

    return stepping(
        reset=lambda p, x, h: joined(p.W_xr, p.W_hr, x, h) + (p.b_xr + p.b_hr),
        update=lambda p, x, h: joined(p.W_xz, p.W_hz, x, h) + (p.b_xz + p.b_hz),
    )


@equivalent("forward", "a = (b_x + b_h) + W_h h' + W_x x")
def biases_added_first() -> Backend:
    """Sums that start from the biases."""
    return stepping(
        reset=lambda p, x, h: (p.b_xr + p.b_hr) + h @ p.W_hr.T + x @ p.W_xr.T,
        update=lambda p, x, h: (p.b_xz + p.b_hz) + h @ p.W_hz.T + x @ p.W_xz.T,
    )


@equivalent("forward", "Σ_j W_ij x_j term by term")
def products_without_matmul() -> Backend:
    """Loops in the place of matrix products, each partial sum rounded."""

    def times(W: Array, x: Array) -> Array:
        terms = [x[:, j : j + 1] * W[:, j] for j in range(W.shape[1])]
        return sum(terms[1:], terms[0])

    def looped(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
        if v.reset == "after":
            return times(p.W_xc, x) + p.b_xc + r * (times(p.W_hc, h) + p.b_hc)
        return times(p.W_xc, x) + p.b_xc + times(p.W_hc, r * h) + p.b_hc

    backend = stepping(candidate=looped)
    # NumPy's own products of halves add up in float32.
    backend.accumulates = {"float16": "float16", "bfloat16": "bfloat16"}
    return backend


def _wider(dtype: npt.DTypeLike, formats: tuple[Format, ...]) -> Stepping:
    def step(right: Lines, v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        blocks = {e.name: np.asarray(getattr(p, e.name)).astype(dtype) for e in fields(p)}
        wide = (np.asarray(a).astype(dtype) for a in (x, h))
        return right(v, Parameters(**blocks), *wide).astype(x.dtype)

    return _through(step, formats=formats)


@equivalent("forward", "everything in 24 bits, rounded once")
def half_formats_in_single_precision() -> Backend:
    """float16 and bfloat16 cells computed in float32, as accelerators do."""
    return _wider(np.float32, (float16, bfloat16))


@equivalent("forward", "everything in 53 bits, rounded once")
def computed_in_double_precision() -> Backend:
    """What fused multiply-adds and wide accumulators come to at best."""
    return _wider(np.float64, (float16, bfloat16, float32))


@equivalent("forward", "Σ_j in 24 bits, a rounded to the format")
def single_precision_accumulators() -> Backend:
    """Half formats with float32 accumulators, activations in the format again."""

    def times(W: Array, x: Array) -> Array:
        return x.astype(np.float32) @ np.asarray(W, np.float32).T

    def narrow(a: Array, like: Array) -> Array:
        return a.astype(like.dtype).view(type(like))

    def wide(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
        if v.reset == "after":
            return narrow(times(p.W_xc, x) + p.b_xc, x) + r * narrow(times(p.W_hc, h) + p.b_hc, x)
        return narrow(times(p.W_xc, x) + p.b_xc + times(p.W_hc, r * h) + p.b_hc, x)

    return stepping(
        reset=lambda p, x, h: narrow(times(p.W_xr, x) + times(p.W_hr, h) + p.b_xr + p.b_hr, x),
        update=lambda p, x, h: narrow(times(p.W_xz, x) + times(p.W_hz, h) + p.b_xz + p.b_hz, x),
        candidate=wide,
        formats=(float16, bfloat16),
    )


@equivalent("forward", "rows of the batch one by one")
def members_one_by_one() -> Backend:
    """Batches split into members: other kernels, other last bits."""

    def step(right: Lines, v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        # A batch of one takes BLAS' matrix-vector path, which sums in another order.
        rows = [right(v, p, x[b : b + 1], h[b : b + 1]) for b in range(len(h))]
        return np.concatenate(rows)

    return _through(step)


# -- gradients -------------------------------------------------------------------------------------


@equivalent("gradient", "Σ_k from k = 1 to T")
def terms_added_from_the_first() -> Backend:
    """The sum over the steps in the other order."""
    return chaining(summed=lambda terms: sum(reversed(terms[:-1]), terms[-1]))


@equivalent("gradient", "Σ_b in 53 bits")
def batch_summed_in_double_precision() -> Backend:
    """Sums over the batch in a wider accumulator."""

    def wide(α: Array, a: Array) -> Array:
        return (α.astype(np.float64).T @ a.astype(np.float64)).astype(α.dtype).view(type(α))

    return pulling(over_batch=wide)


@equivalent("gradient", "gᵀ∂h/∂h' = Σ_i g_i J_ij")
def pullback_by_the_jacobian() -> Backend:
    """The cotangent of the state through the whole Jacobian."""
    right = NumpyBackend()

    def by_jacobian(
        g: Gradients, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray
    ) -> Gradients:
        dh, _ = right.step_jacobian(cell, x, h)
        # J is rounded to the format already; that error is what the bound must allow.
        product = np.einsum("bi,bij->bj", cotangent.astype(np.float64), dh.astype(np.float64))
        return Gradients(
            g.weight_ih, g.weight_hh, g.bias_ih, g.bias_hh, g.inputs, product.astype(h.dtype)
        )

    return Faulty(step_vjp=by_jacobian)


@equivalent("gradient", "1 - c² = (1-c)(1+c)")
def slope_of_tanh_by_factors() -> Backend:
    """No cancellation where the candidate saturates."""
    # 1 - c is exact for c in [1/2, 1] (Sterbenz); 1 - c² has first rounded c².
    return pulling(candidate=lambda a: a.take * ((1 - a.c) * (1 + a.c)))
