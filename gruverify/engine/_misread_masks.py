"""How a stack may misread its mask, where its cells and its runs without a mask are right: in which
layers and directions it skips other steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.backends import Backend
from gruverify.cell import StackCase, stack_masks_of
from gruverify.engine._agreeing import agreeing
from gruverify.engine._lost_stack_states import PLACES
from gruverify.engine._search import size
from gruverify.formulas import MaskRead, as_it_is
from gruverify.invariants import (
    StackTrial,
    as_one,
    hidden_in_stack,
    masked_trial,
    shown_outputs,
)

#: From the steps (T, B) that are to be skipped, those that are.
Skips: TypeAlias = Callable[[NDArray], NDArray]


def _late(keep: NDArray) -> NDArray:
    """The mask one step later; the first step is taken."""
    return np.concatenate([np.zeros_like(keep[:1]), keep[:-1]])


#: What one layer or direction may skip.
SKIPS: Mapping[str, Skips] = {
    "skips no step: the mask is ignored": np.zeros_like,
    "skips the steps that are not masked": np.logical_not,
    "reads the mask one step late": _late,
    "reads the mask from its last step to its first": lambda keep: keep[::-1],
    "reads the mask of another member, the last for the first": lambda keep: keep[:, ::-1],
}


@dataclass(frozen=True)
class Misreading:
    """read: which steps each layer and direction skips; last: those skipped on the way to the last
    states, where they are other ones.
    """

    read: MaskRead = as_it_is
    last: MaskRead | None = None

    def answer(self, trial: StackTrial) -> tuple[Ball, Ball]:
        """Outputs (T, B, D·H) and last states (L·D, B, H) of the trial's case with its mask."""
        keep = stack_masks_of(trial.case)
        run = end = trial.exact.masked_run(keep, self.read)
        if self.last is not None:
            end = trial.exact.masked_run(keep, self.last)
        states = as_one(np.stack, run.outputs)
        return shown_outputs(states, hidden_in_stack(trial, keep)), as_one(np.stack, end.last)


def _there(skips: Skips, where: Callable[[int, int], bool]) -> MaskRead:
    """Skips so in some layers and directions, and as it should in the others."""
    return lambda layer, direction, keep: skips(keep) if where(layer, direction) else keep


def _unmasked(layer: int, direction: int, keep: NDArray) -> NDArray:
    return np.zeros_like(keep)


#: All of them, in words.
MISREADINGS: Mapping[str, Misreading] = {
    **{
        f"{words}, {place}": Misreading(_there(skips, where))
        for place, where in PLACES.items()
        for words, skips in SKIPS.items()
    },
    "returns the last states of a run without a mask": Misreading(last=_unmasked),
}


def misread_in_stack(backend: Backend, cases: Sequence[StackCase]) -> tuple[str, ...]:
    """How the mask is misread, in words, such that every answer to the cases lies within its
    bounds; empty if it is in no such way, or if it is read as it should be.
    """
    trials = [
        masked_trial(StackTrial(case, backend)) for case in sorted(cases, key=size, reverse=True)
    ]
    ways = {words: misreading.answer for words, misreading in MISREADINGS.items()}
    return agreeing(trials, "stack_masked", Misreading().answer, ways)
