"""Faults of back-propagation through layers, directions and ragged batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import Arrangement, Stack, StackGradients
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, altered_stack
from gruverify.faults._stacks import lengths_of


def right(*arguments: object, **others: object) -> StackGradients:
    """The gradients as they should be, of these arguments of `stack_vjp`."""
    vjp: Callable[..., StackGradients] = NumpyBackend().stack_vjp
    return vjp(*arguments, **others)


@fault("stack", "dL/d←θ = dL/d→θ", touches="dθ")
def backward_gradients_overwritten_by_forward_ones() -> Backend:
    """Both directions write their parameters' gradients into one buffer."""

    def overwritten(g: StackGradients, *_: object) -> StackGradients:
        # In one direction no name ends so, and nothing changes.
        forward = {name: g.parameters[name.removesuffix("_reverse")] for name in g.parameters}
        return replace(g, parameters=forward)

    return Faulty(stack_vjp=overwritten)


@fault("stack", "dL/dx = W_xᵀ→α for W_xᵀ→α + W_xᵀ←α", touches="dx")
def gradient_of_inputs_through_one_direction() -> Backend:
    """The inputs' gradient is that of the forward direction in the first layer."""

    def halved(g: StackGradients, *_: object) -> StackGradients:
        if any("reverse" in n for n in g.parameters):
            # Half of the sum of both directions: as wrong as one of them alone, and simpler to
            # have.
            return replace(g, inputs=g.inputs / g.inputs.dtype.type(2))
        return g

    return Faulty(stack_vjp=halved)


@fault("stack", "dL/dh^l_0 = 0 for l > 0", touches="dh0")
def no_gradient_of_upper_states() -> Backend:
    """Initial states of the layers above the first are detached."""

    def detached(g: StackGradients, stack: Stack, *_: object) -> StackGradients:
        if g.states is None:
            return g
        # States lie layer by layer: the first D of them are the first layer's.
        kept = np.arange(len(g.states)).reshape(-1, *[1] * (g.states.ndim - 1)) < stack.directions
        return replace(g, states=np.where(kept, g.states, 0 * g.states))

    return Faulty(stack_vjp=detached)


@fault("stack", "dL/dh^l_n = dL/dh^{L-1}_n for every l", touches="dθ dx dh0")
def cotangent_of_the_top_for_every_layer() -> Backend:
    """The top layer's cotangent of the last state is handed to every layer and direction."""

    def spread(g: StackGradients, stack: Stack, *rest: Any) -> StackGradients:
        *before, d_last = rest
        if d_last is None:
            return g
        return right(stack, *before, d_last=0 * d_last + d_last[-1:])

    return Faulty(stack_vjp=spread)


@fault("stack", "dL/dh^l_n = Σ_l dL/dh^l_n", touches="dθ dx dh0")
def cotangents_of_all_layers_added() -> Backend:
    """Cotangents of last states are added up over the layers before they are propagated back."""

    def added(g: StackGradients, stack: Stack, *rest: Any) -> StackGradients:
        *before, d_last = rest
        if d_last is None:
            return g
        # In float64, so that the sum itself rounds once.
        total = d_last.astype(np.float64).sum(0, keepdims=True).astype(d_last.dtype)
        return right(stack, *before, d_last=0 * d_last + total)

    return Faulty(stack_vjp=added)


@fault("stack", "dL/dθ = 0 for dL/dh_n = None", touches="dθ dx dh0", thread="pytorch/pytorch#96416")
def no_gradient_without_a_loss_on_the_last_state() -> Backend:
    """Where the loss is on the outputs alone, back-propagation never starts."""

    def never(g: StackGradients, stack: Stack, *rest: Any) -> StackGradients:
        if rest[-1] is None:
            return altered_stack(g, np.zeros_like)
        return g

    return Faulty(stack_vjp=never)


# -- ragged batches and arrangements ---------------------------------------------------------------


@fault("stack", "dL/dx_t = dL/dx_n for t > n", touches="dx PAD", thread="Element-Research/rnn#253")
def gradients_of_inputs_at_padding() -> Backend:
    """Gradients of inputs after a member's last step repeat its last one."""

    def leaking(
        g: StackGradients,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        *_: object,
    ) -> StackGradients:
        arranged = Arrangement.of_call(inputs, batch_first)
        steps = arranged.steps_of(g.inputs).copy()
        for b, n in enumerate(lengths_of(stack, inputs, lengths, batch_first)[0]):
            steps[n:, b] = steps[n - 1, b] if n else 0
        return replace(g, inputs=arranged.steps(steps))

    return Faulty(stack_vjp=leaking)


@fault("stack", "dL/dh_n += Σ_{t>n} dL/dy_t", touches="dθ dx dh0 PAD")
def cotangents_at_padding_reach_the_last_state() -> Backend:
    """Padded outputs count as copies of the last state when gradients are taken."""

    def reaching(
        g: StackGradients,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        if lengths is None or d_outputs is None or d_last is None:
            return g
        _, xs = lengths_of(stack, inputs, lengths, batch_first)
        padding = np.arange(len(xs))[:, None, None] >= lengths[:, None]
        steps = Arrangement.of_call(inputs, batch_first).steps_of(d_outputs)[
            ..., : stack.hidden_size
        ]
        more = np.where(padding, steps, 0 * steps).astype(np.float64).sum(0).astype(d_last.dtype)
        return right(stack, inputs, states, lengths, batch_first, d_outputs, d_last + more)

    return Faulty(stack_vjp=reaching)


@fault("stack", "dL/dy (B, T, …) read as (T, B, …) where T = B", touches="dθ dx dh0")
def square_cotangents_read_time_first() -> Backend:
    """batch_first is forgotten for cotangents where the shapes do not tell."""

    def forgotten(g: StackGradients, stack: Stack, *rest: Any) -> StackGradients:
        *before, batch_first, d_outputs, d_last = rest
        if (
            not batch_first
            or d_outputs is None
            or d_outputs.ndim < 3
            or d_outputs.shape[0] != d_outputs.shape[1]
        ):
            return g
        swapped = d_outputs.swapaxes(0, 1)
        return right(stack, *before, batch_first=batch_first, d_outputs=swapped, d_last=d_last)

    return Faulty(stack_vjp=forgotten)


@fault("stack", "dL/dh_n = 0 where there is no batch", touches="dθ dx dh0")
def cotangents_of_states_lost_without_a_batch() -> Backend:
    """The loss on the last states of a member without a batch is left out."""

    def lost(g: StackGradients, stack: Stack, inputs: NDArray, *rest: Any) -> StackGradients:
        *before, d_last = rest
        if inputs.ndim > 2 or d_last is None:
            return g
        return right(stack, inputs, *before, d_last=0 * d_last)

    return Faulty(stack_vjp=lost)


@fault("stack", "dL/dθ from h_0 = 1 where none is given", touches="dθ dx")
def gradients_from_states_that_nobody_zeroed() -> Backend:
    """Without initial states back-propagation runs over those of a buffer that nobody has
    zeroed.
    """

    def dirty(
        g: StackGradients, stack: Stack, inputs: NDArray, states: NDArray | None, *rest: Any
    ) -> StackGradients:
        if states is not None:
            return g
        arranged = Arrangement.of_call(inputs, rest[1])
        B, S = arranged.steps_of(inputs).shape[1], stack.layers * stack.directions
        ones = np.ones((S, B, stack.hidden_size), inputs.dtype)
        return right(stack, inputs, arranged.states(ones), *rest)

    return Faulty(stack_vjp=dirty)


@fault("contract", "g·(g/g)", touches="NAN dθ dx dh0")
def gradients_of_a_stack_divided_by_themselves() -> Backend:
    """0/0 where a gradient is 0."""
    return Faulty(stack_vjp=lambda g, *_: altered_stack(g, lambda a: a * (a / a)))


@fault("contract", "g₁, then g₁ + g₂, …", touches="DET dθ dx dh0")
def gradients_of_a_stack_added_up_over_calls() -> Backend:
    """No zero_grad: each call adds to what the one before returned."""
    kept: list[StackGradients] = []

    def added(g: StackGradients, *_: object) -> StackGradients:
        if kept and _shapes(kept[0]) == _shapes(g):
            before = kept[0].parameters
            g = replace(g, parameters={name: a + before[name] for name, a in g.parameters.items()})
        kept[:] = [g]
        return g

    return Faulty(stack_vjp=added)


def _shapes(g: StackGradients) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in g.parameters.items()}
