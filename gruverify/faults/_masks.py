"""Faults of masks: every step is right, and what becomes of skipped steps and new starts is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import Arrangement, Cell, Gradients, Stack, StackGradients
from gruverify.faults._equivalents import equivalent
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, Pair

_RIGHT = NumpyBackend()


# -- steps that are skipped ------------------------------------------------------------------------


@fault("sequence", "m = 0", touches="FWD CARRY PAD")
def mask_ignored() -> Backend:
    """Every step is taken, whatever the mask says."""
    return Faulty(
        sequence_masked=lambda _, cell, inputs, state, keep: _RIGHT.sequence(cell, inputs, state)
    )


@fault("sequence", "outputs m∘h' + (1-m)∘h, state h", touches="FWD CARRY PAD")
def mask_applied_to_outputs_alone() -> Backend:
    """The outputs repeat themselves at skipped steps, and the state goes on underneath."""

    def repeated(
        _: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray
    ) -> Pair:
        outputs, last = _RIGHT.sequence(cell, inputs, state)
        shown = _start(outputs, state)
        for t, kept in enumerate(keep):
            shown = outputs[t] = np.where(kept[:, None], shown, outputs[t])
        return outputs, last

    return Faulty(sequence_masked=repeated)


@fault("sequence", "m_{t-1} for m_t", touches="FWD CARRY PAD")
def mask_one_step_late() -> Backend:
    """The mask is read one step behind the inputs."""
    return Faulty(
        sequence_masked=lambda _, cell, inputs, state, keep: _RIGHT.sequence_masked(
            cell, inputs, state, _late(keep)
        )
    )


@fault("sequence", "m of member B-b", touches="FWD CARRY PAD")
def mask_of_another_member() -> Backend:
    """Members are sorted, and their masks are not."""
    return Faulty(
        sequence_masked=lambda _, cell, inputs, state, keep: _RIGHT.sequence_masked(
            cell, inputs, state, keep[:, ::-1]
        )
    )


@fault("sequence", "h = (1-m)∘h", touches="FWD CARRY PAD")
def masked_state_zeroed() -> Backend:
    """The state is multiplied by the mask, and so is 0 after a skipped step."""

    def zeroed(_: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray) -> Pair:
        # A skipped step starts the next anew: its own output is 0 already.
        begins = np.concatenate([np.zeros_like(keep[:1]), keep[:-1]])
        outputs, last = _RIGHT.sequence_restarted(cell, inputs, state, begins)
        gone = keep[..., None]
        return np.where(gone, 0 * outputs, outputs), np.where(gone[-1], 0 * last, last)

    return Faulty(sequence_masked=zeroed)


@fault("sequence", "last = h_T of all steps", touches="CARRY PAD")
def last_state_without_mask() -> Backend:
    """The outputs heed the mask, and the last state is that of a run without one."""
    return Faulty(
        sequence_masked=lambda pair, cell, inputs, state, keep: (
            pair[0],
            _RIGHT.sequence(cell, inputs, state)[1],
        )
    )


@fault("sequence", "m·h' + (1-m)·h", touches="NAN PAD")
def mask_multiplied() -> Backend:
    """Masked by multiplication: 0·NaN is NaN, so what is at a skipped step shows."""

    def multiplied(
        pair: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, *masks: NDArray
    ) -> Pair:
        zero = inputs.dtype.type(0)
        leak = np.cumsum((zero * inputs).sum(-1, keepdims=True), axis=0).astype(inputs.dtype)
        if not len(leak):
            return pair
        return pair[0] + leak, pair[1] + leak[-1]

    return Faulty(sequence_masked=multiplied, sequence_marked=multiplied)


@fault("sequence", "outputs 0 where m = 1, undeclared", touches="FWD PAD")
def masked_outputs_zero_undeclared() -> Backend:
    """Outputs of skipped steps are 0, and nobody says so."""
    return Faulty(
        sequence_masked=lambda pair, cell, inputs, state, keep: (
            np.where(keep[..., None], 0 * pair[0], pair[0]),
            pair[1],
        )
    )


@fault("sequence", "h_0 = 0 where no m = 1 and nothing starts anew", touches="FWD CARRY")
def fast_path_without_masks_loses_the_state() -> Backend:
    """Where nothing is masked another kernel runs, which is not handed the state."""

    def fast(
        pair: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, *masks: NDArray
    ) -> Pair:
        if any(mask.any() for mask in masks):
            return pair
        return _RIGHT.sequence(cell, inputs, None)

    return Faulty(sequence_masked=fast, sequence_restarted=fast, sequence_marked=fast)


@fault("contract", "m := 0", touches="ALIAS")
def masks_used_up() -> Backend:
    """A mask is set back while it is read, in the caller's own array."""

    def used_up(
        answer: object,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        mask: NDArray,
        *_: object,
    ) -> object:
        mask[...] = False
        return answer

    return Faulty(
        sequence_masked=used_up,
        sequence_masked_vjp=used_up,
        sequence_restarted=used_up,
        sequence_restarted_vjp=used_up,
        sequence_marked=used_up,
        sequence_marked_vjp=used_up,
        sequence_zoneout=used_up,
        sequence_zoneout_vjp=used_up,
        stack_masked=used_up,
        stack_masked_vjp=used_up,
    )


# -- their gradients -------------------------------------------------------------------------------


@fault("gradient", "g_{t-1} = 0 where m_t = 1", touches="dθ dx dh0 PAD")
def gradient_stops_at_skipped_steps() -> Backend:
    """No cotangent passes a skipped step: what came before it learns nothing."""

    def stopped(
        _: Gradients,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        # Backwards a skipped step is a new start: the values are other ones, the paths those of
        # the fault.
        right = _RIGHT.sequence_masked_vjp(cell, inputs, state, keep, d_outputs, d_last)
        passed = np.logical_or.accumulate(keep[::-1])[::-1]
        d_inputs = np.where(passed[..., None], 0 * right.inputs, right.inputs)
        if right.state is None or not len(keep):
            return replace(right, inputs=d_inputs)
        d_state = np.where(np.any(keep, axis=0)[:, None], 0 * right.state, right.state)
        return replace(right, inputs=d_inputs, state=d_state)

    return Faulty(sequence_masked_vjp=stopped)


@fault("gradient", "dL/dθ + Σ over skipped steps", touches="dθ PAD")
def skipped_steps_teach() -> Backend:
    """The weights learn from steps that were skipped."""

    def taught(
        right: Gradients,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        without = _RIGHT.sequence_vjp(cell, inputs, state, d_outputs, d_last)
        return replace(right, weight_ih=without.weight_ih, weight_hh=without.weight_hh)

    return Faulty(sequence_masked_vjp=taught)


@fault("gradient", "dL/dx_t where m_t = 1", touches="dx PAD")
def skipped_inputs_have_gradients() -> Backend:
    """Inputs of skipped steps get the cotangent of the state."""

    def given(
        right: Gradients,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        *_: object,
    ) -> Gradients:
        moved = np.where(keep[..., None], right.inputs + inputs, right.inputs)
        return replace(right, inputs=moved.astype(inputs.dtype))

    return Faulty(sequence_masked_vjp=given)


# -- steps that start from zeros -------------------------------------------------------------------


@fault("sequence", "h' = h_{t-1} at every step", touches="FWD CARRY")
def restart_ignored() -> Backend:
    """No step starts anew: each goes on from the state before."""
    return Faulty(
        sequence_restarted=lambda _, cell, inputs, state, restart: _RIGHT.sequence(
            cell, inputs, state
        )
    )


@fault("sequence", "h_t = 0 for h_{t-1} = 0", touches="FWD CARRY")
def restart_one_step_late() -> Backend:
    """The state is reset after the step that should have started anew."""
    return Faulty(
        sequence_restarted=lambda _, cell, inputs, state, restart: _RIGHT.sequence_restarted(
            cell, inputs, state, _late(restart)
        )
    )


@fault("sequence", "h' = h_0 for h' = 0", touches="FWD CARRY")
def restart_from_the_initial_state() -> Backend:
    """A new start begins with the state that the sequence began with."""

    def begun(
        _: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, restart: NDArray
    ) -> Pair:
        h = start = _start(np.zeros((1, inputs.shape[1], cell.hidden_size), inputs.dtype), state)
        outputs = list[NDArray]()
        for x, anew in zip(inputs, restart, strict=True):
            h = _RIGHT.step(cell, x, np.where(anew[:, None], start, h))
            outputs.append(h)
        return np.array(outputs, inputs.dtype).reshape(len(inputs), *h.shape), h.copy()

    return Faulty(sequence_restarted=begun)


@fault("gradient", "g_{t-1} = Jᵀ g_t where h' = 0", touches="dθ dx dh0")
def gradient_passes_a_restart() -> Backend:
    """The values start anew, and the cotangent goes on to the steps before."""

    def passed(
        right: Gradients,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        whole = _RIGHT.sequence_vjp(cell, inputs, state, d_outputs, d_last)
        return replace(right, inputs=whole.inputs, state=whole.state)

    return Faulty(sequence_restarted_vjp=passed)


# -- both in one call ------------------------------------------------------------------------------


def _with_other_marks(other: Callable[[NDArray, NDArray], tuple[NDArray, NDArray]]) -> Backend:
    """By other marks (T, B), skips and new starts, than those that are given."""
    return Faulty(
        sequence_marked=lambda _, cell, inputs, state, keep, restart: _RIGHT.sequence_marked(
            cell, inputs, state, *other(keep, restart)
        )
    )


@fault("sequence", "h_t = h_{t-1} where m = 1, though h' = 0", touches="FWD CARRY PAD")
def skipped_steps_start_nothing_anew() -> Backend:
    """The state is reset in the step, which is not taken where it is skipped."""
    return _with_other_marks(lambda keep, restart: (keep, restart & ~keep))


@fault("sequence", "h_t = h~ where h' = 0, though m = 1", touches="FWD CARRY PAD")
def new_starts_are_never_skipped() -> Backend:
    """Whatever starts anew is taken, as the first step of an episode is."""
    return _with_other_marks(lambda keep, restart: (keep & ~restart, restart))


@fault("sequence", "m for h' = 0, and h' = 0 for m", touches="FWD CARRY PAD")
def marks_exchanged() -> Backend:
    """What is to be skipped starts anew, and what is to start anew is skipped."""
    return _with_other_marks(lambda keep, restart: (restart, keep))


@fault("sequence", "h' = 0 at the next step with m = 0", touches="FWD PAD")
def new_starts_wait_for_a_step() -> Backend:
    """A state that is to be reset is, once a step is taken: until then the old one is returned."""

    def waiting(
        pair: Pair,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        restart: NDArray,
    ) -> Pair:
        outputs, last = pair
        shown = _start(outputs, state)
        for t, kept in enumerate(keep):
            shown = outputs[t] = np.where(kept[:, None], shown, outputs[t])
        return outputs, last

    return Faulty(sequence_marked=waiting)


@fault("gradient", "g_{t-1} = g_t where m = 1, though h' = 0", touches="dθ dx dh0 PAD")
def gradient_passes_a_skipped_restart() -> Backend:
    """A skipped step hands its cotangent on, though the state started anew there."""

    def passed(
        right: Gradients,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        marks = keep, restart & ~keep
        whole = _RIGHT.sequence_marked_vjp(cell, inputs, state, *marks, d_outputs, d_last)
        return replace(right, inputs=whole.inputs, state=whole.state)

    return Faulty(sequence_marked_vjp=passed)


# -- right ones ------------------------------------------------------------------------------------


@equivalent("sequence", "outputs 0 where m = 1")
def masked_outputs_zero() -> Backend:
    """Outputs of skipped steps are 0, as is declared."""
    return _Showing("zero")


@equivalent("sequence", "outputs h' where m = 1, 0 before the first")
def masked_outputs_repeated() -> Backend:
    """Outputs of skipped steps are the last ones, and 0 before there is any, as is declared."""
    return _Showing("last")


class _Showing(NumpyBackend):
    """The formulas, with other outputs at skipped steps."""

    name = "showing"

    def __init__(self, masked_outputs: str) -> None:
        self.masked_outputs = masked_outputs

    def sequence_masked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray
    ) -> Pair:
        """The outputs, 0 where they are hidden, and the last state."""
        outputs, last = super().sequence_masked(cell, inputs, state, keep)
        return np.where(self._hidden(keep), 0 * outputs, outputs), last

    def sequence_masked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """The gradients, without the cotangents of outputs that are hidden."""
        if d_outputs is not None:
            d_outputs = np.where(self._hidden(keep), 0 * d_outputs, d_outputs)
        return super().sequence_masked_vjp(cell, inputs, state, keep, d_outputs, d_last)

    def sequence_marked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray, restart: NDArray
    ) -> Pair:
        """The outputs, 0 where they are hidden, and the last state."""
        outputs, last = super().sequence_marked(cell, inputs, state, keep, restart)
        return np.where(self._hidden(keep), 0 * outputs, outputs), last

    def sequence_marked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """The gradients, without the cotangents of outputs that are hidden."""
        if d_outputs is not None:
            d_outputs = np.where(self._hidden(keep), 0 * d_outputs, d_outputs)
        return super().sequence_marked_vjp(cell, inputs, state, keep, restart, d_outputs, d_last)

    def stack_masked(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
    ) -> Pair:
        """The outputs, 0 where they are hidden, and the last states."""
        outputs, last = super().stack_masked(stack, inputs, states, keep, batch_first)
        hidden = self._hidden_in(stack, inputs, keep, batch_first)
        return np.where(hidden, 0 * outputs, outputs), last

    def stack_masked_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        """The gradients, without the cotangents of outputs that are hidden."""
        if d_outputs is not None:
            hidden = self._hidden_in(stack, inputs, keep, batch_first)
            d_outputs = np.where(hidden, 0 * d_outputs, d_outputs)
        both = d_outputs, d_last
        return super().stack_masked_vjp(stack, inputs, states, keep, batch_first, *both)

    def _hidden_in(
        self, stack: Stack, inputs: NDArray, keep: NDArray, batch_first: bool
    ) -> NDArray:
        arranged = Arrangement.of_call(inputs, batch_first)
        mask, halves = arranged.steps_of(keep[..., None])[..., 0], list[NDArray]()
        for direction in range(stack.directions):
            order = slice(None, None, 1 - 2 * direction)
            halves.append(np.repeat(self._hidden(mask[order])[order], stack.hidden_size, axis=2))
        hidden: NDArray = arranged.steps(np.concatenate(halves, axis=2))
        return hidden

    def _hidden(self, keep: NDArray) -> NDArray:
        if self.masked_outputs == "last":
            keep = np.logical_and.accumulate(keep, axis=0)
        return keep[..., None]


def _start(outputs: NDArray, state: NDArray | None) -> NDArray:
    """The initial state (B, H) of a run with these outputs."""
    if state is None:
        return np.zeros(outputs.shape[1:], outputs.dtype)
    return state


def _late(mask: NDArray) -> NDArray:
    """A mask (T, B) one step later."""
    return np.concatenate([np.zeros_like(mask[:1]), mask[:-1]])
