"""The gradient of a sequence at the states that were returned, whatever its backward pass is made of.

Backwards everything is linear in the cotangent. So what is wrong with it before a step is what the step rounds, and
what was wrong before, pulled back. Entry by entry the latter grows by the sizes of the Jacobian's entries; its
Euclidean norm grows by the spectral norm, which at usual weights is below 1. The smaller of both bounds is taken.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, spectral_norms
from gruverify.cell import Parameters
from gruverify.formulas import Activations, back_to_state, gate_cotangents, jacobian, pullback
from gruverify.invariants._blocks import largest, letters, pairs
from gruverify.invariants._local import local_to, unknown
from gruverify.invariants._ranges import ranges
from gruverify.invariants._registry import invariant
from gruverify.invariants._residual import Floats, Residual, compare
from gruverify.invariants._trial import Trial


@invariant(
    "agreement/long-gradient",
    "dL/d(θ, x, h_0) by back-propagation through the states that were returned, however it is found",
    source="theory 2, (2.5); 14, (14.14)",
    since="0.2",
    needs=["sequence", "sequence_vjp"],
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
        yield compare("dL/dh_0", "bi", found.state, back.state, scale=max(back.ranges.state, largest(back.state)))


class _Back:
    """Back-propagation in balls whose radii are held by their norms: parameters, inputs by step, the initial state."""

    def __init__(self, trial: Trial) -> None:
        outputs = trial.observed.sequence[0]
        self._local, self._exact = local_to(trial, outputs), trial.exact
        cotangents, self.inputs = list[Ball](), list[Ball]()
        total: Parameters | None = None
        g, norms = self._exact.d_last, np.zeros(len(trial.case.state))
        for t in reversed(range(len(outputs))):
            g, norms = _met(Ball.exact(self._exact.mode, trial.case.d_outputs[t]), g, norms)
            cotangents.insert(0, g)
            back = pullback(self._local.variant, self._local.parameters, self._step(t), g)
            total = back.parameters if total is None else total + back.parameters
            self.inputs.insert(0, back.x)
            norms = self._norms(self._step(t), g, norms, back.h.radius)
            g = Ball(g.mode, back.h.mid, np.minimum(back.h.radius, norms[:, None]))
        assert total is not None  # a case has a step
        self.ranges = ranges(self._local.run, cotangents)
        self._forget(total, g)

    def _step(self, t: int) -> Activations:
        return self._local.run.steps[t]

    def _norms(self, a: Activations, g: Ball, norms: Floats, radius: Floats) -> Floats:
        """How far the cotangent before the step may be off, (B,), if that after it, g, is off by `norms`.

        radius: the same entry by entry, (B, H), as far as sizes of entries alone say.
        """
        # The step rounds what the cotangent should be, and what is wrong with it: there each path may be off by as
        # many roundings as it has, for nothing is known of the signs that cancel.
        roundings = np.expm1((4 * g.shape[1] + 32) * g.mode.u)
        local = self._rounded(a, g.mid) + self._rounded(a, g.radius) + roundings * radius
        grown = spectral_norms(jacobian(self._local.variant, self._local.parameters, a)[0]) * norms
        return np.asarray(grown + _norm(local) + g.mode.eta)

    def _rounded(self, a: Activations, g: Floats) -> Floats:
        """What the step may miss of the cotangent before it, at an exact one after it; (B, H)."""
        v, p, exact = self._local.variant, self._local.parameters, Ball.exact(self._exact.mode, g)
        back: Ball = back_to_state(v, p, a, exact, gate_cotangents(v, p, a, exact))
        return back.radius

    def _forget(self, parameters: Parameters, state: Ball) -> None:
        """Nothing is known of what is made of states that are not finite."""
        behind = np.logical_or.accumulate(self._local.lost[::-1])[::-1]
        self.inputs = [unknown(x, gone[:, None]) for x, gone in zip(self.inputs, behind, strict=True)]
        self.state = unknown(state, behind[0, :, None])
        self.parameters = parameters.map(lambda block: unknown(block, behind.any()))


def _met(own: Ball, later: Ball, norms: Floats) -> tuple[Ball, Floats]:
    """The cotangent that reaches a step, and how far it may be off: what it was, and what adding rounds."""
    both = own + later
    both = Ball(both.mode, both.mid, both.radius)
    return both, norms + _norm(both.radius - later.radius)


def _norm(values: Floats) -> Floats:
    """The Euclidean norm of each member; the squares of what is very small would underflow."""
    return np.asarray(np.hypot.reduce(values, axis=1))
