"""A run held step by step: each from the state that the backend itself returned, so that nothing
adds up along time.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gruverify.arithmetic import Ball, NDArray, Rounding
from gruverify.formulas import Activations, Run, activations, members_of, next_state
from gruverify.invariants.core._trial import Trial


def returned(mode: Rounding, values: NDArray) -> Ball:
    """What the backend may have gone on with where it returned `values`: those, or numbers wider
    than the format.

    A number that is not finite is taken for 0: see `lost`.
    """
    return Ball.observed(
        mode, np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    )


def lost(values: NDArray) -> NDArray:
    """The rows (..., n) with a number that is not finite, (...): nothing is known of what is made
    of them.
    """
    return np.asarray(~np.isfinite(values.astype(np.float64)).all(axis=-1))


def unknown(ball: Ball, where: NDArray | np.bool_) -> Ball:
    """The ball with an infinite radius in some places; `where` is broadcast to its shape."""
    if np.any(where):
        return Ball(ball.mode, ball.mid, np.where(where, np.inf, ball.radius))
    return ball


def flat(array: NDArray) -> NDArray:
    """(T, B, n) as (T·B, n): all steps as members of one batch."""
    return array.reshape(-1, array.shape[-1])


def stacked(ball: Ball, steps: int) -> Ball:
    """(T·B, n) as (T, B, n)."""
    shape = (steps, -1, ball.shape[-1])
    return Ball(ball.mode, ball.mid.reshape(shape), ball.radius.reshape(shape))


def local_to(trial: Trial, outputs: NDArray) -> Local:
    """The steps of the trial's case from the states that were returned; invariants that look at the
    same share them.
    """
    # By content: several invariants read the same answer, and a second call may have had another.
    key = "local", outputs.tobytes()
    if key not in trial.shared:
        trial.shared[key] = Local(trial, outputs)
    found: Local = trial.shared[key]
    return found


class Local:
    """What the mathematics allows for each step of a sequence from the state that was returned
    before it.

    outputs: (T, B, H), what the sequence of the trial's case returned. `lost` (T, B) are the steps
    from a state that is not finite.
    """

    def __init__(self, trial: Trial, outputs: NDArray) -> None:
        self.variant, self.parameters = trial.case.variant, trial.exact.parameters
        self.before = one_behind(trial, trial.case.state, outputs)
        self.lost = np.concatenate([lost(trial.case.state)[None], lost(outputs[:-1])])
        self._exact, self._steps = trial.exact, len(outputs)

    @cached_property
    def activations(self) -> Activations:
        """The activations of all steps, as one batch of T·B members."""
        if self._steps == 1:  # which starts from the case's own state, whatever was returned
            return self._exact.step
        # One batched step of T·B members: the steps are independent once their starting states are
        # known.
        inputs = Ball.exact(self._exact.mode, flat(self._exact.case.inputs))
        functions = self._exact.functions
        return activations(self.variant, self.parameters, inputs, self.before, functions)

    @cached_property
    def states(self) -> Ball:
        """The states after the steps, (T, B, H)."""
        if self._steps == 1:
            after = self._exact.next_state
        else:
            after = next_state(self.variant, self.activations)
        return unknown(stacked(after, self._steps), self.lost[..., None])

    @cached_property
    def run(self) -> Run:
        """The sequence that the steps are put together to: a pullback through it meets the returned
        states.
        """
        members = self.before.shape[0] // self._steps
        each = [slice(t * members, (t + 1) * members) for t in range(self._steps)]
        steps = [members_of(self.activations, some) for some in each]
        return Run(self.variant, self.parameters, steps, [step.h for step in steps])


def one_behind(trial: Trial, first: NDArray, outputs: NDArray) -> Ball:
    """What the T steps start from, (T·B, H): `first` (B, H) exactly, and then outputs (T, B, H) as
    returned.
    """
    mode = trial.exact.mode
    if len(outputs) == 1:
        return Ball.exact(mode, first)
    later = returned(mode, flat(outputs[:-1]))
    mid = np.concatenate([first.astype(np.float64), later.mid])
    if later.exactly:
        return Ball.exact(mode, mid)
    # The first state was given, not returned: what the backend makes of it may be off, too, where
    # it flushes or computes in another format.
    given = Ball.exact(mode, first)
    return Ball(mode, mid, np.concatenate([given.radius, later.radius]))
