"""Faults of zoneout: each step is right, and what becomes of units that keep their state is not."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import NDArray, floating
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import Cell, Gradients, Parameters, pack
from gruverify.faults._equivalents import equivalent
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, Pair, same
from gruverify.formulas import pullback, zoneout_sequence

_RIGHT = NumpyBackend()
#: From a mask (B, H) and two arrays (B, H), such as the states before a step and after it, to one.
Choice: TypeAlias = Callable[[NDArray, NDArray, NDArray], NDArray]


def _choosing(choice: Choice) -> Backend:
    """Zoneout by another choice between the state before a step and that after it."""

    def chosen(
        _: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, keep_units: NDArray
    ) -> Pair:
        h = _start(cell, inputs, state)
        outputs = np.zeros(keep_units.shape, inputs.dtype)
        for t, kept in enumerate(keep_units):
            h = outputs[t] = choice(kept, h, _RIGHT.step(cell, inputs[t], h)).astype(inputs.dtype)
        return outputs, h.copy()

    return Faulty(sequence_zoneout=chosen)


def _with_other_masks(other: Callable[[NDArray], NDArray]) -> Backend:
    """Zoneout by other masks (T, B, H) than those that are given."""
    return Faulty(
        sequence_zoneout=lambda _, cell, inputs, state, keep_units: _RIGHT.sequence_zoneout(
            cell, inputs, state, other(keep_units)
        )
    )


@fault("sequence", "m = 0", touches="FWD CARRY")
def zoneout_ignored() -> Backend:
    """No unit keeps its state, whatever the mask says."""
    return _with_other_masks(np.zeros_like)


@fault("sequence", "1-m for m", touches="FWD CARRY")
def zoneout_inverted() -> Backend:
    """The mask is read as that of the units that take the step."""
    return _with_other_masks(np.logical_not)


@fault("sequence", "m_1 for m_t", touches="FWD CARRY")
def zoneout_by_the_mask_of_the_first_step() -> Backend:
    """One mask for all steps, as variational dropout has it."""
    return _with_other_masks(lambda keep_units: np.repeat(keep_units[:1], len(keep_units), 0))


@fault("sequence", "m of the first member for m", touches="FWD CARRY")
def zoneout_by_the_mask_of_the_first_member() -> Backend:
    """One mask for all members of the batch."""
    return _with_other_masks(lambda keep_units: keep_units[:, :1] | np.zeros_like(keep_units))


@fault("sequence", "h = (1-m)∘h~", touches="FWD CARRY")
def zoneout_as_dropout() -> Backend:
    """Units that should keep their state are set to 0."""
    return _choosing(lambda kept, before, after: np.where(kept, 0 * after, after))


@fault("sequence", "outputs m∘h' + (1-m)∘h~, state h~", touches="FWD CARRY")
def zoneout_of_the_outputs_alone() -> Backend:
    """The outputs have zoneout, and the next step goes on from a state without."""

    def shown(
        _: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, keep_units: NDArray
    ) -> Pair:
        outputs, last = _RIGHT.sequence(cell, inputs, state)
        before = np.concatenate([_start(cell, inputs, state)[None], outputs])
        found = np.where(keep_units, before[:-1], outputs)
        if not len(found):
            return found, last
        return found, found[-1].copy()

    return Faulty(sequence_zoneout=shown)


@fault("gradient", "g' = Jᵀ(1-m)∘g for m∘g + Jᵀ(1-m)∘g", touches="dθ dx dh0")
def zoneout_stops_gradients() -> Backend:
    """The cotangent of a unit that kept its state ends there."""
    return _pulling(direct=lambda kept, g, zeros: zeros)


@fault("gradient", "g' = m∘g + Jᵀg for m∘g + Jᵀ(1-m)∘g", touches="dθ dx dh0")
def zoneout_gradients_take_both_ways() -> Backend:
    """The cotangent of a unit that kept its state passes, and goes through the step besides."""
    return _pulling(into_step=lambda kept, g, zeros: g)


@fault("gradient", "dL/dθ at m = 0", touches="dθ dx dh0")
def zoneout_gradients_of_the_sequence() -> Backend:
    """The backward pass is that of a run in which no unit keeps its state."""
    return Faulty(
        sequence_zoneout_vjp=lambda _, cell, inputs, state, keep_units, d_outputs, d_last: (
            _RIGHT.sequence_vjp(cell, inputs, state, d_outputs, d_last)
        )
    )


def _pulling(
    into_step: Choice = lambda kept, g, zeros: np.where(kept, zeros, g),
    direct: Choice = lambda kept, g, zeros: np.where(kept, g, zeros),
) -> Backend:
    """Gradients by another choice of what goes through a step and of what passes it: from a mask
    (B, H), a cotangent and zeros.
    """

    def pulled(
        right: Gradients,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep_units: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        if not len(inputs):
            return right
        v, p = cell.variant, cell.parameters(floating)
        start = floating(_start(cell, inputs, state))
        run = zoneout_sequence(v, p, list(floating(inputs)), start, keep_units)
        zeros = np.zeros_like(start)
        g, d_inputs, terms = zeros, np.zeros_like(inputs), list[Parameters]()
        if d_last is not None:
            g = floating(d_last)
        for t in reversed(range(len(inputs))):
            if d_outputs is not None:
                g = g + floating(d_outputs[t])
            back = pullback(v, p, run.steps[t], into_step(keep_units[t], g, zeros))
            terms.append(back.parameters)
            d_inputs[t] = back.x
            g = back.h + direct(keep_units[t], g, zeros)
        return pack(reduce(add, terms), d_inputs, np.asarray(g), v.bias)

    return Faulty(sequence_zoneout_vjp=pulled)


def _start(cell: Cell, inputs: NDArray, state: NDArray | None) -> NDArray:
    """The initial state (B, H): zeros, if none is given."""
    if state is None:
        return np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype)
    return state


# -- shares of a state -----------------------------------------------------------------------------


class _Sharing(NumpyBackend):
    """The formulas, with other shares than those that are given: of values, and of gradients."""

    name = "sharing"

    def __init__(
        self,
        of_values: Callable[[NDArray], NDArray] = same,
        of_gradients: Callable[[NDArray], NDArray] = same,
    ) -> None:
        self._of_values, self._of_gradients = of_values, of_gradients

    def sequence_zoneout(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep_units: NDArray
    ) -> Pair:
        """The outputs and the last state."""
        return super().sequence_zoneout(
            cell, inputs, state, _unless_a_mask(self._of_values, keep_units)
        )

    def sequence_zoneout_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep_units: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """The gradients at both cotangents."""
        other = _unless_a_mask(self._of_gradients, keep_units)
        return super().sequence_zoneout_vjp(cell, inputs, state, other, d_outputs, d_last)


def _unless_a_mask(other: Callable[[NDArray], NDArray], keep_units: NDArray) -> NDArray:
    if keep_units.dtype == bool:
        return keep_units
    return other(keep_units)


def _exchanged(shares: NDArray) -> NDArray:
    rest: NDArray = 1 - shares
    return rest


@fault("sequence", "(1-k)∘h' + k∘h~", touches="FWD CARRY")
def zoneout_shares_exchanged() -> Backend:
    """The share is that of the new state, as many have it of the rate of dropout."""
    return _Sharing(of_values=_exchanged, of_gradients=_exchanged)


@fault("sequence", "h' where k ≠ 0", touches="FWD CARRY")
def zoneout_shares_taken_for_masks() -> Backend:
    """A share is taken for a mask: whoever keeps anything keeps everything."""
    return _Sharing(of_values=lambda shares: shares != 0, of_gradients=lambda shares: shares != 0)


@fault("gradient", "g' = (1-k)∘g + Jᵀ k∘g", touches="dθ dx dh0")
def zoneout_shares_exchanged_in_gradients() -> Backend:
    """The values have the shares, and the backward pass exchanges them."""
    return _Sharing(of_gradients=_exchanged)


# -- right ones ------------------------------------------------------------------------------------


@equivalent("sequence", "m∘h' + (1-m)∘h~")
def zoneout_multiplied() -> Backend:
    """Both states are multiplied by 0 or 1 and added, as the paper writes it."""

    def multiplied(kept: NDArray, before: NDArray, after: NDArray) -> NDArray:
        m: NDArray = kept.astype(before.dtype)
        blended: NDArray = m * before + (1 - m) * after
        return blended

    return _choosing(multiplied)
