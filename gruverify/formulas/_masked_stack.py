"""A stack of which members skip steps, in every layer and direction alike, and back-propagation
through it.

    h_t = h'                 where the member skips the step, and
    h_t = step(x_t, h')      where it takes it, with h' = h_{t-1}, and backward h_{t+1}

Whatever a layer hands on of a step that is skipped, the layer above skips it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from gruverify.arithmetic import Array, NDArray
from gruverify.cell import Parameters, Variant
from gruverify.formulas._bptt import Bptt
from gruverify.formulas._masked import MaskedRun, masked_bptt, masked_sequence
from gruverify.formulas._stack import DIRECTIONS, Rows, StackBptt, inputs_of, outputs_of_layer


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
    v: Variant, rows: Rows, inputs: Sequence[Array], states: Sequence[Array], keep: NDArray
) -> MaskedStackRun:
    """From inputs, T arrays (B, I), states, L·D arrays (B, H), and keep (T, B), True where a member
    skips the step.
    """
    layers, left = list[list[MaskedRun]](), iter(states)
    for row in rows:
        runs = list[MaskedRun]()
        for direction, p in zip(DIRECTIONS, row, strict=False):
            # Backward the mask is read backward, as the inputs are.
            steps, mine = inputs[direction.order], keep[direction.order]
            runs.append(masked_sequence(v, p, steps, next(left), mine, mine & False))
        layers.append(runs)
        inputs = outputs_of_layer([run.states[1:] for run in runs])
    return MaskedStackRun(layers, inputs)


def masked_stack_bptt(
    run: MaskedStackRun, d_outputs: Sequence[Array] | None, d_last: Sequence[Array] | None
) -> StackBptt:
    """dL/d(θ, x, h_0) at the cotangents of the states of the top layer, T arrays (B, D·H), and of
    the last states, L·D arrays (B, H). Either may be None. Needs T ≥ 1.
    """
    g, left = d_outputs, None
    if d_last is not None:
        left = list(d_last)
    parameters, states = list[list[Parameters]](), list[Array]()
    for runs in reversed(run.layers):
        H, backs = runs[0].states[0].shape[1], list[Bptt]()
        # The backward direction's cotangent stands last.
        for direction, forward in reversed([*zip(DIRECTIONS, runs, strict=False)]):
            each = direction.cotangents(g, H)
            backs.insert(0, masked_bptt(forward, each, left.pop() if left else None))
        g = inputs_of(backs)
        parameters.insert(0, [back.parameters for back in backs])
        states[:0] = [back.state for back in backs]
    assert g is not None
    return StackBptt(parameters, g, states)
