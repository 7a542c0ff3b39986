"""What may become of the states of a stack, whose cells are right by themselves: which layers and
directions lose it, and how; or which initial state each starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import Array, Ball, NDArray
from gruverify.backends import Backend, declarations_of
from gruverify.cell import StackCase
from gruverify.engine._agreeing import Way, agreeing
from gruverify.engine._lost_states import NO_LOSS, Loss, losses, shows_from_zeros
from gruverify.engine._search import size
from gruverify.formulas import Runner, sequence, stack
from gruverify.invariants import StackTrial, as_one

#: From the number of a layer and that of a direction.
Where: TypeAlias = Callable[[int, int], bool]
#: From a layer and a direction, and how many there are of each, to whose initial state is taken.
Taken: TypeAlias = Callable[[int, int, int, int], tuple[int, int]]

#: The layers and directions that may lose their states.
PLACES: Mapping[str, Where] = {
    "in every layer and direction": lambda layer, direction: True,
    "in the layers above the first": lambda layer, direction: layer > 0,
    "in the backward direction": lambda layer, direction: direction == 1,
}


#: The initial states that may be taken for others.
ORDERS: Mapping[str, Taken] = {
    "the initial state of the first layer and direction is that of all": (
        lambda layer, direction, L, D: (0, 0)
    ),
    "the initial state of the last layer and direction is that of all": (
        lambda layer, direction, L, D: (L - 1, D - 1)
    ),
    "the initial states of the first layer are those of all layers": (
        lambda layer, direction, L, D: (0, direction)
    ),
    "the initial state of the forward direction is that of both": (
        lambda layer, direction, L, D: (layer, 0)
    ),
    "the initial states of both directions are exchanged": (
        lambda layer, direction, L, D: (layer, D - 1 - direction)
    ),
    "initial states are read by direction, and then by layer": (
        lambda layer, direction, L, D: divmod(direction * L + layer, D)
    ),
    "initial states are read from the last layer to the first": (
        lambda layer, direction, L, D: (L - 1 - layer, direction)
    ),
}
#: So many steps after which a state may be lost are tried.
_AFTER = 3


@dataclass(frozen=True)
class StackLoss:
    """taken: whose initial state each layer and direction takes; loss: what becomes of a state
    where `where` is true.
    """

    taken: Taken = lambda layer, direction, L, D: (layer, direction)
    loss: Loss = NO_LOSS
    where: Where = lambda layer, direction: False

    def answer(self, trial: StackTrial) -> tuple[Ball, Ball]:
        """Outputs (T, B, D·H) and last states (L·D, B, H) of the trial's case."""

        def lifted(array: NDArray) -> Ball:
            return Ball.exact(trial.exact.mode, array)

        case = trial.case
        rows = case.stack.each(lambda cell: cell.parameters(lifted))
        inputs, states = list(map(lifted, case.inputs)), self._initial(case, lifted)
        run = stack(case.variant, rows, inputs, states, case.lengths, self._runner)
        return as_one(np.stack, run.outputs), as_one(np.stack, run.last)

    def _initial(self, case: StackCase, lifted: Callable[[NDArray], Ball]) -> list[Array]:
        """Of the whole batch, for the members of one length may not have the other member."""
        L, D = case.stack.layers, case.stack.directions
        found = list[Array]()
        for number in range(L * D):
            place = divmod(number, D)
            layer, direction = self.taken(*place, L, D)
            h: Array = lifted(case.states[layer * D + direction])
            if self.where(*place):
                h = self.loss.start(h)
            found.append(h)
        return found

    def _runner(self, layer: int, direction: int) -> Runner:
        if self.where(layer, direction):
            return replace(self.loss, start=NO_LOSS.start).run
        return sequence


def _every_loss(initial_state: bool) -> Iterator[tuple[str, Way]]:
    if initial_state:
        for words, taken in ORDERS.items():
            yield words, StackLoss(taken=taken).answer
    found = losses(None)
    for k in range(1, _AFTER + 1):
        found |= losses(k)
    for place, where in PLACES.items():
        for words, loss in found.items():
            if not initial_state and not shows_from_zeros(words):
                continue
            yield f"{words}, {place}", StackLoss(loss=loss, where=where).answer


def lost_in_stack(backend: Backend, cases: Sequence[StackCase]) -> tuple[str, ...]:
    """What becomes of states, in words, such that every answer to the cases lies within its bounds;
    empty if nothing does, or if nothing is lost.
    """
    trials = [StackTrial(case, backend) for case in sorted(cases, key=size, reverse=True)]
    every = dict(_every_loss(declarations_of(backend).initial_state))
    return agreeing(trials, "stack", StackLoss().answer, every)
