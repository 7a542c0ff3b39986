"""A stack of which members skip steps, in every layer and direction alike, and back-propagation
through it.

    h_t = h'                 where the member skips the step, and
    h_t = step(x_t, h')      where it takes it, with h' = h_{t-1}, and backward h_{t+1}

Whatever a layer hands on of a step that is skipped, the layer above skips it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import Array, NDArray
from gruverify.cell import Parameters, Variant
from gruverify.formulas._masked import MaskedRun, masked_bptt, masked_sequence
from gruverify.formulas._stack import Direction, Rows, StackBptt, back_through, run_through

#: From a layer, a direction and a mask (T, B), which steps are skipped there.
MaskRead: TypeAlias = Callable[[int, int, NDArray], NDArray]


def as_it_is(layer: int, direction: int, keep: NDArray) -> NDArray:
    """The mask: every layer and direction skips the same steps."""
    return keep


@dataclass(frozen=True, slots=True)
class MaskedStackRun:
    """A stack with a mask run forward: the runs by layer and direction, each in its own order of
    the steps, and the states of the top layer, T arrays (B, D·H).
    """

    layers: Sequence[Sequence[MaskedRun]]
    outputs: Sequence[Array]

    @property
    def last(self) -> list[Array]:
        """The L·D last states, (B, H) each."""
        return [run.states[-1] for run in chain.from_iterable(self.layers)]


def masked_stack(
    v: Variant,
    rows: Rows,
    inputs: Sequence[Array],
    states: Sequence[Array],
    keep: NDArray,
    read: MaskRead = as_it_is,
) -> MaskedStackRun:
    """From inputs, T arrays (B, I), states, L·D arrays (B, H), and keep (T, B), True where a member
    skips the step.

    read: how it reads the mask, for who does it otherwise.
    """
    none = np.zeros_like(keep)

    def run(
        layer: int, direction: Direction, p: Parameters, xs: Sequence[Array], h: Array
    ) -> MaskedRun:
        # Backward the mask is read backward, as the inputs are.
        skipped = read(layer, direction.number, keep)[direction.order]
        return masked_sequence(v, p, xs, h, skipped, none)

    return MaskedStackRun(*run_through(rows, inputs, states, run))


def masked_stack_bptt(
    run: MaskedStackRun, d_outputs: Sequence[Array] | None, d_last: Sequence[Array] | None
) -> StackBptt:
    """dL/d(θ, x, h_0) at the cotangents of the states of the top layer, T arrays (B, D·H), and of
    the last states, L·D arrays (B, H). Either may be None. Needs T ≥ 1.
    """
    return back_through(run.layers, d_outputs, d_last, masked_bptt)
