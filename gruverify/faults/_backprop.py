"""Faults of back-propagation through time: the pullback of a step is right, what is chained is
not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from gruverify.arithmetic import Array, NDArray
from gruverify.backends import Backend
from gruverify.cell import Cell, Gradients
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, altered
from gruverify.faults._pulling import chaining


@fault("sequence", "dL/dh_0 = 0", touches="dh0")
def no_gradient_of_the_state() -> Backend:
    """The initial state is detached."""
    return Faulty(sequence_vjp=lambda g, *_: replace(g, state=0 * g.state))


@fault("sequence", "dL/dx_{T+1-t} for dL/dx_t", touches="dx")
def gradients_of_inputs_reversed_in_time() -> Backend:
    """dL/dx from the last to the first."""
    return Faulty(sequence_vjp=lambda g, *_: replace(g, inputs=g.inputs[::-1].copy()))


def _with_other_arguments(f: Callable[..., tuple[object, ...]]) -> Backend:
    """Gradients of the sequence from other arguments than the given ones."""
    right = Faulty()
    return Faulty(sequence_vjp=lambda g, cell, *given: right.sequence_vjp(cell, *f(cell, *given)))


@fault("sequence", "L(h_T) for L(h_1, …, h_T)", touches="dθ dx dh0")
def cotangents_of_outputs_ignored() -> Backend:
    """Only the loss on the last state is differentiated."""

    # Without a cotangent of the last state the loss is then constant, so zeros and not None.
    def of_last(
        cell: Cell, inputs: NDArray, state: NDArray | None, d_outputs: Any, d_last: NDArray | None
    ) -> tuple[object, ...]:
        if d_last is None:
            last = np.zeros_like(d_outputs[-1])
        else:
            last = d_last
        return inputs, state, None, last

    return _with_other_arguments(of_last)


@fault("sequence", "L(outputs) for L(outputs, last)", touches="dθ dx dh0")
def cotangent_of_last_ignored() -> Backend:
    """Only the loss on the outputs is differentiated."""

    def without(
        cell: Cell, inputs: NDArray, state: NDArray | None, d_outputs: NDArray | None, d_last: Any
    ) -> tuple[object, ...]:
        if d_outputs is None:
            zeros = np.zeros((len(inputs), *d_last.shape), d_last.dtype)
        else:
            zeros = d_outputs
        return inputs, state, zeros, None

    return _with_other_arguments(without)


@fault(
    "sequence", "term k = T alone of the sum over k", touches="dθ dx dh0", thread="rsokl/MyGrad#4"
)
def only_the_last_step_differentiated() -> Backend:
    """Back-propagation truncated to one step."""
    right = Faulty()

    def truncated(
        g: Gradients,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        # Values are right; only the last step is then differentiated, from the state before it.
        outputs, _ = right.sequence(cell, inputs, state)
        if len(inputs) == 1:
            before = state
        else:
            before = outputs[-2]
        last: Gradients = right.sequence_vjp(
            cell, inputs[-1:], before, None if d_outputs is None else d_outputs[-1:], d_last
        )
        missing = np.zeros_like(inputs[:-1])
        return replace(
            last,
            inputs=np.concatenate([missing, last.inputs]),
            state=last.state if len(inputs) == 1 else np.zeros_like(last.state),
        )

    return Faulty(sequence_vjp=truncated)


@fault(
    "sequence",
    "VJP(g) after VJP(g') is VJP(g')",
    touches="dθ dx dh0 DET",
    thread="pytorch/pytorch#1532",
)
def backward_overwrites_what_it_saved() -> Backend:
    """What the forward pass saved is good for one gradient: the next over the same inputs is the
    one before.
    """
    right, saved = Faulty(), dict[bytes, tuple[object, object]]()

    def overwritten(
        cell: Cell, inputs: NDArray, state: Any, d_outputs: object, d_last: object
    ) -> tuple[object, ...]:
        # By content: the arrays of two calls over the same case need not be the same objects.
        key = b"".join(a.tobytes() for a in (inputs, state, *cell.packed().values()))
        kept = saved.get(key, (d_outputs, d_last))
        saved[key] = d_outputs, d_last
        return inputs, state, *kept

    return Faulty(
        sequence_vjp=lambda g, cell, *given: right.sequence_vjp(cell, *overwritten(cell, *given))
    )


@fault("sequence", "dL/dθ / B", touches="dθ")
def mean_over_the_batch() -> Backend:
    """The parameters' gradients are averaged over the batch, not summed."""
    return Faulty(
        sequence_vjp=lambda g, cell, inputs, *_: _parameters(
            g, lambda a: a / a.dtype.type(inputs.shape[1])
        )
    )


@fault("sequence", "dL/dθ · T", touches="dθ")
def gradient_added_once_for_every_step() -> Backend:
    """The sum over the steps is added up T times: it grows with the length whatever the cell
    forgets.
    """
    return Faulty(
        sequence_vjp=lambda g, cell, inputs, *_: _parameters(
            g, lambda a: a * a.dtype.type(len(inputs))
        )
    )


@fault("gradient", "min(1, max(-1, dL/dθ))", touches="dθ dx dh0")
def gradients_clipped() -> Backend:
    """Entries beyond ±1 are cut off, as trainers do."""

    def cut(a: NDArray) -> NDArray:
        one = a.dtype.type(1)
        within: NDArray = np.maximum(np.minimum(a, one), -one)
        return within

    return Faulty(sequence_vjp=lambda g, *_: altered(g, cut))


def _parameters(g: Gradients, f: Callable[[NDArray], NDArray]) -> Gradients:
    return replace(altered(g, f), inputs=g.inputs, state=g.state)


@fault("sequence", "dL/dθ of the first step alone", touches="dθ", thread="ooples/AiDotNet#1944")
def gradients_overwritten_by_every_step() -> Backend:
    """The parameters' gradients are written, not added, step by step."""
    # `terms` begins with the last step, so that this is the first one's.
    return chaining(summed=lambda terms: terms[-1])


@fault("sequence", "Σ_k / T", touches="dθ")
def gradients_averaged_over_time() -> Backend:
    """A mean over the steps where the loss is a sum."""
    return chaining(summed=lambda terms: reduce(add, terms).map(lambda block: block / len(terms)))


@fault("sequence", "g_T = dL/dlast for dL/dlast + dL/dh_T", touches="dθ dx dh0")
def cotangent_of_the_last_output_overwritten() -> Backend:
    """Of the two cotangents of the last state one overwrites the other."""

    def met(t: int, T: int, own: Array | None, later: Array | None) -> Array | None:
        if later is None:
            return own
        # The loss on the last state overwrites that on the last output.
        if own is None or t == T - 1:
            return later
        return own + later

    return chaining(met=met)


@fault(
    "sequence",
    "terms k ≥ T-1 alone of the sum over k",
    touches="dθ dx dh0",
    thread="rsokl/MyGrad#4",
)
def truncated_to_two_steps() -> Backend:
    """Back-propagation truncated to two steps."""
    # Handed on from step T-1, the second from the end; at t = 0 it would be the initial state's
    # gradient.
    return chaining(handed=lambda t, T, g: 0 * g if t == T - 2 and t > 0 else g)


@fault("sequence", "clip(g, -1, 1) between the steps", touches="dθ dx dh0")
def cotangents_clipped_between_steps() -> Backend:
    """Gradients clipped on their way through time."""
    # dL/dh_0 itself (t = 0) is not clipped: it is handed to nobody.
    return chaining(handed=lambda t, T, g: np.clip(g, -1, 1).view(type(g)) if t else g)


@fault(
    "sequence",
    "∂⁺h_k at the activations of step T",
    touches="dθ dx dh0",
    thread="ooples/AiDotNet#1455",
)
def activations_of_the_last_step_for_all() -> Backend:
    """A workspace that every step overwrites and the backward pass reads."""
    return chaining(seen=lambda t, steps: steps[-1])


@fault("sequence", "∂⁺h_k at the activations of step k+1", touches="dθ dx dh0")
def activations_one_step_late() -> Backend:
    """The stack of saved activations is off by one."""
    return chaining(seen=lambda t, steps: steps[min(t + 1, len(steps) - 1)])


@fault("sequence", "dL/dh_t of outputs in reverse", touches="dθ dx dh0")
def cotangents_of_outputs_reversed() -> Backend:
    """The cotangent of the first output meets the last step."""

    def reversed_(
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> tuple[object, ...]:
        return inputs, state, None if d_outputs is None else d_outputs[::-1].copy(), d_last

    return _with_other_arguments(reversed_)


@fault("sequence", "dL/dh_0 = dL/dh_1", touches="dh0")
def gradient_of_the_state_one_step_late() -> Backend:
    """What comes back is not pulled through the first step."""
    kept: list[Array] = []

    def handed(t: int, T: int, g: Array) -> Array:
        # Appended at every step: the last but one is what the second step handed back.
        kept.append(g)
        if t or T == 1:
            return g
        return kept[-2]

    return chaining(handed=handed)


@fault("sequence", "∂L/∂h_0 at h_0 = 0", touches="dθ dx dh0")
def gradients_as_if_from_zeros() -> Backend:
    """The backward pass forgets the initial state."""
    return _with_other_arguments(
        lambda cell, inputs, state, *d: (inputs, None if state is None else 0 * state, *d)
    )


@fault(
    "contract",
    "∂L/∂θ, then ∂L/∂θ at the gates that the first call left",
    touches="DET dθ",
    thread="pytorch/pytorch#1532",
)
def saved_gates_overwritten_by_the_first_pullback() -> Backend:
    """A second backward pass over the same sequence reads what the first one wrote over."""
    seen: dict[bytes, int] = {}

    def again(g: Gradients, cell: Cell, inputs: NDArray, *_: object) -> Gradients:
        # By content, as a workspace would be found again by whoever repeats a call.
        key = inputs.tobytes() + cell.weight_hh.tobytes()
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 1:
            return g
        # What the stale gates make of the gradient does not matter here, but that it is another
        # one.
        return replace(g, weight_hh=g.weight_hh * g.weight_hh.dtype.type(0.5))

    return Faulty(sequence_vjp=again)


@fault("sequence", "dL/dx of the last step alone", touches="dx")
def gradients_of_earlier_inputs_missing() -> Backend:
    """Only the last input has a gradient."""

    def last(g: Gradients, *_: object) -> Gradients:
        return replace(g, inputs=np.concatenate([0 * g.inputs[:-1], g.inputs[-1:]]))

    return Faulty(sequence_vjp=last)
