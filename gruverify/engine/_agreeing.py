"""Which of several ways to run a stack agree with all that a backend answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from gruverify.arithmetic import Ball
from gruverify.invariants import STATES, Obstacle, StackTrial, compare

#: From a trial, the outputs (T, B, D·H) and last states (L·D, B, H) that the way allows.
Way: TypeAlias = Callable[[StackTrial], tuple[Ball, Ball]]


def agreeing(
    trials: Iterable[StackTrial], method: str, right: Way, others: Mapping[str, Way]
) -> tuple[str, ...]:
    """The other ways, in words, whose bounds every answer of the method lies in, where most of
    these claim something; none if the right way is as good.

    trials: the largest first, for they rule out most.
    """
    left, claiming, answered = {"": right, **others}, dict[str, int](), 0
    for trial in trials:
        try:
            outputs, last = trial.observed.ask(method)
        except Obstacle:
            continue
        answered += 1
        for words, way in list(left.items()):
            allowed = way(trial)
            found = (
                compare("outputs", "tbi", outputs, allowed[0], scale=STATES),
                compare("last", "sbi", last, allowed[1], scale=STATES),
            )
            if max(residual.margin for residual in found) > 1:
                del left[words]
            claims = all(residual.claims for residual in found)
            claiming[words] = claiming.get(words, 0) + claims
    if "" in left:
        return ()
    return tuple(words for words in left if 2 * claiming[words] >= answered > 0)
