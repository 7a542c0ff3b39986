"""Faults of masks of whole stacks: each layer and direction is right by itself, with the mask that
it gets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import Arrangement, Stack, StackGradients
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, Pair

_RIGHT = NumpyBackend()


def _with_masks(mask_of: Callable[[int, int, NDArray], NDArray]) -> Backend:
    """A stack whose layers and directions skip other steps (T, B) than those that are given."""

    def layered(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
    ) -> Pair:
        if not inputs.size:
            return answer
        arranged, last = Arrangement.of_call(inputs, batch_first), list[NDArray]()
        xs, mask = arranged.steps_of(inputs), arranged.steps_of(keep[..., None])[..., 0]
        for layer, row in enumerate(stack.cells):
            halves = list[NDArray]()
            for direction, cell in enumerate(row):
                order, h = slice(None, None, 1 - 2 * direction), None
                if states is not None:
                    h = arranged.states_of(states)[layer * stack.directions + direction]
                mine = mask_of(layer, direction, mask)[order]
                outputs, end = _RIGHT.sequence_masked(cell, xs[order], h, mine)
                halves.append(outputs[order])
                last.append(end)
            xs = np.concatenate(halves, axis=2)
        steps = np.ascontiguousarray(arranged.steps(xs))
        return steps, np.ascontiguousarray(arranged.states(np.stack(last)))

    return Faulty(stack_masked=layered)


@fault("stack", "m = 0 for l > 0", touches="FWD CARRY PAD")
def stack_mask_in_the_first_layer_alone() -> Backend:
    """The layers above the first take every step, over what is handed on of those skipped."""
    return _with_masks(lambda layer, direction, keep: keep & (layer == 0))


@fault("stack", "m_{t-l} for m_t", touches="FWD CARRY PAD")
def stack_mask_late_by_a_step_in_each_layer() -> Backend:
    """Every layer hands its mask on a step late."""

    def late(layer: int, direction: int, keep: NDArray) -> NDArray:
        return np.concatenate([np.zeros_like(keep[:layer]), keep[: len(keep) - layer]])[: len(keep)]

    return _with_masks(late)


@fault("stack", "m_{T-1-t} for m_t in ←h", touches="FWD CARRY PAD")
def backward_mask_not_reversed() -> Backend:
    """The backward direction reverses its inputs, and reads the mask forward."""
    return _with_masks(lambda layer, direction, keep: keep[:: 1 - 2 * direction])


@fault("stack", "m = 0 in ←h", touches="FWD CARRY PAD")
def backward_mask_ignored() -> Backend:
    """The backward direction takes every step."""
    return _with_masks(lambda layer, direction, keep: keep & (direction == 0))


@fault("stack", "last = h_n of all steps", touches="CARRY PAD")
def last_states_of_a_stack_without_mask() -> Backend:
    """The outputs heed the mask, and the last states are those of a run without one."""

    def unmasked(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
    ) -> Pair:
        return answer[0], _RIGHT.stack(stack, inputs, states, None, batch_first)[1]

    return Faulty(stack_masked=unmasked)


@fault("stack", "m·h' + (1-m)·h in every layer", touches="NAN PAD")
def stack_mask_multiplied() -> Backend:
    """Masked by multiplication: 0·NaN is NaN, so what is at a skipped step shows."""

    def multiplied(answer: Pair, stack: Stack, inputs: NDArray, *_: Any) -> Pair:
        leak = (0 * inputs).sum(dtype=inputs.dtype).astype(inputs.dtype)
        return answer[0] + leak, answer[1] + leak

    return Faulty(stack_masked=multiplied)


@fault("stack", "h_0 = 0 where no m = 1", touches="FWD CARRY")
def fast_path_of_a_stack_loses_the_states() -> Backend:
    """Where nothing is masked another kernel runs, which is not handed the states."""

    def fast(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
    ) -> Pair:
        if keep.any():
            return answer
        return _RIGHT.stack(stack, inputs, None, None, batch_first)

    return Faulty(stack_masked=fast)


# -- gradients -------------------------------------------------------------------------------------


def _pulling(
    change: Callable[[StackGradients, StackGradients, NDArray, NDArray], StackGradients],
) -> Backend:
    """Gradients from the right ones, those of a run without a mask, inputs, and the mask of each
    number of them.
    """

    def pulled(
        right: StackGradients,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        without = _RIGHT.stack_vjp(stack, inputs, states, None, batch_first, d_outputs, d_last)
        return change(right, without, inputs, np.broadcast_to(keep[..., None], inputs.shape))

    return Faulty(stack_masked_vjp=pulled)


@fault("stack", "dL/dθ of every layer + Σ over skipped steps", touches="dθ PAD")
def skipped_steps_teach_a_stack() -> Backend:
    """The weights learn from steps that were skipped."""
    return _pulling(
        lambda right, without, inputs, keep: replace(right, parameters=without.parameters)
    )


@fault("stack", "dL/dx_t where m_t = 1", touches="dx PAD")
def skipped_inputs_of_a_stack_have_gradients() -> Backend:
    """Inputs of skipped steps get gradients."""
    return _pulling(
        lambda right, without, inputs, keep: replace(
            right, inputs=np.where(keep, right.inputs + inputs, right.inputs).astype(inputs.dtype)
        )
    )


@fault("stack", "dL/dh_0 of m = 0", touches="dh0 PAD")
def skipped_steps_change_gradients_of_states() -> Backend:
    """The cotangents of the states go through the steps that were skipped."""
    return _pulling(lambda right, without, inputs, keep: replace(right, states=without.states))
