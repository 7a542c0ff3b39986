"""Gradients held step by step: each from the cotangents that the backend itself shows, so that
nothing adds up.

The backward pass finds the cotangent of every gate's pre-activation once and makes everything of
it. Where those are seen (`_shown`), they are bounded by those of the step after, and every part of
the gradient by them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, NDArray, carried, joined_rows, plain
from gruverify.cell import Gradients, Parameters, Variant
from gruverify.formulas import (
    Activations,
    GateCotangents,
    gate_cotangents,
    into_inputs,
    into_parameters,
    known_cotangents,
    through_gates,
)
from gruverify.invariants.core._blocks import largest, letters, pairs
from gruverify.invariants.core._local import flat, local_to, lost, returned, stacked, unknown
from gruverify.invariants.core._ranges import ranges
from gruverify.invariants.core._registry import LONG, invariant
from gruverify.invariants.core._residual import Residual, compare
from gruverify.invariants.core._shown import Shown, shown_cotangents
from gruverify.invariants.core._trial import Trial


@invariant(
    "agreement/each-cotangent",
    "inputs of 0 show each gate's cotangent: it follows from those of the next step, and "
    "the gradient from them all",
    source="theory 2, (2.4), (2.5); docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence", "sequence_vjp"],
    lengths=LONG,
)
def each_cotangent(trial: Trial) -> Iterator[Residual]:
    seen = shown_cotangents(trial)
    allowed = _Allowed(seen)
    yield from _gates(seen, allowed)
    yield from _gradients(seen.trial, f"{seen.how}: ", seen.gradients, allowed)


class _Allowed:
    """What the mathematics allows, given the cotangents that were shown: gates (T, B, 3H) and
    inputs (T, B, I), the parameters, and the initial state (B, H); and the `ranges` of them all.

    What is known of every step at once is found for all of them, as one batch of T·B members.
    """

    def __init__(self, seen: Shown) -> None:
        local, T = local_to(seen.trial, seen.outputs), len(seen.outputs)
        v, p, a = local.variant, local.parameters, local.activations
        α = _known(v, p, a, seen)
        cotangents, self.state = _of_states(seen, a.keep, through_gates(v, p, α))
        # T steps of B members in one batch: each step's sum is still stored by itself, as it is in
        # a loop.
        self.parameters = into_parameters(v, [a], [α], within=T, kept=plain)
        self.gates = _gates_at(v, p, a, cotangents, T)
        self.inputs = stacked(into_inputs(p, [α])[0], T)
        self.ranges = ranges(v, p, a, cotangents)
        self._forget(lost(seen.gates), local.lost)

    def _forget(self, unseen: NDArray, lost_states: NDArray) -> None:
        """Nothing is known of what is made of numbers that are not finite: (T, B) each, by step and
        member.
        """
        # Backwards: what is unknown of a step is unknown of all before it.
        behind = np.logical_or.accumulate((unseen | lost_states)[::-1])[::-1]
        after = np.concatenate([behind[1:], np.zeros_like(behind[:1])])
        self.gates = unknown(self.gates, (after | lost_states)[..., None])
        self.inputs = unknown(self.inputs, unseen[..., None])
        self.state = unknown(self.state, behind[0, :, None])
        self.parameters = self.parameters.map(lambda block: unknown(block, behind.any()))


def _known(v: Variant, p: Parameters, a: Activations, seen: Shown) -> GateCotangents:
    """The cotangents that were shown, of all steps, (T·B, H) each."""
    α, H = _as_shown(returned(seen.trial.exact.mode, flat(seen.gates))), seen.outputs.shape[2]
    return known_cotangents(v, p, a, *(α[:, k * H : (k + 1) * H] for k in range(3)))


def _as_shown(α: Ball) -> Ball:
    """Cotangents from what is shown of them, or what is shown from them: it comes out of a matrix
    product with a unit matrix, which rounds them first where that is declared (`products`).
    """
    off = α.mode.of_operand(α.magnitude)
    if off is None:
        return α
    return Ball(α.mode, α.mid, α.radius + off)


def _of_states(seen: Shown, keep: Ball, through: Ball) -> tuple[Ball, Ball]:
    """The cotangents of the states after all steps, (T·B, H), and that of the initial state (B, H).

    keep: what is kept of each state; through: what comes to it through the gates of the step after
    it, (T·B, H) each. The cotangent of a state is not shown, and so is made of the one after it.
    """
    exact, d_outputs = seen.trial.exact, seen.trial.case.d_outputs
    T, B, _ = d_outputs.shape
    g = before = exact.d_last
    found = list[Ball]()
    for t in reversed(range(T)):
        step = slice(t * B, (t + 1) * B)
        # g_t = d_t + what comes back of step t+1; at T that is the cotangent of the last state.
        found.append(Ball.exact(exact.mode, d_outputs[t]) + g)
        # keep is at most 1, so that the radius of g grows no faster than the roundings of each
        # step.
        before = found[-1] * keep[step] + through[step]
        g = carried(before)
    return joined_rows(found[::-1]), before


def _gates_at(v: Variant, p: Parameters, a: Activations, cotangents: Ball, T: int) -> Ball:
    """The cotangents of the pre-activations that those of the T states allow, (T, B, 3H).

    One of a member that overflows may make NaN of all that are shown of it, for they meet weights
    that are 0.
    """
    α = gate_cotangents(v, p, a, cotangents)
    parts = [stacked(getattr(α, gate), T) for gate in "rzc"]
    mid = np.concatenate([part.mid for part in parts], axis=2)
    radius = np.concatenate([part.radius for part in parts], axis=2)
    beyond = np.isinf(radius).any(axis=2, keepdims=True)
    return _as_shown(Ball(cotangents.mode, mid, np.where(beyond, np.inf, radius)))


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
