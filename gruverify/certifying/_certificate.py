"""The certificate of a cell: weights of its units in which every step brings two states nearer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format
from gruverify.cell import Cell
from gruverify.certifying._jacobian import JacobianBound, jacobian_bound

Floats: TypeAlias = npt.NDArray[np.float64]

#: Rounds in which the weights are found: each brings them nearer to the best ones.
_ROUNDS = 400
#: What is certified is a little more than what was found, so that roundings do not decide.
_SPARE = 2.0**-20


@dataclass(frozen=True, eq=False)
class Certificate:
    """max_i |h_i(a) - h_i(b)| / w_i ≤ rate · max_i |a_i - b_i| / w_i after one step, for all states
    a and b in [-1, 1] and all inputs within `largest_input`; weights: w, (H,), the largest 1.

    It says something if the rate is below 1: the cell forgets where it started. gain: the most that
    a step adds to that distance, in the same norm, per unit of difference of any two inputs.
    """

    rate: float
    weights: Floats
    largest_input: float
    gain: float

    @property
    def certifies(self) -> bool:
        """Whether the cell is certified to contract."""
        return self.rate < 1

    def steps_to(self, distance: float) -> int:
        """After how many steps any two states are within that distance of each other, wherever in
        [-1, 1] they started.
        """
        if not self.certifies:
            raise ValueError(f"a rate of {self.rate:.4g} certifies nothing")
        start = 2 / float(self.weights.min())  # in the weighted norm; back from it w is at most 1
        if not self.rate:
            return 1
        # start · rate^t ≤ distance, solved for t.
        return max(0, math.ceil(math.log(distance / start) / math.log(self.rate)))

    @property
    def input_gain(self) -> float:
        """How far two runs can be apart in the end, in the weighted norm, per unit of the largest
        difference of their inputs, for as long as that lasts: incremental input-to-state stability
        (theory.md, 6.3).
        """
        return self.gain / (1 - self.rate) if self.certifies else math.inf

    def steps_in(self, fmt: Format) -> int:
        """After how many steps any two states are as good as equal in a format."""
        return self.steps_to(fmt.unit_roundoff)


def certificate_of(cell: Cell, largest_input: float = 1.0) -> Certificate:
    """The smallest rate that was found, whether it certifies anything or not.

    Raises:
        ValueError: the bound of inputs is not a number of 0 or more.
    """
    if not 0 <= largest_input < math.inf:
        raise ValueError(f"inputs within {largest_input}: a number of 0 or more is wanted")
    bound = jacobian_bound(cell, largest_input)
    weights = _weights(bound)
    # The norm max_i |v_i| / w_i of what the bound makes of w: any weights give a valid rate, good
    # ones a small one.
    rate = float((bound.times(weights) / weights).max(initial=0.0))
    gain = float((bound.driven / weights).max(initial=0.0))
    return Certificate(rate * (1 + _SPARE), weights, largest_input, gain * (1 + _SPARE))


def _weights(bound: JacobianBound) -> Floats:
    """Weights that the bound changes by the same factor, as nearly as some rounds find them: those
    of Perron's vector. Those that did best, equal ones first, are kept.
    """
    weights = np.ones(len(bound.least))
    best, least = weights, math.inf
    for _ in range(_ROUNDS):
        image = bound.times(weights)
        rate = float((image / weights).max(initial=0.0))
        if rate < least:
            best, least = weights, rate
        # Half of where it was: units that exchange their weights would do so for ever.
        mixed = weights + image / max(rate, np.finfo(float).tiny)
        # A unit that depends on no state tends to weight 0; division by it must stay possible.
        weights = np.maximum(mixed / mixed.max(), 2.0**-30)
    return best
