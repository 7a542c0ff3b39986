"""Faults of precision: the right mathematics with fewer bits than the format has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Array, bfloat16, float32, float64, sigmoid, tanh
from gruverify.backends import Backend
from gruverify.cell import Parameters, Variant
from gruverify.faults._fault import fault
from gruverify.faults._stepping import Lines, Stepping, stepping

_WIDE = (float32, float64)


def _through(dtype: npt.DTypeLike) -> Callable[[Array], Array]:
    return lambda a: a.astype(dtype).astype(a.dtype)


_half = _through(np.float16)


def _of_weights(f: Callable[[Array], Array]) -> Stepping:
    right = Lines()

    def step(v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        blocks = {entry.name: getattr(p, entry.name) for entry in fields(p)}
        return right(
            v,
            Parameters(**{n: f(b) if isinstance(b, np.ndarray) else b for n, b in blocks.items()}),
            x,
            h,
        )

    return Stepping(step, formats=_WIDE)


@fault("forward", "r, z rounded to 11 bits", touches="FWD")
def gates_in_half_precision() -> Backend:
    """Gates computed in float16."""
    return stepping(σ_r=lambda a: _half(sigmoid(a)), σ_z=lambda a: _half(sigmoid(a)), formats=_WIDE)


@fault("forward", "c rounded to 11 bits", touches="FWD")
def candidate_in_half_precision() -> Backend:
    """The candidate handed on in float16."""
    return stepping(tanh=lambda a: _half(tanh(a)), formats=_WIDE)


@fault("forward", "W rounded to 8 bits", touches="FWD")
def weights_in_bfloat16() -> Backend:
    """Weights stored in bfloat16."""
    return _of_weights(_through(bfloat16.dtype))


@fault("forward", "W = s·round(127 W/max|W|)/127", touches="FWD")
def weights_quantised() -> Backend:
    """Weights of eight bits with one scale for each block."""

    def quantised(W: Array) -> Array:
        scale = np.abs(W).max(initial=0) / 127
        if scale == 0:
            return W
        return (np.round(W / scale) * scale).astype(W.dtype)

    return _of_weights(quantised)


@fault("forward", "factors rounded to 11 bits, sums in 24", touches="FWD")
def products_in_tf32() -> Backend:
    """Matrix products of a tensor core, with factors of ten bits after the point."""
    right = Lines()

    def cut(a: Array) -> Array:
        # Of the 23 stored bits of a significand 10 are kept: 0x1000 is half of the last one that
        # stays.
        bits = np.ascontiguousarray(a, np.float32).view(np.uint32) + np.uint32(0x1000) & np.uint32(
            0xFFFFE000
        )
        return bits.view(np.float32).astype(a.dtype)

    def step(v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        blocks = {e.name: getattr(p, e.name) for e in fields(p)}
        kept = {n: cut(b) if n.startswith("W") else b for n, b in blocks.items()}
        return right(v, Parameters(**kept), cut(x), h)

    return Stepping(step, formats=_WIDE)


@fault("forward", "float32 for float64", touches="FWD")
def computed_in_single_precision() -> Backend:
    """A float64 cell whose arithmetic is float32."""
    right = Lines()

    def narrow(a: Array) -> Array:
        if isinstance(a, np.ndarray):
            return a.astype(np.float32)
        return a

    def step(v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        blocks = {e.name: narrow(getattr(p, e.name)) for e in fields(p)}
        return right(v, Parameters(**blocks), narrow(x), narrow(h)).astype(np.float64)

    return Stepping(step, formats=(float64,))


@fault("forward", "h(1 - 2⁻¹⁶)", touches="FWD")
def state_decays() -> Backend:
    """A weight decay that reached the state."""
    right = Lines()
    return Stepping(
        lambda v, p, x, h: right(v, p, x, h) * h.dtype.type(1 - 2.0**-16), formats=_WIDE
    )


@fault("saturated", "h = 0 for |h| < 2⁻¹²⁶ in float32", touches="FWD")
def small_numbers_flushed_to_zero() -> Backend:
    """Subnormal states are 0, as on a processor told to be fast."""
    right = Lines()

    def flushed(h: Array) -> Array:
        # 0·h keeps the sign, as hardware that flushes does.
        return np.where(np.abs(h) < np.finfo(h.dtype).tiny, 0 * h, h)

    return Stepping(lambda v, p, x, h: flushed(right(v, p, x, h)), formats=_WIDE)
