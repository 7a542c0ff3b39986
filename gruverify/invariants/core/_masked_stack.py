"""Masked runs of stacks as invariants see them: a mask for each member, and which outputs are 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.cell import StackCase
from gruverify.invariants.core._masked import Mask, hidden_outputs, repeated
from gruverify.invariants.core._stack_changes import without_lengths
from gruverify.invariants.core._stack_trial import StackTrial


def stack_with_every_mask(case: StackCase) -> StackCase:
    """The case with a member for each pattern of masks, and with as many steps as tell them apart,
    without lengths.
    """
    all_of = repeated(case)
    return replace(
        without_lengths(case),
        inputs=all_of.inputs,
        states=case.states[:, all_of.members],
        d_outputs=all_of.d_outputs,
        d_last=case.d_last[:, all_of.members],
    )


def masked_trial(trial: StackTrial) -> StackTrial:
    """The trial with every mask; of few shapes, with those that its members have."""
    if trial.declared.shapes == "few":
        return trial.on(without_lengths)
    return trial.on(stack_with_every_mask)


def hidden_in_stack(trial: StackTrial, keep: Mask) -> Mask:
    """The outputs (T, B, D·H) that are 0 whatever the state is, by what is declared: each direction
    has its own order of the steps.
    """
    stack, halves = trial.case.stack, list[NDArray]()
    for direction in range(stack.directions):
        order = slice(None, None, 1 - 2 * direction)
        own = hidden_outputs(trial.declared.masked_outputs, keep[order])[order]
        halves.append(np.repeat(own[..., None], stack.hidden_size, axis=2))
    return np.concatenate(halves, axis=2)


def shown_outputs(states: Ball, hidden: Mask) -> Ball:
    """The outputs (T, B, D·H) made of states, where some are hidden."""
    return Ball(
        states.mode, np.where(hidden, 0.0, states.mid), np.where(hidden, 0.0, states.radius)
    )
