"""Gradients held step by step: each from the cotangents that the backend itself shows, so that nothing adds up.

The backward pass finds the cotangent of every gate's pre-activation once and makes everything of it. Where those are
seen (`_shown`), each is bounded by those of the step after it, and every part of the gradient by them: theory-14, 14.13.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gruverify.arithmetic import Ball
from gruverify.backends import declarations_of
from gruverify.cell import Gradients, Parameters
from gruverify.formulas import Contribution, GateCotangents, Run, contributions, gate_cotangents, known_cotangents
from gruverify.invariants._blocks import largest, letters, pairs
from gruverify.invariants._local import local_steps, returned
from gruverify.invariants._ranges import ranges
from gruverify.invariants._registry import invariant
from gruverify.invariants._residual import NDArray, Residual, compare
from gruverify.invariants._shown import Shown, shown
from gruverify.invariants._trial import Trial


@invariant(
    "agreement/each-cotangent",
    "the cotangent of every gate at every step is made of those that were shown at the next, and so is the gradient",
    source="theory 2, (2.4), (2.5); 14, (14.12), (14.13)",
    since="0.2",
    needs=["sequence", "sequence_vjp"],
)
def each_cotangent(trial: Trial) -> Iterator[Residual]:
    seen = shown(trial)
    run = local_steps(seen.trial, seen.outputs).run
    known = [_known(seen.trial, run, t, α) for t, α in enumerate(seen.gates)]
    allowed = _Allowed(seen.trial, run, known)
    yield from _gates(seen, allowed)
    yield from _gradients(seen.trial, "shown with the gates' ", seen.gradients, allowed)
    if _made_of_the_same(seen, trial):
        yield from _gradients(trial, "", trial.observed.sequence_vjp, allowed)


def _known(trial: Trial, run: Run, t: int, gates: NDArray) -> GateCotangents:
    """Those that were shown at step t, (B, 3H) in packed order."""
    α = returned(trial.exact.mode, gates, declarations_of(trial.backend).carry)
    H = trial.case.cell.hidden_size
    r, z, c = (α[:, k * H : (k + 1) * H] for k in range(3))
    return known_cotangents(run.variant, run.parameters, run.steps[t], r, z, c)


class _Allowed:
    """What the mathematics allows, given the cotangents that were shown: gates and inputs by step, parameters, state.

    The sum over the steps is added up as they come, for all of them at once may not fit into memory.
    """

    def __init__(self, trial: Trial, run: Run, known: Sequence[GateCotangents]) -> None:
        exact = trial.exact
        d_outputs = [Ball.exact(exact.mode, d) for d in trial.case.d_outputs]
        gates, inputs, cotangents = list[Ball](), list[Ball](), list[Ball]()
        total: Parameters | None = None
        for term in contributions(run, d_outputs, exact.d_last, known):
            gates.insert(0, _packed(run, term))
            inputs.insert(0, term.inputs)
            cotangents.insert(0, term.cotangent)
            total = term.parameters if total is None else total + term.parameters
            self.state: Ball = term.state
        assert total is not None
        self.parameters = total
        self.gates, self.inputs = _together(gates), _together(inputs)
        self.ranges = ranges(run, cotangents)


def _packed(run: Run, term: Contribution) -> Ball:
    """The cotangents of the pre-activations that the term's own cotangent allows, (B, 3H)."""
    α = gate_cotangents(run.variant, run.parameters, run.steps[term.k - 1], term.cotangent)
    parts = α.r, α.z, α.c
    return Ball(α.c.mode, np.hstack([part.mid for part in parts]), np.hstack([part.radius for part in parts]))


def _together(steps: Sequence[Ball]) -> Ball:
    """(T, B, n) from T balls (B, n)."""
    return Ball(steps[0].mode, np.stack([ball.mid for ball in steps]), np.stack([ball.radius for ball in steps]))


def _gates(seen: Shown, allowed: _Allowed) -> Iterator[Residual]:
    H = seen.outputs.shape[2]
    for k, (gate, own) in enumerate(zip("rzc", allowed.ranges.gates, strict=True)):
        rows = slice(k * H, (k + 1) * H)
        ball = allowed.gates[..., rows]
        yield compare(f"dL/da_{gate}", "tbi", seen.gates[..., rows], ball, scale=max(own, largest(ball)))


def _gradients(trial: Trial, what: str, found: Gradients, allowed: _Allowed) -> Iterator[Residual]:
    for block, actual, ball in pairs(trial.case.variant, found, allowed.parameters):
        own = max(getattr(allowed.ranges.parameters, block), largest(ball))
        yield compare(f"{what}dL/d{block}", letters(block), actual, ball, scale=own)
    own = max(allowed.ranges.inputs, largest(allowed.inputs))
    yield compare(f"{what}dL/dx", "tbj", found.inputs, allowed.inputs, scale=own)
    if declarations_of(trial.backend).state_gradient:
        own = max(allowed.ranges.state, largest(allowed.state))
        yield compare(f"{what}dL/dh_0", "bi", found.state, allowed.state, scale=own)


def _made_of_the_same(seen: Shown, trial: Trial) -> bool:
    """Whether the case's own answer is made of the cotangents shown: states, and all that does not depend on how many
    inputs there are, have the same bits.
    """
    if seen.trial is not trial:
        return False
    own = trial.observed.sequence_vjp
    names = ("weight_hh", "bias_ih", "bias_hh", "state")[: 4 if trial.case.variant.bias else 1]
    return _same(seen.outputs, trial.observed.sequence[0]) and all(
        _same(getattr(seen.gradients, name), getattr(own, name)) for name in names
    )


def _same(one: NDArray | None, other: NDArray | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.tobytes() == other.tobytes()
