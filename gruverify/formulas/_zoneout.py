"""A sequence of which single units keep their state, and back-propagation through it: zoneout, with
the mask that was drawn (Krueger et al. 2017, arXiv:1606.01305, (3)).

    h~_t  = step(x_t, h_{t-1})
    h_t   = h_{t-1}   where a unit keeps its state, and
    h_t   = h~_t      where it does not

A step is computed from the whole state, so that what a unit keeps is seen by all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from gruverify.arithmetic import USUAL, Array, Functions, NDArray, carried, placed
from gruverify.cell import Parameters, Variant
from gruverify.formulas._bptt import Bptt
from gruverify.formulas._masked import met
from gruverify.formulas._step import Activations, activations, next_state, pullback


@dataclass(frozen=True, slots=True)
class ZoneoutRun:
    """A sequence with zoneout run forward: `steps[t]` has the activations of step t, `states[t]`
    the state before it, (B, H), T+1 in all.
    """

    variant: Variant
    parameters: Parameters
    keep_units: NDArray
    steps: Sequence[Activations]
    states: Sequence[Array]


def zoneout_sequence(
    v: Variant,
    p: Parameters,
    inputs: Sequence[Array],
    state: Array,
    keep_units: NDArray,
    f: Functions = USUAL,
) -> ZoneoutRun:
    """T steps from `state` (B, H) over `inputs`, T arrays (B, I); keep_units is (T, B, H)."""
    steps, states = list[Activations](), [state]
    for kept, x in zip(keep_units, inputs, strict=True):
        h = states[-1]
        # As in a sequence: what an implementation goes on with may be wider than what it returns.
        a = activations(v, p, x, carried(h) if steps else h, f)
        steps.append(a)
        states.append(_selected(kept, h, next_state(v, a)))
    return ZoneoutRun(v, p, keep_units, steps, states)


def zoneout_bptt(run: ZoneoutRun, d_outputs: Sequence[Array] | None, d_last: Array | None) -> Bptt:
    """dL/dθ, dL/dx_t and dL/dh_0 at the cotangents of the states after each step, T arrays (B, H),
    and of the last state (B, H). Needs T ≥ 1.

    The cotangent of a unit that kept its state passes the step as it is; the others' go through it.
    """
    v, p = run.variant, run.parameters
    g = state = d_last
    inputs, terms = list[Array](), list[Parameters]()
    for t in reversed(range(len(run.steps))):
        if d_outputs is not None:
            g = met(d_outputs[t], g)
        if g is None:
            raise ValueError(
                "d_outputs=None and d_last=None: a gradient needs at least one cotangent"
            )
        kept = run.keep_units[t]
        back = pullback(v, p, run.steps[t], _only(~kept, g))
        terms.append(back.parameters)
        inputs.insert(0, back.x)
        state = back.h + _only(kept, g)
        g = carried(state)
    return Bptt(reduce(add, terms), inputs, state)


def _selected(kept: NDArray, before: Array, after: Array) -> Array:
    """The entries of one state (B, H) where a mask (B, H) is, and of another elsewhere."""
    here, there = np.nonzero(kept), np.nonzero(~kept)
    # Selected, and not multiplied by 0 or 1: 0·NaN would be NaN.
    return placed(before, before.shape, (here, before[here]), (there, after[there]))


def _only(mask: NDArray, g: Array) -> Array:
    """The entries of a cotangent (B, H) where a mask (B, H) is, and 0 elsewhere."""
    here = np.nonzero(mask)
    return placed(g, g.shape, (here, g[here]))
