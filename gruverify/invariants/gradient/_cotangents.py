"""A gradient is linear in its cotangents, and hears of no loss that comes before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.cell import Case
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Floats, Residual, equal, overlooked
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.core._vectors import agree_within, combined, observed, radii, vector


def factor(case: Case) -> float:
    """-1/2, or -1 where halving a cotangent would round."""
    given = (case.d_outputs, case.d_last)
    # Halving a subnormal number may round.
    exact = all(np.array_equal((g * g.dtype.type(0.5)).astype(np.float64) * 2, g) for g in given)
    if exact:
        return -0.5
    return -1.0


def scaled_cotangents(case: Case) -> Case:
    """The cotangents times that factor."""
    s = case.format.dtype.type(factor(case))
    return replace(case, d_outputs=case.d_outputs * s, d_last=case.d_last * s)


def early_loss(case: Case) -> Case:
    """The cotangents of the outputs up to the middle (one at least) alone."""
    d_outputs = case.d_outputs.copy()
    d_outputs[middle(case) :] = 0
    return replace(case, d_outputs=d_outputs, d_last=0 * case.d_last)


def late_loss(case: Case) -> Case:
    """The case with cotangents of its later outputs alone."""
    d_outputs = case.d_outputs.copy()
    d_outputs[: middle(case)] = 0
    return replace(case, d_outputs=d_outputs)


def middle(case: Case) -> int:
    """How many steps the first half has, at least one."""
    return max(1, len(case.inputs) // 2)


@invariant(
    "gradient/homogeneous",
    "VJP(s·g) = s·VJP(g) for s = -1/2, or -1 where halving would round",
    source="theory 11, M52",
    needs=["sequence_vjp"],
)
def homogeneous(trial: Trial) -> Iterator[Residual]:
    s = factor(trial.case)
    # Every error made at s·g is at most the one made at g, since |s| ≤ 1.
    allowed = combined(lambda radius: (1 - 1 / s) * radius, radii(trial, trial.exact.gradients))
    unturned = combined(lambda a: a / s, observed(trial.on(scaled_cotangents)))
    yield from agree_within("VJP(sg)/s:", unturned, observed(trial), allowed)


@invariant(
    "gradient/after-another",
    "the gradient at g has the same bits after one was taken at another cotangent",
    source="theory 11, M52; fault S44",
    bound="exact",
    needs=["sequence_vjp"],
)
def after_another(trial: Trial) -> Iterator[Residual]:
    first = trial.observed.sequence_vjp
    trial.on(scaled_cotangents).observed.fresh_answer("sequence_vjp")
    # Gradients that are added to a buffer, and not written into it, show at the second call.
    again = trial.observed.fresh_answer("sequence_vjp")
    for (name, one), (_, other) in zip(first.items(), again.items(), strict=True):
        yield equal(f"gradient of {name}, after another", "abc"[: one.ndim], other, one)


@invariant(
    "gradient/last-and-outputs",
    "VJP(d_outputs, d_last) = VJP(d_outputs, none) + VJP(none, d_last): h_T is an output, and "
    "has both cotangents",
    source="theory 11, M53; mistake P08",
    needs=["sequence_vjp"],
)
def last_and_outputs(trial: Trial) -> Iterator[Residual]:
    exact, variant = trial.exact, trial.case.cell.variant
    parts = trial.observed.sequence_vjp_of_outputs, trial.observed.sequence_vjp_of_last
    allowed = (
        radii(trial, ball)
        for ball in (exact.gradients, exact.gradients_of_outputs, exact.gradients_of_last)
    )
    total = combined(np.add, *(vector(variant, part) for part in parts))
    yield from agree_within("outputs + last:", total, observed(trial), combined(_sum, *allowed))


@invariant(
    "gradient/sum-over-time",
    "the gradient of a sum of losses over time is the sum of their gradients",
    source="theory 11, M53",
    needs=["sequence_vjp"],
)
def sum_over_time(trial: Trial) -> Iterator[Residual]:
    early, late = trial.on(early_loss), trial.on(late_loss)
    allowed = combined(_sum, *(radii(one, one.exact.gradients) for one in (trial, early, late)))
    yield from agree_within(
        "early + late:", combined(np.add, observed(early), observed(late)), observed(trial), allowed
    )


def _sum(*arrays: Floats) -> Floats:
    total: Floats = np.sum(arrays, axis=0)
    return total


@invariant(
    "gradient/causality",
    "dL_s/dx_t is exactly 0 for t > s: a loss on the first outputs does not depend on later inputs",
    source="theory 11, M56",
    bound="exact",
    needs=["sequence_vjp"],
)
def causality(trial: Trial) -> Iterator[Residual]:
    early, first = trial.on(early_loss), middle(trial.case)
    later = early.observed.sequence_vjp.inputs[first:]
    # Where the format may overflow on the way, ∞·0 may be left over.
    bounded = np.array(
        [np.isfinite(ball.radius) for ball in early.exact.gradients.inputs[first:]], bool
    )
    yield equal(
        "dL/dx after the loss",
        "tbj",
        later,
        np.zeros_like(later),
        overlooked(~bounded.reshape(later.shape)),
    )
