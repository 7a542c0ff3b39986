"""Inputs that drive gates to their regimes in a GRU whose weights are what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import USUAL, Format, Functions
from gruverify.cell import unpack
from gruverify.formulas import activations, step
from gruverify.models import Gru
from gruverify_strategies import Regimes

Floats: TypeAlias = npt.NDArray[np.float64]

#: The candidate's pre-activation depends on the reset gate, and so on the inputs themselves.
_ROUNDS = 3
#: The largest inputs of what is always asked.
LARGE = 64.0


@dataclass(frozen=True)
class Aim:
    """Where gates are driven to: the regimes of steps · members units. Of member b it is unit
    (unit + b) mod H at each of the first `steps` steps, which one of the directions takes.
    """

    regimes: Regimes
    steps: int
    members: int
    unit: int
    direction: int


def driven(gru: Gru, format: Format, inputs: Floats, state: Floats, aim: Aim) -> Floats:
    """Inputs (T, B, I), the nearest to those given that bring r, z and the candidate of each
    member's unit to where their regimes have them, from the state (B, H) of the direction; format:
    that of the inputs.

    Further layers read what the first returns, which alone is driven.
    """
    direction = aim.direction % gru.stack.directions
    cell, functions = gru.stack.cells[0][direction], gru.activations[direction]
    H, xs, h = cell.hidden_size, inputs.copy(), state[: aim.members].astype(np.float64)
    arrays = {name: array.astype(np.float64) for name, array in cell.packed().items()}
    parameters = unpack(arrays, H)
    members, reach = np.arange(aim.members), _reach(format, functions)
    units = (aim.unit + members) % H
    # The rows of weight_ih for r, z and the candidate of each member's unit: (B, 3, I).
    rows = arrays["weight_ih"].reshape(3, H, -1)[:, units].swapaxes(0, 1)
    at, margin, _ = aim.regimes.drives()
    wanted = at.reshape(3, aim.steps, -1).transpose(1, 2, 0)
    is_free = np.isinf(margin).reshape(3, aim.steps, -1).transpose(1, 2, 0)
    order = np.arange(len(xs))
    if gru.backward or direction == 1:
        order = order[::-1]
    for k in range(aim.steps):
        t = order[k]
        # A gate that is not driven is not an equation.
        back = np.linalg.pinv(rows * ~is_free[k, :, :, None])
        for _ in range(_ROUNDS):
            a = activations(cell.variant, parameters, xs[t], h, functions)
            reached = np.stack([gate[members, units] for gate in (a.a_r, a.a_z, a.a_c)], axis=1)
            missing = np.where(is_free[k], 0.0, wanted[k] - reached)
            xs[t] = _within(reach, xs[t] + np.einsum("big,bg->bi", back, missing))
        h = step(cell.variant, parameters, xs[t], h, functions)
    return xs


def _reach(format: Format, functions: Functions) -> float:
    """How large an input may become: a level that wants more is not reached."""
    # Beyond the second, little is left of the other units' pre-activations.
    reach = min(-4 * format.sigmoid_underflows, 1 / (16 * format.unit_roundoff))
    if functions == USUAL:
        return reach
    # Where σ and tanh have long come to an end, others overflow, and nothing can be decided.
    return min(reach, LARGE)


def _within(reach: float, x: Floats) -> Floats:
    """Each member's inputs, scaled down to the largest ones that are allowed."""
    largest = np.abs(x).max(axis=-1, keepdims=True)
    scaled: Floats = x * (reach / np.maximum(largest, reach))
    return scaled
