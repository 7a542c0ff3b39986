"""Faults that ordinary numbers do not show: small gates, large cotangents, padding of NaN, no
steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify.arithmetic import Array, NDArray, bfloat16, float32, float64, sigmoid, tanh
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import Arrangement, Cell, Stack, StackGradients
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, Pair, altered_stack
from gruverify.faults._pulling import pulling
from gruverify.faults._stacks import lengths_of
from gruverify.faults._stepping import stepping
from gruverify.formulas import candidate_slope, reset_slope, update_slope

NUMPY = NumpyBackend()
_WIDE = (float32, float64)


# -- σ and tanh ------------------------------------------------------------------------------------


def _interpolated(a: Array) -> Array:
    """σ by a table of integers below -10."""
    # Between two integers up to 13 % too large, and yet by less than 4e-6.
    low = np.floor(a)
    part = a - low
    # σ is convex there, so the chord lies above it everywhere.
    return np.where(a < -10, sigmoid(low) * (1 - part) + sigmoid(low + 1) * part, sigmoid(a))


@fault("saturated", "σ(a) linear between integers for a < -10", touches="FWD")
def sigmoid_by_a_table_where_it_is_small() -> Backend:
    """A table is enough where the gate is shut, or so it was thought."""
    return stepping(σ_r=_interpolated, σ_z=_interpolated, formats=_WIDE)


@fault("saturated", "r = 0 for r < 2⁻²⁰", touches="FWD")
def small_reset_gates_flushed_to_zero() -> Backend:
    """What is reset is reset altogether, however large it is."""

    def flushed(a: Array) -> Array:
        r = sigmoid(a)
        return np.where(r < 2.0**-20, 0 * r, r)

    return stepping(σ_r=flushed, formats=_WIDE)


@fault("saturated", "tanh a = 0 for |a| < 2⁻³⁰", touches="FWD")
def tanh_of_small_numbers_flushed_to_zero() -> Backend:
    """The small end of tanh taken for 0."""
    return stepping(tanh=lambda a: np.where(np.abs(a) < 2.0**-30, 0 * a, tanh(a)), formats=_WIDE)


@fault("saturated", "tanh a = ±(1 - 2⁻¹²) for |a| > 4.5", touches="FWD")
def tanh_with_a_flat_tail() -> Backend:
    """A rational function that is held where it begins to turn."""
    return stepping(
        tanh=lambda a: np.where(np.abs(a) > 4.5, np.sign(a) * a.dtype.type(1 - 2.0**-12), tanh(a))
    )


# -- numbers at the ends of a format ---------------------------------------------------------------


@fault("saturated", "x, h', g clipped to ±2¹⁰⁰", touches="FWD dθ dx dh0")
def numbers_clipped_far_out() -> Backend:
    """Inputs, states and cotangents are clipped where nobody is thought to go."""
    return Faulty(given=lambda a: np.clip(a, a.dtype.type(-(2.0**100)), 2.0**100), formats=_WIDE)


@fault("saturated", "nan_to_num(x, h'), but for NaN", touches="NAN FWD")
def infinities_taken_for_the_largest_numbers() -> Backend:
    """An infinity becomes the largest number, and goes on as one."""
    return Faulty(given=lambda a: np.nan_to_num(a, nan=np.nan))


@fault("saturated", "W = 0 for |W| < 2⁻¹²⁶ in float32", touches="FWD dx")
def small_weights_flushed_to_zero() -> Backend:
    """Subnormal weights are 0, as after a load that is told to be fast."""

    def flushed(cell: Cell) -> Cell:
        arrays = cell.packed().values()
        tiny = cell.format.min_normal
        return Cell(cell.variant, *(np.where(np.abs(a) < tiny, 0 * a, a) for a in arrays))

    return Faulty(cell=flushed, formats=_WIDE)


# -- slopes ----------------------------------------------------------------------------------------


def _lost(slope: Array, gate: Array) -> Array:
    return np.where(gate < gate.dtype.type(2.0**-10), 0 * slope, slope)


@fault("saturated", "∂h/∂a_z = 0 for z < 2⁻¹⁰", touches="dθ dx dh0")
def slope_of_a_small_update_gate_lost() -> Backend:
    """A shut update gate learns nothing more."""
    return pulling(update=lambda v, a: _lost(update_slope(v, a), a.z))


@fault("saturated", "∂c/∂a_r = 0 for r < 2⁻¹⁰", touches="dθ dx dh0")
def slope_of_a_small_reset_gate_lost() -> Backend:
    """A shut reset gate learns nothing more."""
    return pulling(reset=lambda a: _lost(reset_slope(a), a.r))


@fault("saturated", "∂c/∂a_c = 0 for 1-|c| < 2⁻⁶", touches="dθ dx dh0")
def slope_of_a_saturated_candidate_lost() -> Backend:
    """A candidate near ±1 learns nothing more."""
    return pulling(
        candidate=lambda a: np.where(np.abs(a.c) > 1 - 2.0**-6, 0 * a.c, candidate_slope(a))
    )


# -- cotangents ------------------------------------------------------------------------------------


def _given_other_cotangents(change: Callable[[NDArray], NDArray]) -> Backend:
    """The gradients of a sequence and of a stack at other cotangents than those given."""

    def changed(cotangent: NDArray | None) -> NDArray | None:
        if cotangent is None:
            return None
        # In float64, so that thresholds and norms mean the same in every format.
        return change(cotangent.astype(np.float64)).astype(cotangent.dtype)

    def at_others(method: str) -> Callable[..., object]:
        # The last two arguments of both methods are the cotangents, of outputs and last states.
        return lambda answer, subject, *rest: getattr(NUMPY, method)(
            subject, *rest[:-2], *map(changed, rest[-2:])
        )

    return Faulty(
        # float16 ends at 65504 above and at 2⁻²⁴ below: two of these faults would be none there.
        formats=(bfloat16, float32, float64),
        sequence_vjp=at_others("sequence_vjp"),
        stack_vjp=at_others("stack_vjp"),
    )


@fault("gradient", "g = clip(g, -1000, 1000)", touches="dθ dx dh0")
def cotangents_clamped_at_a_thousand() -> Backend:
    """A clamp of the gradient that was left inside."""
    return _given_other_cotangents(lambda g: np.clip(g, -1000, 1000))


@fault("gradient", "g = clip(g, -65504, 65504)", touches="dθ dx dh0")
def cotangents_clamped_at_the_end_of_half_precision() -> Backend:
    """A guard against overflow in float16, in every format."""
    return _given_other_cotangents(lambda g: np.clip(g, -65504, 65504))


@fault("gradient", "g·min(1, 10⁴/‖g‖)", touches="dθ dx dh0")
def cotangents_clipped_by_their_norm() -> Backend:
    """Clipping by norm that was left inside."""
    return _given_other_cotangents(lambda g: g * min(1.0, 1e4 / max(float(np.linalg.norm(g)), 1.0)))


@fault("gradient", "g = 0 for |g| < 2⁻³⁰", touches="dθ dx dh0")
def small_cotangents_flushed_to_zero() -> Backend:
    """What float16 would not hold is dropped, in every format."""
    return _given_other_cotangents(lambda g: np.where(np.abs(g) < 2.0**-30, 0, g))


@fault("gradient", "g = 0 where it is not a number", touches="NAN dθ dx dh0")
def cotangents_that_are_no_numbers_taken_for_zero() -> Backend:
    """A loss that is NaN leaves no trace."""
    return _given_other_cotangents(np.nan_to_num)


# -- padding ---------------------------------------------------------------------------------------


def _leak(
    steps: NDArray, stack: Stack, inputs: NDArray, lengths: NDArray | None, batch_first: bool
) -> NDArray:
    """0 times all that stands behind each member's last step: NaN where that is not a number, (B,
    1).
    """
    arranged = Arrangement.of_call(inputs, batch_first)
    n, _ = lengths_of(stack, inputs, lengths, batch_first)
    xs = arranged.steps_of(steps)
    behind = np.arange(len(xs))[:, None, None] >= np.asarray(n)[:, None]
    zero = xs.dtype.type(0)
    # 0 for finite padding, NaN for NaN or ∞: only a case that pads with those can tell.
    leak: NDArray = (np.where(behind, xs, zero) * zero).sum((0, 2))[:, None]
    return leak


@fault("stack", "h_n + 0·x_t for t > n", touches="PAD NAN")
def padding_multiplied_by_zero() -> Backend:
    """Masks are factors: what is not a number after a member's last step goes on into its last
    state.
    """

    def masked(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        arranged = Arrangement.of_call(inputs, batch_first)
        last = arranged.states_of(answer[1]) + _leak(inputs, stack, inputs, lengths, batch_first)
        return answer[0], arranged.states(last.astype(inputs.dtype))

    return Faulty(stack=masked)


@fault("stack", "dL/dθ + 0·dL/dh_t for t > n", touches="PAD NAN dθ")
def cotangents_of_padding_multiplied_by_zero() -> Backend:
    """Masks are factors of the cotangents: what is not a number after a member's last step reaches
    every gradient.
    """

    def masked(
        g: StackGradients,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        first: bool,
        *rest: Any,
    ) -> StackGradients:
        if rest[0] is None:
            return g
        leak = _leak(rest[0], stack, inputs, lengths, first).sum()
        return altered_stack(g, lambda a: (a + leak).astype(a.dtype))

    return Faulty(stack_vjp=masked)


# -- members without steps -------------------------------------------------------------------------


@fault("stack", "h_0 = 0 for n = 0", touches="CARRY")
def members_without_steps_end_in_zeros() -> Backend:
    """The last state of who has no step is what its buffer was filled with."""

    def emptied(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        return answer[0], _without_idle(answer[1], stack, inputs, lengths, batch_first)

    return Faulty(stack=emptied)


@fault("stack", "dL/dh_0 = 0 for n = 0", touches="dh0")
def no_gradient_of_members_without_steps() -> Backend:
    """The cotangent of who has no step is dropped."""

    def emptied(
        g: StackGradients,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        first: bool,
        *_: object,
    ) -> StackGradients:
        if g.states is None:
            return g
        return replace(g, states=_without_idle(g.states, stack, inputs, lengths, first))

    return Faulty(stack_vjp=emptied)


def _without_idle(
    states: NDArray, stack: Stack, inputs: NDArray, lengths: NDArray | None, batch_first: bool
) -> NDArray:
    """The states with 0 for the members without a step."""
    arranged = Arrangement.of_call(inputs, batch_first)
    n, _ = lengths_of(stack, inputs, lengths, batch_first)
    found = arranged.states_of(states)
    kept: NDArray = arranged.states(np.where((np.asarray(n) > 0)[:, None], found, 0 * found))
    return kept
