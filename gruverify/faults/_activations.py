"""Faults of σ and tanh in one place of the step: where they are steep, where they saturate, where
they overflow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gruverify.arithmetic import Array, sigmoid, tanh
from gruverify.backends import Backend
from gruverify.faults._fault import fault
from gruverify.faults._stepping import stepping


def _gates(f: Callable[[Array], Array]) -> Backend:
    """Both gates by `f`."""
    return stepping(σ_r=f, σ_z=f)


@fault("forward", "σ(a) = clip(0.2a + 1/2, 0, 1)", touches="FWD")
def hard_sigmoid_of_the_other_slope() -> Backend:
    """The hard sigmoid of old Keras."""
    # A constant of the array's own type: next to a Python float, NumPy turns bfloat16 into
    # float32.
    return _gates(lambda a: np.clip(a / 5 + a.dtype.type(0.5), 0, 1))


@fault("forward", "r = σ(σ(a_r))", touches="FWD")
def sigmoid_applied_twice() -> Backend:
    """Logits taken for what is squashed already."""
    return stepping(σ_r=lambda a: sigmoid(sigmoid(a)))


@fault("forward", "σ(a) = (1 + tanh a)/2", touches="FWD")
def sigmoid_by_tanh_of_the_whole() -> Backend:
    """σ through tanh, without halving its argument."""
    return _gates(lambda a: (1 + tanh(a)) / 2)


@fault("forward", "c = σ(a_c)", touches="FWD")
def candidate_by_sigmoid() -> Backend:
    """The gates' activation for the candidate too."""
    return stepping(tanh=sigmoid)


@fault("forward", "c = max(0, a_c)", touches="FWD")
def candidate_by_relu() -> Backend:
    """Another activation, as Keras's GRU allows but cuDNN does not."""
    return stepping(tanh=lambda a: a * (a > 0))


@fault("forward", "c = a/(1 + |a|)", touches="FWD")
def candidate_by_softsign() -> Backend:
    """A cheap function of the same shape."""
    return stepping(tanh=lambda a: a / (1 + np.abs(a)))


@fault("forward", "tanh a = a(27 + a²)/(27 + 9a²), clipped", touches="FWD")
def tanh_by_a_rational_function() -> Backend:
    """An approximation for audio that is wrong by 2 % at worst."""
    return stepping(tanh=lambda a: np.clip(a * (27 + a * a) / (27 + 9 * a * a), -1, 1))


@fault("saturated", "σ(a) = eᵃ/(1 + eᵃ)", touches="FWD NAN", thread="clab/dynet#1525")
def sigmoid_that_overflows() -> Backend:
    """∞/∞ where the gate is open."""
    # From a = 88.73 on in float32; below that it is as good as any other form.
    return _gates(lambda a: np.exp(a) / (1 + np.exp(a)))


@fault("saturated", "tanh a = -1 for a > 8", touches="FWD", thread="FluxML/NNlib.jl#407")
def tanh_of_the_wrong_sign_where_it_saturates() -> Backend:
    """A clamp that takes its sign from the wrong place."""
    # Only where tanh is within 2.3e-7 of 1: no case with gates of ordinary size gets there.
    return stepping(tanh=lambda a: np.where(a > 8, a.dtype.type(-1), tanh(a)))


@fault("saturated", "σ(a) = 1/2 for a > 20", touches="FWD", thread="NervanaSystems/ngraph#3118")
def sigmoid_with_its_bounds_swapped() -> Backend:
    """A vectorised clamp with minimum and maximum exchanged."""
    return _gates(lambda a: np.where(a > 20, a.dtype.type(0.5), sigmoid(a)))


@fault("saturated", "σ(a) = 0 for a < -5, 1 for a > 5", touches="FWD")
def sigmoid_saturating_early() -> Backend:
    """A table that ends at ±5."""
    return _gates(
        lambda a: np.where(a < -5, a.dtype.type(0), np.where(a > 5, a.dtype.type(1), sigmoid(a)))
    )


@fault("saturated", "σ(clip(a, -8, 8))", touches="FWD")
def pre_activations_of_gates_clipped() -> Backend:
    """A guard against overflow that does not let a gate close."""
    return _gates(lambda a: sigmoid(np.clip(a, -8, 8)))


@fault("saturated", "z = clip(σ(a_z), 2⁻¹⁰, 1 - 2⁻¹⁰)", touches="FWD")
def gate_never_quite_open_or_shut() -> Backend:
    """A gate kept away from 0 and 1, as for a logarithm."""
    return stepping(
        σ_z=lambda a: np.clip(sigmoid(a), a.dtype.type(2.0**-10), a.dtype.type(1 - 2.0**-10))
    )


@fault("saturated", "z = 0 for z < u", touches="FWD")
def small_gates_flushed_to_zero() -> Backend:
    """A gate that a format can still hold is cut off where 1-z rounds to 1."""
    return stepping(σ_z=lambda a: _flushed(sigmoid(a)))


def _flushed(z: Array) -> Array:
    # u of float32 in every format: float16 holds nothing below it but 0, the others do.
    return np.where(z < np.finfo(np.float32).eps / 2, z.dtype.type(0), z)


@fault("saturated", "tanh a = a for |a| < 2⁻³", touches="FWD")
def tanh_linear_too_far_from_zero() -> Backend:
    """The first term of the series used where the second is not small."""
    return stepping(tanh=lambda a: np.where(np.abs(a) < 0.125, a, tanh(a)))


@fault(
    "saturated",
    "tanh of all units but the last by exponentials",
    touches="FWD NAN",
    thread="ooples/AiDotNet.Tensors#594",
)
def tanh_by_exponentials_in_full_lanes() -> Backend:
    """The vector lanes overflow, the scalar tail does not."""

    def lanes(a: Array) -> Array:
        # Lanes of two: with an even number of units there is no tail, and every unit overflows.
        tail = np.arange(a.shape[-1]) >= a.shape[-1] // 2 * 2
        e = np.exp(2 * a)
        return np.where(tail, tanh(a), (e - 1) / (e + 1))

    return stepping(tanh=lanes)


@fault("forward", "e = 2^(1.4427 a)", touches="FWD")
def exponential_with_a_short_constant() -> Backend:
    """log₂e to five digits."""
    # log₂e = 1.442695…: the exponent is off by 3.4e-6 of itself, and more so the larger |a| is.
    return _gates(lambda a: 1 / (1 + np.exp2(a * a.dtype.type(-1.4427))))
