"""Faults that take several steps: every step is right, what connects them is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import Array, NDArray
from gruverify.backends import Backend
from gruverify.cell import Cell
from gruverify.faults._fault import fault
from gruverify.faults._faulty import AFTER, BIASED, Faulty, Pair, changed, gates, with_gates
from gruverify.faults._stepping import Stepping, in_order, looping

Step: TypeAlias = Callable[[Array, Array], Array]


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


@fault("sequence", "h_t = f(x_t, h_0)", touches="FWD CARRY", thread="tracel-ai/burn#2701")
def state_not_fed_back() -> Backend:
    """Every step starts from the initial state."""

    def from_the_first(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        outputs = [step(x, state) for x in inputs]
        return outputs, outputs[-1]

    return looping(from_the_first)


@fault("sequence", "x_T, …, x_1 for x_1, …, x_T", touches="FWD CARRY")
def inputs_read_backwards() -> Backend:
    """The direction of the layer is the other one."""
    return looping(lambda step, inputs, state: in_order(step, inputs[::-1], state))


@fault("sequence", "h_t = f(x_{t-1}, h_{t-1}), x_0 = 0", touches="FWD CARRY")
def inputs_one_step_late() -> Backend:
    """Inputs shifted by one, as a decoder's targets are."""

    def late(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        return in_order(step, np.concatenate([0 * inputs[:1], inputs[:-1]]), state)

    return looping(late)


@fault("sequence", "outputs (h_0, …, h_{T-1})", touches="FWD")
def outputs_before_the_update() -> Backend:
    """Each output is the state that its step was given."""

    def before(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        outputs, last = in_order(step, inputs, state)
        return [state, *outputs[:-1]], last

    return looping(before)


@fault("sequence", "last = h_{T-1}", touches="CARRY")
def last_is_one_step_early() -> Backend:
    """The loop keeps the state before its last step."""

    def early(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        outputs, _ = in_order(step, inputs, state)
        return outputs, state if len(outputs) == 1 else outputs[-2]

    return looping(early)


@fault("sequence", "last = max over t of h_t", touches="CARRY")
def last_is_the_largest_output() -> Backend:
    """Pooled over time instead of the last."""

    def pooled(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        outputs, _ = in_order(step, inputs, state)
        return outputs, np.max(outputs, axis=0)

    return looping(pooled)


@fault("sequence", "h_2 := h_0", touches="FWD CARRY")
def state_lost_between_chunks() -> Backend:
    """Every chunk of two steps starts from the initial state."""

    def chunked(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        outputs: list[Array] = []
        for start in range(0, len(inputs), 2):
            # `state` is the initial one: the loop never takes it over from a chunk.
            outputs += in_order(step, inputs[start : start + 2], state)[0]
        return outputs, outputs[-1]

    return looping(chunked)


@fault("sequence", "h_t = f(x_t, h_{t-2})", touches="FWD CARRY")
def two_buffers_mixed_up() -> Backend:
    """Double buffering that reads the buffer it is about to write."""

    def buffered(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        # The first step is right; from the second on each continues the state of two steps
        # before.
        buffers, outputs = [state, state], []
        for t, x in enumerate(inputs):
            buffers[t % 2] = step(x, buffers[t % 2])
            outputs.append(buffers[t % 2])
        return outputs, outputs[-1]

    return looping(buffered)


@fault("sequence", "h_1 = f(x_1, h_0) left out", touches="FWD CARRY")
def first_step_skipped() -> Backend:
    """A loop that starts at 1."""

    def skipping(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        outputs, last = in_order(step, inputs[1:], state)
        return [state, *outputs], last

    return looping(skipping)


@fault("sequence", "h_t = f(x_t, clip(h_{t-1}, -1/2, 1/2)), t > 1", touches="FWD CARRY")
def state_clipped_between_steps() -> Backend:
    """A clip meant for something else, from the second step on."""

    def clipped(step: Step, inputs: Array, state: Array) -> tuple[list[Array], Array]:
        return in_order(
            # The initial state is known by identity: it may be of any size, and is left as it
            # comes.
            lambda x, h: step(x, h if h is state else np.clip(h, -0.5, 0.5)),
            inputs,
            state,
        )

    return looping(clipped)


@fault(
    "sequence",
    "h_0 = the last h_T where none is given",
    touches="FWD CARRY DET",
    thread="ooples/AiDotNet#1944",
)
def recycled_initial_state() -> Backend:
    """The buffer of the initial state is not cleared."""
    # By batch, units and dtype: a buffer of another size would be allocated again.
    left: dict[tuple[object, ...], NDArray] = {}

    class Recycling(Stepping):
        def sequence(self, cell: Cell, inputs: NDArray, state: NDArray | None) -> Pair:
            key = inputs.shape[1], cell.hidden_size, inputs.dtype
            outputs, last = super().sequence(
                cell, inputs, left.get(key) if state is None else state
            )
            left[key] = last.copy()
            return outputs, last

    return Recycling()


@fault(
    "sequence",
    "at h_0 not given, c_1 = tanh(W_xc x + b_xc)",
    touches="FWD CARRY",
    thread="ml-explore/mlx#3249",
)
def recurrent_branch_skipped_without_a_state() -> Backend:
    """Without a state the whole recurrent half of the first step is left out, its bias too."""
    silent = Faulty(cell=_without_recurrent_bias)
    right = Faulty()

    def sequence(answer: Pair, cell: Cell, inputs: NDArray, state: NDArray | None) -> Pair:
        if state is not None:
            return answer
        first, last = silent.sequence(cell, inputs[:1], None)
        if len(inputs) == 1:
            return first, last
        others, last = right.sequence(cell, inputs[1:], last)
        return np.concatenate([first, others]), last

    # From zeros only the bias of the recurrent half is left: without one nothing is skipped.
    return Faulty(sequence=sequence, variants=[v for v in BIASED if v in AFTER])


def _without_recurrent_bias(cell: Cell) -> Cell:
    return changed(cell, bias_hh=lambda b: with_gates(b, c=0 * gates(b)[2]))
