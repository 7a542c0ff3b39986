"""Faults of the equations: a line of the step is another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Array, sigmoid, tanh
from gruverify.backends import Backend
from gruverify.cell import Parameters, Variant
from gruverify.faults._fault import fault
from gruverify.faults._faulty import BEFORE, BIASED
from gruverify.faults._stepping import Lines, Stepping, blend, candidate, reset, stepping, update

# -- the reset gate --------------------------------------------------------------------------------


@fault(
    "forward", "c = tanh(W_xc x + b_xc + W_hc h' + b_hc)", touches="FWD", thread="zhiyongc/GRU-D#2"
)
def candidate_without_reset() -> Backend:
    """The reset gate is computed and not used."""
    # r = 1 in the right formula serves both conventions of the reset gate.
    return stepping(candidate=lambda v, p, x, h, r: candidate(v, p, x, h, 1))


@fault("forward", "(1-r)∘(W_hc h' + b_hc)", touches="FWD")
def complement_of_the_reset_gate() -> Backend:
    """What should be reset is kept, and the other way round."""
    return stepping(candidate=lambda v, p, x, h, r: candidate(v, p, x, h, 1 - r))


@fault("forward", "c = tanh(r∘(W_xc x + b_xc + W_hc h' + b_hc))", touches="FWD")
def reset_of_the_whole_candidate() -> Backend:
    """The input part of the candidate is reset too."""
    return stepping(candidate=lambda v, p, x, h, r: r * candidate(v, p, x, h, 1))


@fault("forward", "c = tanh(r∘(W_xc x + b_xc) + W_hc h' + b_hc)", touches="FWD")
def reset_of_the_input_part() -> Backend:
    """The wrong half of the candidate is reset."""

    def other_half(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
        return r * (x @ p.W_xc.T + p.b_xc) + h @ p.W_hc.T + p.b_hc

    return stepping(candidate=other_half)


@fault("forward", "W_hc(r∘h') + r∘b_hc", touches="FWD")
def recurrent_bias_reset_though_reset_is_before() -> Backend:
    """Reset before the product, its bias after: half of each convention."""

    def mixed(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
        return x @ p.W_xc.T + p.b_xc + (r * h) @ p.W_hc.T + r * p.b_hc

    # With reset after the product these are the right lines, and without biases, too.
    return stepping(candidate=mixed, variants=[v for v in BIASED if v in BEFORE])


@fault("forward", "r(h'), z(r∘h')", touches="FWD")
def update_gate_of_the_reset_state() -> Backend:
    """The update gate sees the state that was reset."""
    return stepping(update=lambda p, x, h: update(p, x, sigmoid(reset(p, x, h)) * h))


@fault("forward", "r_i := r_1", touches="FWD")
def one_reset_gate_for_all_units() -> Backend:
    """A scalar gate broadcast over the units."""

    def broadcast(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
        return candidate(v, p, x, h, r[:, :1])

    return stepping(candidate=broadcast)


# -- the update gate -------------------------------------------------------------------------------


@fault("forward", "z = σ(a_r)", touches="FWD")
def reset_gate_used_for_update() -> Backend:
    """Both gates are the reset gate."""
    return stepping(update=reset)


@fault("forward", "z = σ(W_xz x + b_xz + b_hz)", touches="FWD")
def update_gate_without_recurrence() -> Backend:
    """The update gate does not see the state."""
    return stepping(update=lambda p, x, h: x @ p.W_xz.T + p.b_xz + p.b_hz)


@fault("forward", "h = (1-z)∘c + z∘h' + h'", touches="FWD")
def state_added_once_more() -> Backend:
    """A residual connection around a cell that has one already."""
    return stepping(blend=lambda v, z, h, c: blend(v, z, h, c) + h)


@fault("forward", "h = c", touches="FWD")
def update_gate_ignored() -> Backend:
    """A plain recurrent unit: the update gate is computed and not used."""
    return stepping(blend=lambda v, z, h, c: c)


@fault("forward", "h = (1-z²)∘c + z²∘h'", touches="FWD")
def update_gate_squared() -> Backend:
    """The gate applied to a state that it gated before."""
    return stepping(blend=lambda v, z, h, c: blend(v, z * z, h, c))


@fault("forward", "h = tanh(keep∘h' + take∘c)", touches="FWD")
def next_state_squashed_again() -> Backend:
    """An activation on the output, as other cells have one."""
    return stepping(blend=lambda v, z, h, c: tanh(blend(v, z, h, c)))


@fault("forward", "take = 1 - z + 2⁻¹⁰", touches="FWD")
def shares_that_add_up_to_more_than_one() -> Backend:
    """A small constant against division by zero that nothing divides by."""

    def padded(v: Variant, z: Array, h: Array, c: Array) -> Array:
        # h is off by 2⁻¹⁰ of one end: far more than float32 rounds, less than bfloat16 does.
        other = 1 - z + z.dtype.type(2.0**-10)
        if v.update == "keep":
            return z * h + other * c
        return z * c + other * h

    return stepping(blend=padded)


# -- weights, inputs and members -------------------------------------------------------------------


def _parameters(**blocks: Callable[[Parameters], Array]) -> Backend:
    """The right step over other blocks: from the parameters to the block."""
    right = Lines()
    return Stepping(
        lambda v, p, x, h: right(v, replace(p, **{n: f(p) for n, f in blocks.items()}), x, h)
    )


@fault("forward", "W_xᵀ x for W_x x where I = H", touches="FWD")
def input_weights_transposed_where_square() -> Backend:
    """A transposed weight, unnoticed as long as it does not fit otherwise."""

    def transposed_if_square(W: Array) -> Array:
        if W.shape[0] == W.shape[1]:
            return W.T
        return W

    return _parameters(
        W_xr=lambda p: transposed_if_square(p.W_xr),
        W_xz=lambda p: transposed_if_square(p.W_xz),
        W_xc=lambda p: transposed_if_square(p.W_xc),
    )


@fault("forward", "W_hr := W_hz", touches="FWD")
def recurrent_weights_of_a_gate_shared() -> Backend:
    """One gate's recurrent weights loaded twice."""
    return _parameters(W_hr=lambda p: p.W_hz)


@fault("forward", "b_h = 0", touches="FWD", thread="Dobiasd/frugally-deep#96")
def second_row_of_the_bias_ignored() -> Backend:
    """Of a bias of two rows only the first is read."""
    right = Lines()
    # 0, as the parameters of a cell without biases have it.
    nothing = dict.fromkeys(("b_hr", "b_hz", "b_hc"), 0)
    return Stepping(lambda v, p, x, h: right(v, replace(p, **nothing), x, h), variants=BIASED)


@fault("forward", "b_xr ↔ b_xz", touches="FWD", thread="keras-team/keras#8720")
def biases_of_the_gates_swapped() -> Backend:
    """Weights in the right order, biases not."""
    right = Lines()
    return Stepping(
        lambda v, p, x, h: right(v, replace(p, b_xr=p.b_xz, b_xz=p.b_xr), x, h), variants=BIASED
    )


@fault("forward", "x_I := 0", touches="FWD")
def last_input_ignored() -> Backend:
    """A loop over the inputs that ends one too early."""
    right = Lines()

    def short(v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        last = np.arange(x.shape[1]) == x.shape[1] - 1
        # np.where forgets the array type whose products stay in bfloat16.
        return right(v, p, np.where(last, x.dtype.type(0), x).view(type(x)), h)

    return Stepping(short)


@fault("forward", "h'_b := h'_1", touches="FWD")
def state_of_the_first_member_for_all() -> Backend:
    """The first member's state broadcast over the batch."""
    right = Lines()
    return Stepping(lambda v, p, x, h: right(v, p, x, h[:1]))


@fault("forward", "h'_b := h'_{b-1}", touches="FWD")
def members_of_the_batch_rolled() -> Backend:
    """Each member continues its neighbour's state."""
    right = Lines()
    return Stepping(lambda v, p, x, h: right(v, p, x, np.roll(h, 1, 0)))


@fault("forward", "a := a - mean of a over the batch", touches="FWD")
def candidate_centred_over_the_batch() -> Backend:
    """Batch normalisation left on."""

    def centred(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
        a = candidate(v, p, x, h, r)
        if len(a):
            # A wide mean, so that the fault is the centring alone and no sum in half precision.
            return a - a.mean(0, keepdims=True, dtype=np.float64).astype(a.dtype)
        return a

    return stepping(candidate=centred)


@fault("forward", "r∘(W_hc h' - b_hc)", touches="FWD")
def recurrent_bias_negated() -> Backend:
    """The recurrent bias of the candidate with the wrong sign."""
    right = Lines()
    return Stepping(lambda v, p, x, h: right(v, replace(p, b_hc=-p.b_hc), x, h), variants=BIASED)
