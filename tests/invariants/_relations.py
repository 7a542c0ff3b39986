"""The relations that faults must falsify, beside what `_falsifies` says of them: cases changed in a
known way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gruverify import VARIANTS, Backend
from gruverify.backends import NumpyBackend

from ._faulty import Faulty, altered, fault, gates, with_gates

#: Faults of the bank.
RELATIONS: dict[str, tuple[str, ...]] = {
    "inverted-update-gate": (
        "regimes/forget-value",
        "regimes/elman-value",
        "regimes/update-moves-towards-the-state",
        "regimes/constant-gates",
        "regimes/constant-gates-gradient",
        "regimes/chrono",
        "regimes/chrono-gradient",
    ),
    "swapped-reset-and-update": ("conventions/gate-order",),
    "gates-in-another-order": ("conventions/gate-order",),
    "reset-on-the-other-side": (
        "conventions/candidate-bias",
        "conventions/reset-absorbed",
        "conventions/reset-probe",
        "conventions/one-pass",
    ),
    "candidate-bias-outside-the-reset-product": (
        "conventions/candidate-bias",
        "conventions/reset-absorbed",
    ),
    "jacobian-transposed": ("dynamics/origin", "dynamics/fixed-point-jacobian"),
    "jacobian-without-the-carry": ("regimes/unit-eigenvalue", "dynamics/mean-field"),
    "state-in-half-precision": ("dynamics/error-in-time", "dynamics/counting"),
}


# -- regimes ---------------------------------------------------------------------------------------


class _LeakySigmoid(np.ndarray):
    def sigmoid(self) -> Any:
        return np.clip(1 / (1 + np.exp(-np.clip(self, -80, 80))), 2.0**-10, 1 - 2.0**-10).astype(
            self.dtype
        )


@fault(
    "regimes/hard-reset",
    "regimes/hard-reset-gradient",
    "regimes/hard-reset-cuts-gradient",
    "numerics/exact-values",
    "numerics/saturated-gates",
)
def gates_kept_off_their_ends() -> Backend:
    """A σ that is never quite 0 or 1."""
    return Faulty(given=lambda a: a.view(_LeakySigmoid))


# -- symmetry --------------------------------------------------------------------------------------


def _both(*names: str) -> list[str]:
    """Of the step and of the sequence."""
    return [f"symmetry/{prefix}{name}" for name in names for prefix in ("", "sequence-")]


class _LopsidedTanh(np.ndarray):
    def tanh(self) -> Any:
        return np.floor(np.tanh(self) * 64) / 64


@fault(*_both("sign-flip"), "numerics/candidate", "dynamics/fixed-point")
def tanh_rounded_down() -> Backend:
    """A table of tanh that is not odd."""
    return Faulty(given=lambda a: a.view(_LopsidedTanh))


@fault(*_both("permutation", "dead-unit", "block-diagonal"))
def last_unit_left_behind() -> Backend:
    """The unit that does not fill a vector register keeps its state."""

    def left(h: Any, state: Any) -> Any:
        return np.concatenate([h[..., :-1], np.broadcast_to(state, h.shape)[..., -1:]], axis=-1)

    return Faulty(
        step=lambda h, cell, x, before: left(h, before),
        sequence=lambda pair, cell, inputs, state: (left(pair[0], state), left(pair[1], state)),
    )


@fault(*_both("input-permutation", "unused-input", "bias-as-input"))
def last_input_dropped() -> Backend:
    """One column of W_x too few."""
    return Faulty(
        cell=lambda cell: replace(
            cell,
            weight_ih=np.concatenate([cell.weight_ih[:, :-1], 0 * cell.weight_ih[:, -1:]], axis=1),
        )
    )


@fault(*_both("scaling"))
def numbers_in_fixed_point() -> Backend:
    """Inputs and states in sixteenths."""
    return Faulty(given=lambda a: np.round(a * 16) / 16)


@fault(*_both("scaling"))
def inputs_clamped_far_out() -> Backend:
    """A guard against inputs that are large, which are right where their weights are small."""
    return Faulty(given=lambda a: np.clip(a, -(2.0**30), 2.0**30))


@fault(*_both("clone", "dead-unit", "block-diagonal"))
def recurrence_averaged_over_units() -> Backend:
    """W_h divided by H."""
    return Faulty(
        cell=lambda cell: replace(cell, weight_hh=cell.weight_hh / np.float32(cell.hidden_size))
    )


# -- sequence --------------------------------------------------------------------------------------


@fault("sequence/chunks")
def last_state_of_the_first_member() -> Backend:
    """The last state of member 0 for all."""
    return Faulty(sequence=lambda pair, *_: (pair[0], np.repeat(pair[1][:1], len(pair[1]), axis=0)))


@fault("sequence/loop")
def sequence_that_resets_before_the_product() -> Backend:
    """The layer's reset gate is on the other side of the product than the cell's."""
    other = {"after": "before", "before": "after"}

    def elsewhere(pair: Any, cell: Any, inputs: Any, state: Any) -> Any:
        turned = replace(cell, variant=replace(cell.variant, reset=other[cell.variant.reset]))
        return NumpyBackend().sequence(turned, inputs, state)

    return Faulty(sequence=elsewhere)


@fault("sequence/causality")
def outputs_that_look_ahead() -> Backend:
    """An average over time taken from every output."""
    return Faulty(
        sequence=lambda pair, *_: (pair[0] - pair[0].mean(0, dtype=pair[0].dtype), pair[1])
    )


@fault("sequence/no-state")
def recurrent_bias_dropped_without_a_state() -> Backend:
    """No state, no recurrent part: its bias is forgotten too."""

    def dropped(pair: Any, cell: Any, inputs: Any, state: Any) -> Any:
        if state is not None:
            return pair
        return NumpyBackend().sequence(replace(cell, bias_hh=0 * cell.bias_hh), inputs, None)

    return Faulty(sequence=dropped, variants=[variant for variant in VARIANTS if variant.bias])


@fault("sequence/no-state")
def state_of_ones_for_one_member() -> Backend:
    """No state and one member: ones are broadcast for zeros."""

    def ones(pair: Any, cell: Any, inputs: Any, state: Any) -> Any:
        if state is not None or inputs.shape[1] != 1:
            return pair
        return NumpyBackend().sequence(
            cell, inputs, np.ones((1, cell.hidden_size), cell.format.dtype)
        )

    return Faulty(sequence=ones)


@fault("sequence/no-state")
def zeros_that_are_written_to() -> Backend:
    """The zeros for a missing state are kept, and every call leaves its last state in them."""
    kept: dict[Any, Any] = {}

    def recycled(pair: Any, cell: Any, inputs: Any, state: Any) -> Any:
        if state is not None:
            return pair
        zeros = kept.setdefault(
            (inputs.shape[1], cell.hidden_size),
            np.zeros((inputs.shape[1], cell.hidden_size), cell.format.dtype),
        )
        outputs, last = NumpyBackend().sequence(cell, inputs, zeros)
        zeros[...] = last
        return outputs, last

    return Faulty(sequence=recycled)


@fault("masks/kept", "masks/restart-forgets", "masks/both-kept", "masks/zoneout-kept")
def marks_lost_without_a_state() -> Backend:
    """No state, another function: it knows no marks."""

    def plain(pair: Any, cell: Any, inputs: Any, state: Any, *_: Any) -> Any:
        return pair if state is not None else NumpyBackend().sequence(cell, inputs, None)

    return Faulty(
        sequence_masked=plain,
        sequence_restarted=plain,
        sequence_marked=plain,
        sequence_zoneout=plain,
    )


@fault("sequence/zeros-are-inputs")
def zeros_masked() -> Backend:
    """Inputs of 0 are taken for padding: the state stays."""

    def masked(pair: Any, cell: Any, inputs: Any, state: Any) -> Any:
        outputs = pair[0].copy()
        for t, x in enumerate(inputs):
            outputs[t] = np.where(
                x.any(1, keepdims=True), outputs[t], outputs[t - 1] if t else state
            )
        return outputs, outputs[-1].copy()

    return Faulty(sequence=masked)


@fault("sequence/liveness")
def reset_gate_not_connected() -> Backend:
    """A reset gate that is always open."""

    def opened(cell: Any) -> Any:
        r, z, c = gates(cell.weight_ih)
        return replace(
            cell,
            weight_ih=np.concatenate([0 * r, z, c]),
            weight_hh=with_gates(cell.weight_hh, r=0 * gates(cell.weight_hh)[0]),
        )

    return Faulty(cell=opened)


@fault("sequence/batch", "sequence/step-batch")
def states_centred_over_the_batch() -> Backend:
    """The mean over the members is taken away."""

    def centred(h: Any) -> Any:
        return h - h.mean(-2, keepdims=True, dtype=h.dtype)

    return Faulty(
        step=lambda h, *_: centred(h), sequence=lambda pair, *_: (centred(pair[0]), pair[1])
    )


@fault("sequence/batch-permutation", "sequence/step-batch-permutation", "sequence/step-batch")
def last_member_left_behind() -> Backend:
    """The member that does not fill a tile keeps its state, unless it is alone."""

    def left(h: Any, state: Any) -> Any:
        kept = np.broadcast_to(state, h.shape)[..., -1:, :]
        return np.concatenate(
            [h[..., :-1, :], kept if h.shape[-2] > 1 else h[..., -1:, :]], axis=-2
        )

    return Faulty(
        step=lambda h, cell, x, before: left(h, before),
        sequence=lambda pair, cell, inputs, state: (left(pair[0], state), pair[1]),
    )


# -- conventions -----------------------------------------------------------------------------------


class _BiasedSigmoid(np.ndarray):
    def sigmoid(self) -> Any:
        return 1 / (1 + np.exp(-np.clip(self, -80, 80) - self.dtype.type(0.25)))


@fault("conventions/update-flip", "numerics/update-gate")
def gates_a_little_more_open() -> Backend:
    """σ(a + 1/4) for σ(a)."""
    return Faulty(given=lambda a: a.view(_BiasedSigmoid))


@fault("conventions/bias-sum")
def recurrent_update_bias_missing() -> Backend:
    """b_hz is never added."""
    return Faulty(
        cell=lambda cell: replace(
            cell, bias_hh=with_gates(cell.bias_hh, z=0 * gates(cell.bias_hh)[1])
        ),
        variants=[variant for variant in VARIANTS if variant.bias],
    )


@fault("conventions/reset-probe", "conventions/reset-absorbed", "conventions/reset-sides-agree")
def reset_gate_of_the_next_unit() -> Backend:
    """Rows of the reset gate out of step by one."""

    def rolled(packed: Any) -> Any:
        return (
            None if packed is None else with_gates(packed, r=np.roll(gates(packed)[0], 1, axis=0))
        )

    return Faulty(
        cell=lambda cell: replace(
            cell, **{name: rolled(array) for name, array in cell.packed().items()}
        )
    )


# -- numerics --------------------------------------------------------------------------------------


class _RippledSigmoid(np.ndarray):
    def sigmoid(self) -> Any:
        ripple = np.sin(8 * np.clip(self, -8, 8)) / 32
        return 1 / (1 + np.exp(-np.clip(self, -80, 80))) + ripple.astype(self.dtype)


@fault("numerics/update-gate")
def sigmoid_that_ripples() -> Backend:
    """A polynomial for σ that keeps σ(a) + σ(-a) = 1."""
    return Faulty(given=lambda a: a.view(_RippledSigmoid))


@fault("numerics/nan", "numerics/nan-in-time")
def nan_taken_for_zero() -> Backend:
    """What is not a number is replaced by 0."""
    return Faulty(given=np.nan_to_num)


@fault("numerics/nan-in-time")
def nan_in_the_state_starts_anew() -> Backend:
    """A state that is not a number is replaced by 0 before the next step."""

    def anew(pair: Any, cell: Any, inputs: Any, state: Any) -> Any:
        outputs, h = np.empty_like(pair[0]), np.zeros_like(pair[1]) if state is None else state
        for t, x in enumerate(inputs):
            h = outputs[t] = NumpyBackend().step(cell, x, np.nan_to_num(h) if t else h)
        return outputs, h.copy()

    return Faulty(sequence=anew)


@fault("numerics/formats")
def single_precision_on_tensor_cores() -> Backend:
    """Inputs and states of float32, and of no other format, rounded to eleven bits."""
    return Faulty(
        given=lambda a: a.astype(np.float16).astype(a.dtype) if a.dtype == np.float32 else a
    )


@fault("gradient/zero-set")
def first_step_not_differentiated_without_a_state() -> Backend:
    """Without a state the first step is taken for a constant."""

    def constant(g: Any, cell: Any, inputs: Any, state: Any, *_: Any) -> Any:
        if state is not None:
            return g
        return altered(g, lambda a: 0 * a)

    return Faulty(sequence_vjp=constant)


@fault("gradient/jvp-homogeneous")
def tangents_clamped() -> Backend:
    """Derivatives along a direction are clamped at a thousand."""
    return Faulty(
        sequence_jvp=lambda pair, *_: tuple(np.clip(moved, -1000, 1000) for moved in pair)
    )


@fault("gradient/jvp-homogeneous")
def biases_rest_where_weights_do() -> Backend:
    """Without a direction for the weights, that of the parameters is taken for one of zeros."""

    def resting(pair: Any, cell: Any, inputs: Any, state: Any, tangent: Any) -> Any:
        if tangent.weight_ih.any() or tangent.weight_hh.any() or tangent.bias_ih is None:
            return pair
        at_rest = replace(tangent, bias_ih=0 * tangent.bias_ih, bias_hh=0 * tangent.bias_hh)
        return NumpyBackend().sequence_jvp(cell, inputs, state, at_rest)

    return Faulty(sequence_jvp=resting, variants=[variant for variant in VARIANTS if variant.bias])


# -- dynamics --------------------------------------------------------------------------------------


@fault("dynamics/contraction", "dynamics/decay", "dynamics/saddle-node", "dynamics/limit-cycles")
def recurrence_too_strong() -> Backend:
    """W_h times 16."""
    return Faulty(cell=lambda cell: replace(cell, weight_hh=16 * cell.weight_hh))
