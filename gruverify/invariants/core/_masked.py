"""Masked runs as invariants see them: cases with a mask for each member, and each step from the
state that was returned before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Ball, NDArray
from gruverify.backends import Declarations
from gruverify.cell import DISTINCT, PATTERNS, Case, StackCase, mask_names, masks_of, unit_masks_of
from gruverify.formulas import activations, next_state
from gruverify.invariants.core._local import flat, lost, one_behind, stacked, unknown
from gruverify.invariants.core._residual import Floats
from gruverify.invariants.core._stack_trial import StackTrial
from gruverify.invariants.core._trial import Trial

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Repeated:
    """The numbers of a case for a member with each pattern of masks, and for as many steps as tell
    them apart: its own by turns.
    """

    inputs: NDArray
    d_outputs: NDArray
    members: npt.NDArray[np.intp]


def repeated(case: Case | StackCase) -> Repeated:
    """Those of a case (T, B, n) with the time first."""
    T, B, _ = case.inputs.shape
    steps, members = np.arange(max(T, DISTINCT)), np.arange(max(B, len(PATTERNS))) % B
    # By turns of both signs, or a step that is repeated could be skipped and nobody would know.
    signs = ((-1.0) ** (steps // T))[:, None, None].astype(case.format.dtype)
    inputs = case.inputs[steps % T][:, members] * signs
    return Repeated(inputs, case.d_outputs[steps % T][:, members], members)


def with_every_mask(case: Case) -> Case:
    """The case with a member for each pattern of masks, and with as many steps as tell them
    apart.
    """
    all_of = repeated(case)
    return replace(
        case,
        inputs=all_of.inputs,
        state=case.state[all_of.members],
        d_outputs=all_of.d_outputs,
        d_last=case.d_last[all_of.members],
    )


def masked(trial: Trial) -> Trial:
    """The trial with every mask; of few shapes, with those that its members have."""
    if trial.declared.shapes == "few":
        return trial
    return trial.on(with_every_mask)


def no_masks(case: Case) -> Mask:
    """The mask of a case in which no step is masked, (T, B)."""
    return np.zeros_like(masks_of(case))


def no_unit_masks(case: Case) -> Mask:
    """The mask of a case in which no unit keeps its state, (T, B, H)."""
    return np.zeros_like(unit_masks_of(case))


def kept_states(
    state: NDArray, outputs: NDArray, keep: Mask, restart: Mask | None = None
) -> NDArray:
    """The state after each step, (T, B, H): the output of the last step that was taken, or the
    initial state, or 0 after a new start since. keep: where it was not taken, (T, B, 1) of members
    or (T, B, H) of units; restart: where it starts anew, if at all.
    """
    found, h = list[NDArray](), state
    anew = np.zeros_like(keep) if restart is None else restart
    for output, kept, zero in zip(outputs, keep, anew, strict=True):
        h = np.where(kept, np.where(zero, np.zeros_like(h), h), output)
        found.append(h)
    return np.stack(found)


def outputs_of(declared: Declarations, states: NDArray, keep: Mask) -> NDArray:
    """What is returned as outputs where these are the states after each step, (T, B, H)."""
    hidden = hidden_outputs(declared.masked_outputs, keep)
    return np.where(hidden[..., None], np.zeros_like(states), states)


def hidden_outputs(masked_outputs: str, keep: Mask) -> Mask:
    """The steps (T, B) whose output is 0 whatever the state is, by what is declared."""
    if masked_outputs == "zero":
        return keep
    if masked_outputs == "last":
        # Before its first step a member has no output that could be repeated.
        return np.logical_and.accumulate(keep, axis=0)
    return np.zeros_like(keep)


def stepped(trial: Trial, states: NDArray, restart: Mask) -> Ball:
    """What each step makes of the state before it, (T, B, H), where these are the states after
    each; from 0 where it starts anew.
    """
    exact, T = trial.exact, len(states)
    before = one_behind(trial, trial.case.state, states)
    going_on = ~restart.reshape(-1, 1)
    mid = np.where(going_on, before.mid, 0.0)
    if before.exactly:
        begun = Ball.exact(exact.mode, mid)
    else:
        begun = Ball(exact.mode, mid, np.where(going_on, before.radius, 0.0))
    inputs = Ball.exact(exact.mode, flat(trial.case.inputs))
    v = trial.case.variant
    a = activations(v, exact.parameters, inputs, begun, exact.functions)
    after = stacked(next_state(v, a), T)
    behind = np.concatenate([lost(trial.case.state)[None], lost(states[:-1])]) & ~restart
    return unknown(after, behind[..., None])


def kept_slack(trial: Trial, states: NDArray, keep: Mask, restart: Mask | None = None) -> Floats:
    """How far the states of skipped steps may be from those kept, (T, B, H): an implementation may
    find what a step returns and what it goes on with one by one, each within its rounding. The
    initial state was given, and is kept as it is, and so is a 0. keep, restart: as for
    `kept_states`.
    """
    anew = np.zeros_like(keep) if restart is None else restart
    radius = 2 * stepped(trial, states, no_masks(trial.case) | anew[..., 0]).radius
    slack = np.broadcast_to(given_slack(trial, states), states.shape).copy()
    own = np.zeros(states.shape[1:])
    for t, kept in enumerate(keep):
        own = np.where(kept, np.where(anew[t], 0.0, own), radius[t])
        slack[t] += own
    return slack


def before_the_last_start(restart: Mask) -> Mask:
    """The steps (T, B) that are followed by one which starts anew."""
    from_here_on: Mask = np.logical_or.accumulate(restart[::-1])[::-1]
    return np.concatenate([from_here_on[1:], np.zeros_like(restart[:1])])


def given_slack(trial: Trial | StackTrial, values: NDArray) -> Floats | float:
    """How far numbers that the backend was given may be from what it returns of them unchanged."""
    slack = trial.exact.mode.of_given(values.astype(np.float64))
    return 0.0 if slack is None else slack


def by_member(trial: Trial) -> list[tuple[str, slice]]:
    """The name of each member's mask, and where the member stands."""
    return [(name, slice(b, b + 1)) for b, name in enumerate(mask_names(trial.case))]
