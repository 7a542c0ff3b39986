"""Gradients held step by step: each from the cotangents that the backend itself shows, so that nothing adds up.

The backward pass finds the cotangent of every gate's pre-activation once and makes everything of it. Where those are
seen (`_shown`), they are bounded by those of the step after, and every part of the gradient by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

import numpy as np

from gruverify.arithmetic import Ball
from gruverify.cell import Gradients, Parameters
from gruverify.formulas import (
    Activations,
    GateCotangents,
    gate_cotangents,
    into_inputs,
    into_parameters,
    known_cotangents,
    through_gates,
)
from gruverify.invariants._blocks import largest, letters, pairs
from gruverify.invariants._local import flat, local_to, lost, returned, stacked, unknown
from gruverify.invariants._ranges import ranges
from gruverify.invariants._registry import LONG, invariant
from gruverify.invariants._residual import NDArray, Residual, compare
from gruverify.invariants._shown import Shown, shown
from gruverify.invariants._trial import Trial


@invariant(
    "agreement/each-cotangent",
    "inputs of 0 show each gate's cotangent: it is made of those of the next step, and the gradient of them all",
    source="theory 2, (2.4), (2.5); 14, (14.12), (14.13)",
    since="0.2",
    needs=["sequence", "sequence_vjp"],
    lengths=LONG,
)
def each_cotangent(trial: Trial) -> Iterator[Residual]:
    seen = shown(trial)
    allowed = _Allowed(seen)
    yield from _gates(seen, allowed)
    yield from _gradients(seen.trial, f"{seen.how}: ", seen.gradients, allowed)


class _Allowed:
    """What the mathematics allows, given the cotangents that were shown: gates (T, B, 3H) and inputs (T, B, I), the
    parameters, and the initial state (B, H); and the `ranges` of them all.

    What each step does for itself is found for all at once, as one batch of T·B members.
    """

    def __init__(self, seen: Shown) -> None:
        self._local, self._trial = local_to(seen.trial, seen.outputs), seen.trial
        α = self._known(seen.gates)
        self.inputs = stacked(into_inputs(self._local.parameters, α), len(seen.gates))
        self.parameters = self._added_up(α)
        cotangents, self.state = self._backwards(α)
        self.gates = stacked(self._gates_at(_flat(cotangents)), len(seen.gates))
        self.ranges = ranges(self._local.run, cotangents)
        self._forget(lost(seen.gates), self._local.lost)

    def _known(self, gates: NDArray) -> GateCotangents:
        """Those that were shown, (T, B, 3H) in packed order, of all steps."""
        local, α = self._local, returned(self._trial.exact.mode, flat(gates))
        H = self._trial.case.cell.hidden_size
        r, z, c = (α[:, k * H : (k + 1) * H] for k in range(3))
        return known_cotangents(local.variant, local.parameters, local.activations, r, z, c)

    def _added_up(self, α: GateCotangents) -> Parameters:
        """The gradient of the parameters, step by step: some add up over time otherwise than over the batch."""
        steps = self._local.run.steps
        terms = (into_parameters(self._local.variant, a, _of_step(α, a, t)) for t, a in _last_first(steps))
        # Added up as they come: the terms of all steps together may not fit into memory.
        return reduce(add, terms)

    def _backwards(self, α: GateCotangents) -> tuple[list[Ball], Ball]:
        """The cotangents of the states after each step, (B, H), and that of the initial one."""
        local, exact = self._local, self._trial.exact
        paths = through_gates(local.variant, local.parameters, α)
        found, g = list[Ball](), exact.d_last
        for t, a in _last_first(local.run.steps):
            g = Ball.exact(exact.mode, self._trial.case.d_outputs[t]) + g
            found.insert(0, g)
            g = reduce(add, (path[_members(a, t)] for path in paths), g * a.keep)
        return found, g

    def _gates_at(self, g: Ball) -> Ball:
        """The cotangents of the pre-activations that those of the states after each step, (T·B, H), allow: (T·B, 3H).

        One of a member that overflows may make NaN of all that are shown of it, for they meet weights that are 0.
        """
        α = gate_cotangents(self._local.variant, self._local.parameters, self._local.activations, g)
        parts = α.r, α.z, α.c
        radius = np.hstack([part.radius for part in parts])
        beyond = np.isinf(radius).any(axis=1, keepdims=True)
        return Ball(α.c.mode, np.hstack([part.mid for part in parts]), np.where(beyond, np.inf, radius))

    def _forget(self, unseen: NDArray, lost_states: NDArray) -> None:
        """Nothing is known of what is made of numbers that are not finite: (T, B) each, by step and member."""
        behind = np.logical_or.accumulate((unseen | lost_states)[::-1])[::-1]
        after = np.concatenate([behind[1:], np.zeros_like(behind[:1])])
        self.gates = unknown(self.gates, (after | lost_states)[..., None])
        self.inputs = unknown(self.inputs, unseen[..., None])
        self.state = unknown(self.state, behind[0, :, None])
        self.parameters = self.parameters.map(lambda block: unknown(block, behind.any()))


def _last_first(steps: Sequence[Activations]) -> Iterator[tuple[int, Activations]]:
    return reversed(list(enumerate(steps)))


def _members(a: Activations, t: int) -> slice:
    """Those of step t in a batch of all steps."""
    return slice(t * len(a.h.mid), (t + 1) * len(a.h.mid))


def _of_step(α: GateCotangents, a: Activations, t: int) -> GateCotangents:
    some = _members(a, t)
    return GateCotangents(α.r[some], α.z[some], α.c[some], α.q[some])


def _flat(steps: Sequence[Ball]) -> Ball:
    """(T·B, n) from T balls (B, n)."""
    return Ball(
        steps[0].mode, *(np.concatenate(parts) for parts in ([g.mid for g in steps], [g.radius for g in steps]))
    )


def _gates(seen: Shown, allowed: _Allowed) -> Iterator[Residual]:
    H = seen.outputs.shape[2]
    for k, (gate, own) in enumerate(zip("rzc", allowed.ranges.gates, strict=True)):
        rows = slice(k * H, (k + 1) * H)
        ball = allowed.gates[..., rows]
        yield compare(f"{seen.how}: dL/da_{gate}", "tbi", seen.gates[..., rows], ball, scale=max(own, largest(ball)))


def _gradients(trial: Trial, what: str, found: Gradients, allowed: _Allowed) -> Iterator[Residual]:
    for block, actual, ball in pairs(trial.case.variant, found, allowed.parameters):
        own = max(getattr(allowed.ranges.parameters, block), largest(ball))
        yield compare(f"{what}dL/d{block}", letters(block), actual, ball, scale=own)
    own = max(allowed.ranges.inputs, largest(allowed.inputs))
    yield compare(f"{what}dL/dx", "tbj", found.inputs, allowed.inputs, scale=own)
    if found.state is not None:
        own = max(allowed.ranges.state, largest(allowed.state))
        yield compare(f"{what}dL/dh_0", "bi", found.state, allowed.state, scale=own)
