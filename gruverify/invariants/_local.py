"""A run held step by step: each from the state that the backend itself returned, so that nothing adds up along time."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property

import numpy as np

from gruverify.arithmetic import Ball, Rounding
from gruverify.backends import declarations_of
from gruverify.cell import Cell, Parameters
from gruverify.formulas import Activations, Run, activations, next_state
from gruverify.invariants._residual import NDArray
from gruverify.invariants._trial import Trial


def returned(mode: Rounding, values: NDArray, carry: float) -> Ball:
    """What the backend may have gone on with where it returned `values`: those, or numbers wider than the format.

    carry: the backend's declaration, in units of roundoff. Nothing is known beyond a number that is not finite.
    """
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    if carry == 0 and known.all():
        return Ball.exact(mode, numbers)
    numbers = np.where(known, numbers, 0.0)
    width = carry * mode.u * np.abs(numbers) + (mode.eta if carry else 0.0)
    return Ball(mode, numbers, np.where(known, width, np.inf))


def flat(array: NDArray) -> NDArray:
    """(T, B, n) as (T·B, n): all steps as members of one batch."""
    return array.reshape(-1, array.shape[-1])


def stacked(ball: Ball, steps: int) -> Ball:
    """(T·B, n) as (T, B, n)."""
    shape = (steps, -1, ball.shape[-1])
    return Ball(ball.mode, ball.mid.reshape(shape), ball.radius.reshape(shape))


class Local:
    """What the mathematics allows for each step of a sequence from the state that was returned before it.

    before: (T·B, H), the states that the steps start from; inputs: (T·B, I).
    """

    def __init__(self, cell: Cell, parameters: Parameters, inputs: Ball, before: Ball, steps: int) -> None:
        self.variant, self.parameters = cell.variant, parameters
        self.before, self._inputs, self._steps = before, inputs, steps

    @cached_property
    def activations(self) -> Activations:
        """Those of all steps, as one batch of T·B members."""
        return activations(self.variant, self.parameters, self._inputs, self.before)

    @cached_property
    def states(self) -> Ball:
        """The states after the steps, (T, B, H)."""
        return stacked(next_state(self.variant, self.activations), self._steps)

    @cached_property
    def run(self) -> Run:
        """The sequence that the steps are put together to: a pullback through it meets the returned states."""
        members = self.before.shape[0] // self._steps
        each = [slice(t * members, (t + 1) * members) for t in range(self._steps)]
        steps = [_members(self.activations, some) for some in each]
        return Run(self.variant, self.parameters, steps, [step.h for step in steps])


def _members(a: Activations, some: slice) -> Activations:
    return Activations(*(getattr(a, field.name)[some] for field in fields(a)))


def local_steps(trial: Trial, outputs: NDArray) -> Local:
    """The steps of the trial's case from the states that outputs (T, B, H) say they started from."""
    case, exact = trial.case, trial.exact
    before = states_before(trial, outputs)
    return Local(case.cell, exact.parameters, Ball.exact(exact.mode, flat(case.inputs)), before, len(case.inputs))


def states_before(trial: Trial, outputs: NDArray) -> Ball:
    """The state before each step, (T·B, H): the initial one is given, the others were returned."""
    return one_behind(trial, trial.case.state, outputs)


def one_behind(trial: Trial, first: NDArray, outputs: NDArray) -> Ball:
    """What each of the T steps starts from, (T·B, H): `first` (B, H) exactly, and then outputs (T, B, H) as returned."""
    mode, carry = trial.exact.mode, declarations_of(trial.backend).carry
    if len(outputs) == 1:
        return Ball.exact(mode, first)
    later = returned(mode, flat(outputs[:-1]), carry)
    mid = np.concatenate([first.astype(np.float64), later.mid])
    if later.exactly:
        return Ball.exact(mode, mid)
    return Ball(mode, mid, np.concatenate([np.zeros(first.shape), later.radius]))
