"""A sequence of which single units keep their state, and back-propagation through it: zoneout, with
the mask that was drawn (Krueger et al. 2017, arXiv:1606.01305, (3)), or with the shares that stand
for it in evaluation.

    h~_t  = step(x_t, h_{t-1})
    h_t   = h_{t-1}   where a unit keeps its state, and
    h_t   = h~_t      where it does not; or
    h_t   = k∘h_{t-1} + (1-k)∘h~_t   of a unit that keeps the share k

A step is computed from the whole state, so that what a unit keeps is seen by all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import USUAL, Array, Functions, NDArray, blend, carried, placed
from gruverify.cell import Parameters, Variant
from gruverify.formulas._bptt import Bptt
from gruverify.formulas._masked import met
from gruverify.formulas._step import Activations, activations, next_state, pullback

#: A mask (T, B, H) of bool, or T arrays (B, H) of shares.
Keeps: TypeAlias = "NDArray | Sequence[Array]"
#: From what units keep, (B, H), and a cotangent (B, H), to what of it passes the step, and what
#: goes through it.
Parting: TypeAlias = Callable[[Array, Array], tuple[Array, Array]]


@dataclass(frozen=True, slots=True)
class ZoneoutRun:
    """A sequence with zoneout run forward: `steps[t]` has the activations of step t, `states[t]`
    the state before it, (B, H), T+1 in all.
    """

    variant: Variant
    parameters: Parameters
    keep_units: Keeps
    steps: Sequence[Activations]
    states: Sequence[Array]


def zoneout_sequence(
    v: Variant,
    p: Parameters,
    inputs: Sequence[Array],
    state: Array,
    keep_units: Keeps,
    f: Functions = USUAL,
) -> ZoneoutRun:
    """T steps from `state` (B, H) over `inputs`, T arrays (B, I); keep_units: a mask (T, B, H) of
    bool, or T arrays (B, H) of shares.
    """
    steps, states = list[Activations](), [state]
    for kept, x in zip(keep_units, inputs, strict=True):
        h = states[-1]
        # As in a sequence: what an implementation goes on with may be wider than what it returns.
        a = activations(v, p, x, carried(h) if steps else h, f)
        steps.append(a)
        states.append(mixed(kept, h, next_state(v, a)))
    return ZoneoutRun(v, p, keep_units, steps, states)


def parted(kept: Array, g: Array) -> tuple[Array, Array]:
    """Of a cotangent (B, H), or of any numbers of units, what is of those that keep their state,
    and what is of the others: of a share, of both in part.
    """
    if not _is_mask(kept):
        return kept * g, (1 - kept) * g
    return _only(kept, g), _only(~kept, g)


def zoneout_bptt(
    run: ZoneoutRun,
    d_outputs: Sequence[Array] | None,
    d_last: Array | None,
    parting: Parting = parted,
) -> Bptt:
    """dL/dθ, dL/dx_t and dL/dh_0 at the cotangents of the states after each step, T arrays (B, H),
    and of the last state (B, H). Needs T ≥ 1.

    The cotangent of a unit that kept its state passes the step as it is; the others' go through it,
    and of a share both do in part. parting: what does what, if another than that.
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
        passed, through = parting(run.keep_units[t], g)
        back = pullback(v, p, run.steps[t], through)
        terms.append(back.parameters)
        inputs.insert(0, back.x)
        state = back.h + passed
        g = carried(state)
    return Bptt(reduce(add, terms), inputs, state)


def _is_mask(kept: Array) -> bool:
    return isinstance(kept, np.ndarray) and kept.dtype == np.bool_


def mixed(kept: Array, before: Array, after: Array) -> Array:
    """One state (B, H) where a mask (B, H) is, and another elsewhere; or their blend by shares."""
    if not _is_mask(kept):
        return blend(kept, before, after)
    here, there = np.nonzero(kept), np.nonzero(~kept)
    # Selected, and not multiplied by 0 or 1: 0·NaN would be NaN.
    return placed(before, before.shape, (here, before[here]), (there, after[there]))


def _only(mask: NDArray, g: Array) -> Array:
    """The entries of a cotangent (B, H) where a mask (B, H) is, and 0 elsewhere."""
    here = np.nonzero(mask)
    return placed(g, g.shape, (here, g[here]))
