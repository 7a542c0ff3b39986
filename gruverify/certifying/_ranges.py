"""Where the gates of each unit can be, for all states and inputs in a box."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, each (H,)."""

    low: Floats
    high: Floats

    @classmethod
    def around(cls, middle: Floats, reach: Floats) -> Range:
        return cls(middle - reach, middle + reach)

    def times(self, other: Range) -> Range:
        """All products of a number of each."""
        pairs = product((self.low, self.high), (other.low, other.high))
        ends = [one * another for one, another in pairs]
        return Range(np.min(ends, axis=0), np.max(ends, axis=0))

    @property
    def size(self) -> Floats:
        """The largest magnitude."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def nearest_to_zero(self) -> Floats:
        """The smallest magnitude."""
        # 0 where the interval holds 0: there tanh is steepest.
        return np.maximum(np.maximum(self.low, -self.high), 0.0)


@dataclass(frozen=True)
class Box:
    """All inputs of at most `inputs`, and all states of at most `states`, which is one number or
    one for each unit, (H,).
    """

    inputs: float
    states: Floats | float = 1.0

    def driven(self, W_x: Floats) -> Floats:
        """The most that W_x x can be."""
        return np.asarray(self.inputs * np.abs(W_x).sum(1))

    def recurrent(self, W_h: Floats, shares: Floats | float = 1.0) -> Floats:
        """The most that W_h h can be, or of h only those shares, (H,)."""
        return np.asarray(np.abs(W_h) @ (np.ones(W_h.shape[1]) * self.states * shares))


def gate_range(
    W_x: Floats, W_h: Floats, bias: Floats, box: Box, off: Floats | float = 0.0
) -> Range:
    """Where a gate is, if its pre-activation is wrong by at most `off`."""
    a = Range.around(bias, box.driven(W_x) + box.recurrent(W_h) + off)
    return Range(_sigmoid(a.low), _sigmoid(a.high))


def slope_of(gate: Range) -> Floats:
    """The largest σ' = g(1 - g): 1/4 where the gate may be half open."""
    ends = np.maximum(gate.low * (1 - gate.low), gate.high * (1 - gate.high))
    return np.where((gate.low <= 0.5) & (gate.high >= 0.5), 0.25, ends)


def _sigmoid(a: Floats) -> Floats:
    # Of -|a|, which never overflows.
    e = np.exp(-np.abs(a))
    return np.asarray(np.where(a < 0, e, 1) / (1 + e))
