"""Faults of back-propagation through time: the pullback of a step is right, what is chained is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify.backends import Backend
from gruverify.cell import Cell, Gradients
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty


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
