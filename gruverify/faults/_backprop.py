"""Faults of back-propagation through time: the pullback of a step is right, what is chained is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify.backends import Backend
from gruverify.cell import Cell, Gradients
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, altered


@fault("sequence", "dL/dh_0 = 0", touches="dh0")
def no_gradient_of_the_state() -> Backend:
    """The initial state is detached."""
    return Faulty(sequence_vjp=lambda g, *_: replace(g, state=0 * g.state))


@fault("sequence", "dL/dx_{T+1-t} for dL/dx_t", touches="dx")
def gradients_of_inputs_reversed_in_time() -> Backend:
    """dL/dx from the last to the first."""
    return Faulty(sequence_vjp=lambda g, *_: replace(g, inputs=g.inputs[::-1].copy()))


def _with_other_arguments(f: Callable[..., tuple[Any, ...]]) -> Backend:
    """Gradients of the sequence from other arguments than the given ones."""
    right = Faulty()
    return Faulty(sequence_vjp=lambda g, cell, *given: right.sequence_vjp(cell, *f(cell, *given)))


@fault("sequence", "L(h_T) for L(h_1, …, h_T)", touches="dθ dx dh0")
def cotangents_of_outputs_ignored() -> Backend:
    """Only the loss on the last state is differentiated."""

    def of_last(cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any) -> tuple[Any, ...]:
        return inputs, state, None, np.zeros_like(d_outputs[-1]) if d_last is None else d_last

    return _with_other_arguments(of_last)


@fault("sequence", "L(outputs) for L(outputs, last)", touches="dθ dx dh0")
def cotangent_of_last_ignored() -> Backend:
    """Only the loss on the outputs is differentiated."""

    def without(cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any) -> tuple[Any, ...]:
        zeros = np.zeros((len(inputs), *d_last.shape), d_last.dtype) if d_outputs is None else d_outputs
        return inputs, state, zeros, None

    return _with_other_arguments(without)


@fault("sequence", "term k = T alone of the sum over k", touches="dθ dx dh0", thread="rsokl/MyGrad#4")
def only_the_last_step_differentiated() -> Backend:
    """Back-propagation truncated to one step."""
    right = Faulty()

    def truncated(g: Gradients, cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any) -> Gradients:
        outputs, _ = right.sequence(cell, inputs, state)
        before = state if len(inputs) == 1 else outputs[-2]
        last: Gradients = right.sequence_vjp(
            cell, inputs[-1:], before, None if d_outputs is None else d_outputs[-1:], d_last
        )
        missing = np.zeros_like(inputs[:-1])
        return replace(
            last,
            inputs=np.concatenate([missing, last.inputs]),
            state=last.state if len(inputs) == 1 else 0 * last.state,
        )

    return Faulty(sequence_vjp=truncated)


@fault("sequence", "g_T = d_last for d_last + d_outputs[T]", touches="dθ dx dh0")
def cotangent_of_last_stored_and_not_added() -> Backend:
    """The last state's cotangent is stored where the last output's was, not added to it."""

    def stored(cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any) -> tuple[Any, ...]:
        if d_outputs is None or d_last is None:
            return inputs, state, d_outputs, d_last
        return inputs, state, np.concatenate([d_outputs[:-1], 0 * d_outputs[-1:]]), d_last

    return _with_other_arguments(stored)


@fault("sequence", "VJP(g) after VJP(g') is VJP(g')", touches="dθ dx dh0 DET", thread="pytorch/pytorch#1532")
def backward_overwrites_what_it_saved() -> Backend:
    """What the forward pass saved is good for one gradient: the next over the same inputs is the one before."""
    right, saved = Faulty(), dict[bytes, tuple[Any, Any]]()

    def overwritten(cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any) -> tuple[Any, ...]:
        key = b"".join(a.tobytes() for a in (inputs, state, *cell.packed().values()))
        kept = saved.get(key, (d_outputs, d_last))
        saved[key] = d_outputs, d_last
        return inputs, state, *kept

    return Faulty(sequence_vjp=lambda g, cell, *given: right.sequence_vjp(cell, *overwritten(cell, *given)))


@fault("sequence", "dL/dθ / B", touches="dθ")
def mean_over_the_batch() -> Backend:
    """The parameters' gradients are averaged over the batch, not summed."""
    return Faulty(sequence_vjp=lambda g, cell, inputs, *_: _parameters(g, lambda a: a / a.dtype.type(inputs.shape[1])))


@fault("sequence", "dL/dθ · T", touches="dθ")
def gradient_added_once_for_every_step() -> Backend:
    """The sum over the steps is added up T times: it grows with the length whatever the cell forgets."""
    return Faulty(sequence_vjp=lambda g, cell, inputs, *_: _parameters(g, lambda a: a * a.dtype.type(len(inputs))))


@fault("gradient", "min(1, max(-1, dL/dθ))", touches="dθ dx dh0")
def gradients_clipped() -> Backend:
    """Entries beyond ±1 are cut off, as trainers do."""

    def cut(a: Any) -> Any:
        one = a.dtype.type(1)
        return np.maximum(np.minimum(a, one), -one)

    return Faulty(sequence_vjp=lambda g, *_: altered(g, cut))


def _parameters(g: Gradients, f: Callable[[Any], Any]) -> Gradients:
    return replace(altered(g, f), inputs=g.inputs, state=g.state)
