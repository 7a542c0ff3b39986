"""The gradient of a sequence at the states that were returned, whatever its backward pass is made
of.

Backwards everything is linear in the cotangent. So what is wrong with it before a step is what the
step rounds, and what was wrong before, pulled back. Entry by entry the latter grows by the sizes of
the Jacobian's entries; its Euclidean norm grows by the spectral norm, which at usual weights is
below 1. The smaller of both bounds is taken.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, carried, joined_rows, plain, spectral_norms
from gruverify.formulas import (
    Activations,
    Bptt,
    Contribution,
    back_to_state,
    gate_cotangents,
    jacobian_of_state,
    members_of,
    total,
)
from gruverify.invariants.core._blocks import largest, letters, pairs
from gruverify.invariants.core._local import local_to, unknown
from gruverify.invariants.core._ranges import ranges
from gruverify.invariants.core._registry import LONG, invariant
from gruverify.invariants.core._residual import Floats, Residual, compare
from gruverify.invariants.core._trial import Trial

#: How many entries of Jacobians are looked at in one go: few operations, and little memory.
_ENTRIES = 2**16


@invariant(
    "agreement/long-gradient",
    "dL/d(θ, x, h_0) by back-propagation through the states that were returned, however it is "
    "found",
    source="theory 2, (2.5); docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence", "sequence_vjp"],
    lengths=LONG,
)
def long_gradient(trial: Trial) -> Iterator[Residual]:
    found, back = trial.observed.sequence_vjp, _Back(trial)
    for block, actual, ball in pairs(trial.case.variant, found, back.parameters):
        own = max(getattr(back.ranges.parameters, block), largest(ball))
        yield compare(f"dL/d{block}", letters(block), actual, ball, scale=own)
    scale = max(back.ranges.inputs, *map(largest, back.inputs))
    for t, ball in enumerate(back.inputs):
        yield compare(f"dL/dx[t={t}]", "bj", found.inputs[t], ball, scale=scale)
    if found.state is not None:
        yield compare(
            "dL/dh_0",
            "bi",
            found.state,
            back.state,
            scale=max(back.ranges.state, largest(back.state)),
        )


class _Back:
    """Back-propagation in balls whose radii are held by their norms: parameters, inputs by step,
    the initial state.
    """

    def __init__(self, trial: Trial) -> None:
        self._local, self._exact = local_to(trial, trial.observed.sequence[0]), trial.exact
        run, growth = self._local.run, self._growth(trial.case.state.shape)
        g = state = self._exact.d_last
        norms, terms = np.zeros(len(trial.case.state)), list[Contribution]()
        for t in reversed(range(len(run.steps))):
            g, norms = _met(Ball.exact(self._exact.mode, trial.case.d_outputs[t]), g, norms)
            at = run.variant, run.parameters, run.steps[t], g
            gates = gate_cotangents(*at)
            terms.append(Contribution(t + 1, run, g, gates, back_to_state(*at, gates)))
            back = terms[-1].state
            # ‖e_{t-1}‖ ≤ ‖J_t‖ ‖e_t‖ + what the step itself misses: linear, so there is no
            # remainder.
            norms = growth[t] * norms + self._missed(run.steps[t], g, back.radius)
            state = Ball(g.mode, back.mid, np.minimum(back.radius, norms[:, None]))
            g, norms = _carried(state, norms)
        cotangents = joined_rows([term.cotangent for term in reversed(terms)])
        local = self._local
        self.ranges = ranges(local.variant, local.parameters, local.activations, cotangents)
        self._forget(total(terms, plain), state)

    def _growth(self, shape: tuple[int, ...]) -> Floats:
        """How much the norm of an error grows by each step backwards, (T, B): the norms of the
        Jacobians.
        """
        v, p, a = self._local.variant, self._local.parameters, self._local.activations
        members, (B, H) = a.h.shape[0], shape
        some = max(_ENTRIES // (H * H), 1)
        parts = [members_of(a, slice(k, k + some)) for k in range(0, members, some)]
        norms = [spectral_norms(jacobian_of_state(v, p, part)) for part in parts]
        return np.concatenate(norms).reshape(-1, B)

    def _missed(self, a: Activations, g: Ball, radius: Floats) -> Floats:
        """How far the cotangent before the step may be off by this step alone, (B,); that after it
        is g.

        radius: how far it may be off entry by entry, (B, H), as far as sizes of entries alone say.
        """
        # The step rounds what the cotangent should be, and what is wrong with it: there each path
        # may be off by as many roundings as it has, for nothing is known of the signs that cancel.
        roundings = np.expm1((4 * g.shape[1] + 32) * g.mode.u)
        rounded = self._rounded(a, np.stack([g.mid, g.radius])).sum(0)
        return _norm(rounded + roundings * radius) + g.mode.eta

    def _rounded(self, a: Activations, g: Floats) -> Floats:
        """What the step may miss of the cotangents before it, at exact ones after it; (n, B, H)."""
        v, p, exact = self._local.variant, self._local.parameters, Ball.exact(self._exact.mode, g)
        back: Ball = back_to_state(v, p, a, exact, gate_cotangents(v, p, a, exact))
        return back.radius

    def _forget(self, back: Bptt, state: Ball) -> None:
        """Nothing is known of what is made of states that are not finite."""
        behind = np.logical_or.accumulate(self._local.lost[::-1])[::-1]
        self.inputs = [
            unknown(x, gone[:, None]) for x, gone in zip(back.inputs, behind, strict=True)
        ]
        self.state = unknown(state, behind[0, :, None])
        self.parameters = back.parameters.map(lambda block: unknown(block, behind.any()))


def _met(own: Ball, later: Ball, norms: Floats) -> tuple[Ball, Floats]:
    """The cotangent that reaches a step, and how far it may be off: what it was, and what adding
    rounds.
    """
    both = own + later
    both = Ball(both.mode, both.mid, both.radius)
    return both, norms + _norm(both.radius - later.radius)


def _carried(state: Ball, norms: Floats) -> tuple[Ball, Floats]:
    """The cotangent that the backend goes on with, and how far that may be off."""
    kept: Ball = carried(state)
    if kept is state:
        return state, norms
    return kept, norms + _norm(kept.radius - state.radius)


def _norm(values: Floats) -> Floats:
    """The Euclidean norm of each member; the squares of what is very small would underflow."""
    return np.asarray(np.hypot.reduce(values, axis=1))
