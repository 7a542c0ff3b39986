"""Faults that take several steps: every step is right, what connects them is not."""

from __future__ import annotations

from gruverify.backends import Backend
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty


@fault("sequence", "(h_T, …, h_1) for (h_1, …, h_T)", touches="FWD", thread="keras-team/keras#1431")
def outputs_reversed_in_time() -> Backend:
    """Outputs from the last to the first."""
    return Faulty(sequence=lambda answer, *_: (answer[0][::-1].copy(), answer[1]))


@fault("sequence", "last = h_1", touches="CARRY")
def last_is_the_first_output() -> Backend:
    """The first output in the place of the last state."""
    return Faulty(sequence=lambda answer, *_: (answer[0], answer[0][0]))


@fault("sequence", "h_0 = 0", touches="FWD CARRY")
def state_ignored() -> Backend:
    """A sequence that starts from zeros, whatever state it is given."""
    right = Faulty()
    return Faulty(sequence=lambda answer, cell, inputs, state: right.sequence(cell, inputs, None))
