"""Masked runs of stacks as invariants see them: a mask for each member, and which outputs are 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.cell import DISTINCT, PATTERNS, StackCase
from gruverify.invariants.core._masked import Mask, hidden_outputs
from gruverify.invariants.core._stack_changes import without_lengths
from gruverify.invariants.core._stack_trial import StackTrial


def with_every_mask(case: StackCase) -> StackCase:
    """The case with a member for each pattern of masks, and with as many steps as tell them apart:
    its own by turns, without lengths.
    """
    T, B, _ = case.inputs.shape
    steps, members = np.arange(max(T, DISTINCT)), np.arange(max(B, len(PATTERNS))) % B
    # By turns of both signs, or a step that is repeated could be skipped and nobody would know.
    signs = ((-1.0) ** (steps // T))[:, None, None].astype(case.format.dtype)
    return replace(
        without_lengths(case),
        inputs=case.inputs[steps % T][:, members] * signs,
        states=case.states[:, members],
        d_outputs=case.d_outputs[steps % T][:, members],
        d_last=case.d_last[:, members],
    )


def masked_trial(trial: StackTrial) -> StackTrial:
    """The trial with every mask; of few shapes, with those that its members have."""
    if trial.declared.shapes == "few":
        return trial.on(without_lengths)
    return trial.on(with_every_mask)


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
