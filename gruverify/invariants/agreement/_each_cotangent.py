"""Gradients held step by step: each from the cotangents that the backend itself shows, so that
nothing adds up.

The backward pass finds the cotangent of every gate's pre-activation once and makes everything of
it. Where those are seen (`_shown`), they are bounded by those of the step after, and every part of
the gradient by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gruverify.arithmetic import Ball
from gruverify.cell import Gradients
from gruverify.formulas import (
    GateCotangents,
    Run,
    contributions,
    gate_cotangents,
    known_cotangents,
    total,
)
from gruverify.invariants.core._blocks import largest, letters, pairs
from gruverify.invariants.core._local import flat, local_to, lost, returned, unknown
from gruverify.invariants.core._ranges import ranges
from gruverify.invariants.core._registry import LONG, invariant
from gruverify.invariants.core._residual import NDArray, Residual, compare
from gruverify.invariants.core._shown import Shown, shown
from gruverify.invariants.core._trial import Trial


@invariant(
    "agreement/each-cotangent",
    "inputs of 0 show each gate's cotangent: it is made of those of the next step, and the "
    "gradient of them all",
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
    """What the mathematics allows, given the cotangents that were shown: gates (T, B, 3H) and
    inputs (T, B, I), the parameters, and the initial state (B, H); and the `ranges` of them all.
    """

    def __init__(self, seen: Shown) -> None:
        local, exact = local_to(seen.trial, seen.outputs), seen.trial.exact
        known = _known(seen, local.run)
        d_outputs = [Ball.exact(exact.mode, d) for d in seen.trial.case.d_outputs]
        terms = list(contributions(local.run, d_outputs, exact.d_last, known))
        cotangents: list[Ball] = [term.cotangent for term in reversed(terms)]
        gradients = total(terms)
        self.parameters, self.state = gradients.parameters, gradients.state
        self.gates, self.inputs = _gates_at(local.run, cotangents), _together(gradients.inputs)
        self.ranges = ranges(local.run, cotangents)
        self._forget(lost(seen.gates), local.lost)

    def _forget(self, unseen: NDArray, lost_states: NDArray) -> None:
        """Nothing is known of what is made of numbers that are not finite: (T, B) each, by step and
        member.
        """
        behind = np.logical_or.accumulate((unseen | lost_states)[::-1])[::-1]
        after = np.concatenate([behind[1:], np.zeros_like(behind[:1])])
        self.gates = unknown(self.gates, (after | lost_states)[..., None])
        self.inputs = unknown(self.inputs, unseen[..., None])
        self.state = unknown(self.state, behind[0, :, None])
        self.parameters = self.parameters.map(lambda block: unknown(block, behind.any()))


def _known(seen: Shown, run: Run) -> list[GateCotangents]:
    """Those that were shown at each of the T steps, (B, 3H) in packed order."""
    _, B, rows = seen.gates.shape
    α, H = returned(seen.trial.exact.mode, flat(seen.gates)), rows // 3
    gates = [α[:, k * H : (k + 1) * H] for k in range(3)]
    return [
        known_cotangents(
            run.variant, run.parameters, a, *(gate[t * B : (t + 1) * B] for gate in gates)
        )
        for t, a in enumerate(run.steps)
    ]


def _gates_at(run: Run, cotangents: Sequence[Ball]) -> Ball:
    """The cotangents of the pre-activations that those of the T states (B, H) allow, (T, B, 3H).

    One of a member that overflows may make NaN of all that are shown of it, for they meet weights
    that are 0.
    """
    each = zip(run.steps, cotangents, strict=True)
    gates = [gate_cotangents(run.variant, run.parameters, a, g) for a, g in each]
    parts = [_together([getattr(α, gate) for α in gates]) for gate in "rzc"]
    mid = np.concatenate([part.mid for part in parts], axis=2)
    radius = np.concatenate([part.radius for part in parts], axis=2)
    beyond = np.isinf(radius).any(axis=2, keepdims=True)
    return Ball(parts[0].mode, mid, np.where(beyond, np.inf, radius))


def _together(steps: Sequence[Ball]) -> Ball:
    """(T, B, n) from T balls (B, n)."""
    return Ball(
        steps[0].mode,
        np.stack([ball.mid for ball in steps]),
        np.stack([ball.radius for ball in steps]),
    )


def _gates(seen: Shown, allowed: _Allowed) -> Iterator[Residual]:
    H = seen.outputs.shape[2]
    for k, (gate, own) in enumerate(zip("rzc", allowed.ranges.gates, strict=True)):
        rows = slice(k * H, (k + 1) * H)
        ball = allowed.gates[..., rows]
        yield compare(
            f"{seen.how}: dL/da_{gate}",
            "tbi",
            seen.gates[..., rows],
            ball,
            scale=max(own, largest(ball)),
        )


def _gradients(trial: Trial, what: str, found: Gradients, allowed: _Allowed) -> Iterator[Residual]:
    for block, actual, ball in pairs(trial.case.variant, found, allowed.parameters):
        own = max(getattr(allowed.ranges.parameters, block), largest(ball))
        yield compare(f"{what}dL/d{block}", letters(block), actual, ball, scale=own)
    own = max(allowed.ranges.inputs, largest(allowed.inputs))
    yield compare(f"{what}dL/dx", "tbj", found.inputs, allowed.inputs, scale=own)
    if found.state is not None:
        own = max(allowed.ranges.state, largest(allowed.state))
        yield compare(f"{what}dL/dh_0", "bi", found.state, allowed.state, scale=own)
