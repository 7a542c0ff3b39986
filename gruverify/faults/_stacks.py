"""Faults of what connects layers and directions, and of ragged batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import Stack
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, changed

NUMPY = NumpyBackend()


@fault("stack", "x^{l+1}_t = (→h^l_t, 0) for (→h^l_t, ←h^l_t)", touches="FWD")
def upper_layers_read_the_forward_half_alone() -> Backend:
    """Layers above the first are fed with the forward direction's states alone."""

    def halved(stack: Stack) -> Stack:
        if stack.directions == 1:
            return stack
        forward = np.repeat([True, False], stack.hidden_size)
        upper = [
            tuple(changed(cell, weight_ih=lambda W: np.where(forward, W, 0 * W)) for cell in row)
            for row in stack.cells[1:]
        ]
        return Stack((stack.cells[0], *upper))

    return Faulty(stack=lambda answer, stack, *arguments: NUMPY.stack(halved(stack), *arguments))


@fault("stack", "h_n = h_T for h_n, n the member's length", touches="FWD PAD")
def last_states_after_the_padding() -> Backend:
    """Padding is run through, and the last states are those behind it."""

    def behind(answer: Any, stack: Stack, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        return answer[0], NUMPY.stack(stack, inputs, states, None, batch_first)[1]

    return Faulty(stack=behind)
