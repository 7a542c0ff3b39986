"""Faults of a hand-written backward pass: a slope, a factor or a path of the pullback is
another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Array
from gruverify.backends import Backend
from gruverify.cell import Parameters, Variant
from gruverify.faults._fault import fault
from gruverify.faults._faulty import AFTER
from gruverify.faults._pulling import Pulling, pulling
from gruverify.formulas import (
    Activations,
    Pullback,
    candidate_slope,
    pullback,
    reset_slope,
    update_slope,
)

# -- slopes ----------------------------------------------------------------------------------------


@fault("gradient", "∂c/∂a_c = 1", touches="dθ dx dh0")
def slope_of_tanh_left_out() -> Backend:
    """The candidate's cotangent is not multiplied by 1-c²."""
    return pulling(candidate=lambda a: a.take)


@fault("gradient", "∂c/∂a_c = 1 - c", touches="dθ dx dh0")
def slope_of_tanh_not_squared() -> Backend:
    """1-c in the place of 1-c²."""
    return pulling(candidate=lambda a: a.take * (1 - a.c))


@fault("gradient", "∂c/∂a_c = c(1-c)", touches="dθ dx dh0")
def slope_of_sigmoid_for_tanh() -> Backend:
    """The gates' slope for the candidate too."""
    return pulling(candidate=lambda a: a.take * a.c * (1 - a.c))


@fault("gradient", "∂c/∂a_c = 1 - a_c²", touches="dθ dx dh0")
def slope_of_tanh_at_the_pre_activation() -> Backend:
    """The slope computed from what went into tanh, not from what came out."""

    def slope(a: Activations) -> Array:
        # Back from the value, for a kernel that kept c alone; clipped, as artanh(±1) is infinite.
        inside = np.arctanh(
            np.clip(np.asarray(a.c, np.float64), -1 + 2.0**-50, 1 - 2.0**-50)
        ).astype(a.c.dtype)
        return a.take * (1 - inside * inside)

    return pulling(candidate=slope)


@fault("gradient", "∂h/∂a_c = 1 - c²", touches="dθ dx dh0")
def candidate_slope_without_the_update_gate() -> Backend:
    """The candidate's cotangent is not multiplied by its share."""
    return pulling(candidate=lambda a: 1 - a.c * a.c)


@fault("gradient", "∂h/∂a_c = keep (1-c²)", touches="dθ dx dh0")
def candidate_slope_with_the_other_share() -> Backend:
    """Z for 1-z in the backward pass alone."""
    return pulling(candidate=lambda a: a.keep * (1 - a.c * a.c))


@fault("gradient", "∂h/∂a_z = (c-h') z(1-z)", touches="dθ dx dh0")
def update_slope_negated() -> Backend:
    """The sign of the update gate's slope, of the other convention."""
    return pulling(update=lambda v, a: -update_slope(v, a))


@fault("gradient", "∂h/∂a_z = ±(h'-c) z", touches="dθ dx dh0")
def update_slope_without_its_complement() -> Backend:
    """σ' = σ."""
    return pulling(update=lambda v, a: (a.h - a.c if v.update == "keep" else a.c - a.h) * a.z)


@fault("gradient", "∂h/∂a_z = ±h' z(1-z)", touches="dθ dx dh0")
def update_slope_without_the_candidate() -> Backend:
    """Only one of the two terms with z is differentiated."""
    return pulling(update=lambda v, a: (a.h if v.update == "keep" else -a.h) * a.z * (1 - a.z))


@fault("gradient", "∂h/∂a_r = 0", touches="dθ dx dh0")
def gradient_through_the_reset_gate_dropped() -> Backend:
    """The reset gate is a constant of the backward pass."""
    return pulling(reset=lambda a: 0 * a.r)


@fault("gradient", "∂(r∘q)/∂a_r = h' r(1-r)", touches="dθ dx dh0")
def reset_slope_of_the_state() -> Backend:
    """H' for W_hc h' + b_hc: the slope of the other convention."""
    return pulling(reset=lambda a: a.h * a.r * (1 - a.r), variants=AFTER)


@fault("gradient", "∂(r∘q)/∂a_r = q r", touches="dθ dx dh0")
def reset_slope_without_its_complement() -> Backend:
    """σ' = σ."""
    return pulling(reset=lambda a: a.q * a.r)


@fault("gradient", "∂σ/∂a = s(1-s) with s = σ(r)", touches="dθ dx dh0")
def reset_slope_of_the_activated_gate() -> Backend:
    """σ applied once more before its slope is taken."""

    def slope(a: Activations) -> Array:
        s = 1 / (1 + np.exp(-a.r))
        return a.q * s * (1 - s)

    return pulling(reset=slope)


# -- paths to the state ----------------------------------------------------------------------------


@fault("gradient", "g∘take + … for g∘keep + …", touches="dh0 dθ dx", thread="ooples/AiDotNet#722")
def direct_path_by_the_other_share() -> Backend:
    """1-z for z on the path that the state takes directly."""
    return pulling(direct=lambda a: a.take)


@fault("gradient", "dL/dh' without g∘keep", touches="dh0 dθ dx")
def direct_path_left_out() -> Backend:
    """Only what goes through the gates comes back."""
    return pulling(direct=lambda a: 0 * a.keep)


@fault("gradient", "dL/dh' = g∘keep", touches="dh0 dθ dx")
def recurrent_paths_left_out() -> Backend:
    """Only what is kept comes back: no gradient through the recurrent products."""
    # With reset before the product α_r comes by the same path, and would be 0 as well.
    return pulling(through=lambda α, W: 0 * (α @ W), variants=AFTER)


@fault("gradient", "α W_hᵀ for α W_h", touches="dh0 dθ dx")
def recurrent_weights_not_transposed_backwards() -> Backend:
    """The backward product with the matrix of the forward one."""
    return pulling(through=lambda α, W: α @ W.T)


@fault(
    "gradient", "α_i Σ_j W_ji for Σ_j α_j W_ji", touches="dh0 dθ dx", thread="ooples/AiDotNet#722"
)
def own_cotangent_for_every_unit() -> Backend:
    """A kernel in which each unit sums over its own cotangent."""
    return pulling(through=lambda α, W: α * W.sum(0))


def _after_all(
    f: Callable[[Parameters, Activations, Array, Pullback], Pullback],
    variants: Sequence[Variant] = AFTER,
) -> Backend:
    """`f` makes another pullback of the parameters, the activations, the cotangent and the right
    one.
    """

    def pull(v: Variant, p: Parameters, a: Activations, g: Array) -> Pullback:
        return f(p, a, g, pullback(v, p, a, g))

    return Pulling(pull, variants=variants)


@fault("gradient", "dL/dh' without α_z W_hz", touches="dh0 dθ dx")
def update_path_to_the_state_left_out() -> Backend:
    """The state does not get what comes through its update gate."""

    def pull(v: Variant, p: Parameters, a: Activations, g: Array) -> Pullback:
        right = pullback(v, p, a, g)
        return replace(right, h=right.h - (g * update_slope(v, a)) @ p.W_hz)

    return Pulling(pull)


@fault("gradient", "dL/dx without α_r W_xr", touches="dx")
def reset_path_to_the_input_left_out() -> Backend:
    """The input does not get what comes through the reset gate."""

    def without(p: Parameters, a: Activations, g: Array, right: Pullback) -> Pullback:
        return replace(right, x=right.x - (g * candidate_slope(a) * reset_slope(a)) @ p.W_xr)

    return _after_all(without)


# -- parameters ------------------------------------------------------------------------------------


@fault("gradient", "dL/dW_hc = α_c h'ᵀ for (r∘α_c) h'ᵀ", touches="dθ")
def recurrent_candidate_gradient_without_reset() -> Backend:
    """What is reset is not reset in the gradient of its weights."""

    def without(p: Parameters, a: Activations, g: Array, right: Pullback) -> Pullback:
        return replace(
            right, parameters=replace(right.parameters, W_hc=(g * candidate_slope(a)).T @ a.h)
        )

    return _after_all(without)


@fault("gradient", "dL/dW_h = α h_tᵀ for α h_{t-1}ᵀ", touches="dθ")
def recurrent_gradient_with_the_next_state() -> Backend:
    """The state after the step where the one before it belongs."""

    def next_state(p: Parameters, a: Activations, g: Array, right: Pullback) -> Pullback:
        after = a.keep * a.h + a.take * a.c
        wrong = pullback(Variant(), p, replace(a, h=after), g).parameters
        return replace(
            right, parameters=replace(right.parameters, W_hr=wrong.W_hr, W_hz=wrong.W_hz)
        )

    return _after_all(next_state, [v for v in AFTER if v.update == "keep"])


@fault("gradient", "dL/db = mean over the batch", touches="dθ")
def gradients_averaged_over_the_batch() -> Backend:
    """A mean where the loss is a sum."""
    # Right for a batch of one: only more members show it.
    return pulling(over_batch=lambda α, a: α.T @ a / len(a))


@fault("gradient", "dL/dθ of the last member", touches="dθ")
def gradients_of_the_last_member() -> Backend:
    """The batch overwrites instead of adding up."""
    return pulling(over_batch=lambda α, a: α[-1:].T @ a[-1:])


@fault("gradient", "dL/db_x = 2 dL/db_x", touches="dθ")
def gradient_of_merged_biases_counted_twice() -> Backend:
    """Each bias gets the gradient of both."""

    def doubled(p: Parameters, a: Activations, g: Array, right: Pullback) -> Pullback:
        both = {n: 2 * getattr(right.parameters, n) for n in ("b_xr", "b_xz", "b_hr", "b_hz")}
        return replace(right, parameters=replace(right.parameters, **both))

    return _after_all(doubled, [v for v in AFTER if v.bias])


@fault("gradient", "dL/dW_xr ↔ dL/dW_xz", touches="dθ")
def gradients_of_the_gates_swapped() -> Backend:
    """Values in one gate order, gradients in another."""

    def swapped(p: Parameters, a: Activations, g: Array, right: Pullback) -> Pullback:
        θ = right.parameters
        return replace(right, parameters=replace(θ, W_xr=θ.W_xz, W_xz=θ.W_xr))

    return _after_all(swapped)


@fault("gradient", "clip(g, -1, 1)", touches="dθ dx dh0")
def cotangents_clipped() -> Backend:
    """Gradients clipped inside the cell, where nobody asked for it."""
    return Pulling(lambda v, p, a, g: pullback(v, p, a, np.clip(g, -1, 1).view(type(g))))


@fault("saturated", "dL/dθ = 0 where |dL/dθ| < u in float32", touches="dθ")
def small_gradients_flushed_to_zero() -> Backend:
    """A derivative that the format can hold is cut off: the gradient of a shut gate vanishes too
    early.
    """

    def flushed(p: Parameters, a: Activations, g: Array, right: Pullback) -> Pullback:
        z = right.parameters.W_hz
        # 2⁻²⁴ is u of float32, far above its smallest number: a gradient in O(z) is lost from
        # about a_z = -17 on.
        kept = np.where(np.abs(z) < 2.0**-24, 0 * z, z)
        return replace(right, parameters=replace(right.parameters, W_hz=kept))

    return _after_all(flushed)
