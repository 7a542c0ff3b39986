"""A sequence of which members skip steps or start anew, and back-propagation through it.

    h_t = h'                 where a member keeps its state, and
    h_t = step(x_t, h')      where it takes the step, with
    h'  = 0                  where it starts anew, and else h_{t-1}

A step is computed of the members that take it, and of nobody else: whatever the inputs of the
others are, they reach no state and no gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from gruverify.arithmetic import USUAL, Array, Functions, NDArray, carried, placed
from gruverify.cell import Parameters, Variant
from gruverify.formulas._bptt import Bptt
from gruverify.formulas._stack import zeros_like
from gruverify.formulas._step import Activations, activations, next_state, pullback


@dataclass(frozen=True, slots=True)
class Turn:
    """What the members of a batch do at a step: who takes it, who keeps its state, and who goes on
    from the state before instead of from zeros.
    """

    takes: list[int]
    keeps: list[int]
    goes_on: list[int]

    @classmethod
    def of(cls, keep: Iterable[bool], restart: Iterable[bool]) -> Turn:
        """From a truth value of each member."""
        kept, anew = list(map(bool, keep)), list(map(bool, restart))
        members = range(len(kept))
        return cls(
            takes=[b for b in members if not kept[b]],
            keeps=[b for b in members if kept[b]],
            goes_on=[b for b in members if not anew[b]],
        )

    def begun(self, h: Array) -> Array:
        """The states (B, H) that the step begins with, from those before; their cotangents too."""
        if len(self.goes_on) == h.shape[0]:
            return h
        return placed(h, h.shape, (self.goes_on, h[self.goes_on]))


@dataclass(frozen=True, slots=True)
class MaskedRun:
    """A masked sequence run forward: `steps[t]` has the activations of those that take step t, None
    if nobody does; `states[t]` is the state before it, (B, H), T+1 in all.
    """

    variant: Variant
    parameters: Parameters
    turns: Sequence[Turn]
    steps: Sequence[Activations | None]
    states: Sequence[Array]


def masked_sequence(
    v: Variant,
    p: Parameters,
    inputs: Sequence[Array],
    state: Array,
    keep: NDArray,
    restart: NDArray,
    f: Functions = USUAL,
) -> MaskedRun:
    """T steps from `state` (B, H) over `inputs`, T arrays (B, I); keep and restart are (T, B)."""
    turns = [Turn.of(*flags) for flags in zip(keep, restart, strict=True)]
    steps, states = list[Activations | None](), [state]
    for turn, x in zip(turns, inputs, strict=True):
        h = turn.begun(states[-1])
        if not turn.takes:
            steps.append(None)
            states.append(h)
            continue
        # As in a sequence: what an implementation goes on with may be wider than what it returns.
        before = carried(h) if len(states) > 1 else h
        a = activations(v, p, x[turn.takes], before[turn.takes], f)
        after = (turn.takes, next_state(v, a)), (turn.keeps, h[turn.keeps])
        steps.append(a)
        states.append(placed(h, h.shape, *after))
    return MaskedRun(v, p, turns, steps, states)


def masked_bptt(run: MaskedRun, d_outputs: Sequence[Array] | None, d_last: Array | None) -> Bptt:
    """dL/dθ, dL/dx_t and dL/dh_0 at the cotangents of the states after each step, T arrays (B, H),
    and of the last state (B, H). Needs T ≥ 1.

    A cotangent passes a step that is skipped as it is, and ends where the state starts anew.
    """
    v, p = run.variant, run.parameters
    g = state = d_last
    inputs, terms = list[Array](), list[Parameters]()
    for t in reversed(range(len(run.turns))):
        if d_outputs is not None:
            g = met(d_outputs[t], g)
        if g is None:
            raise ValueError(
                "d_outputs=None and d_last=None: a gradient needs at least one cotangent"
            )
        turn, a = run.turns[t], run.steps[t]
        into_x, into_h = list[tuple[list[int], Array]](), [(turn.keeps, g[turn.keeps])]
        if a is not None:
            back = pullback(v, p, a, g[turn.takes])
            terms.append(back.parameters)
            into_x.append((turn.takes, back.x))
            into_h.append((turn.takes, back.h))
        inputs.insert(0, placed(g, (g.shape[0], p.W_xr.shape[1]), *into_x))
        state = turn.begun(placed(g, g.shape, *into_h))
        g = carried(state)
    if not terms:
        terms.append(p.map(zeros_like))
    return Bptt(reduce(add, terms), inputs, state)


def met(own: Array, later: Array | None) -> Array:
    """The cotangent of a state from that of its output and what comes back from the steps after."""
    if later is None:
        return own
    return own + later
