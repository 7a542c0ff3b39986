"""The Hessian of the loss: symmetric, linear, and the same in whatever order it is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.cell import Case, Gradients
from gruverify.invariants._registry import invariant
from gruverify.invariants._residual import Residual
from gruverify.invariants._tangent import tangent_of, turned_tangent
from gruverify.invariants._trial import Trial
from gruverify.invariants._vectors import apart, combined, inner, number, radii, vector


@invariant(
    "second-order/two-ways",
    "sequence_hvp = sequence_hvp_reverse: forward over reverse is reverse over reverse",
    source="theory 11, M68",
    needs=["sequence_hvp", "sequence_hvp_reverse"],
)
def two_ways(trial: Trial) -> Iterator[Residual]:
    variant, observed = trial.case.cell.variant, trial.observed
    one, other = (vector(variant, found) for found in (observed.sequence_hvp, observed.sequence_hvp_reverse))
    yield from apart("Hv:", one, other, combined(lambda radius: 2 * radius, radii(trial, trial.exact.hvp)))


def first_step(case: Case) -> Case:
    """The first step alone."""
    return replace(case, inputs=case.inputs[:1], d_outputs=case.d_outputs[:1])


def _other(tangent: Gradients) -> Gradients:
    """Another direction: every array of the tangent from its end to its beginning."""
    return Gradients(*(None if a is None else a.reshape(-1)[::-1].reshape(a.shape) for a in vars(tangent).values()))  # type: ignore[arg-type]  # None where there is no bias


@invariant(
    "second-order/symmetric",
    "⟨Hu, v⟩ = ⟨Hv, u⟩, of one step",
    source="theory 8; 11, M68",
    needs=["sequence_hvp"],
)
def symmetric(trial: Trial) -> Iterator[Residual]:
    one = trial.on(first_step)
    u, variant = tangent_of(one.case), one.case.cell.variant
    v = _other(u)
    found = one.observed.sequence_hvp, one.observed.sequence_hvp_along(v)
    exact = radii(one, one.exact.hvp), radii(one, one.exact.hvp_along(v))
    (left, rounding), (right, more) = (
        inner(vector(variant, Hx), vector(variant, y)) for Hx, y in zip(found, (v, u), strict=True)
    )
    around = [inner(radius, combined(np.abs, vector(variant, y)))[0] for radius, y in zip(exact, (v, u), strict=True)]
    yield number("⟨Hu, v⟩ - ⟨Hv, u⟩", left, right, sum(around) + rounding + more)


@invariant(
    "second-order/homogeneous",
    "H(-v/2) = -Hv/2, of one step",
    source="theory 11, M52",
    needs=["sequence_hvp"],
)
def homogeneous(trial: Trial) -> Iterator[Residual]:
    one = trial.on(first_step)
    variant = one.case.cell.variant
    turned = vector(variant, one.observed.sequence_hvp_along(turned_tangent(tangent_of(one.case))))
    # Every error made at -v/2 is at most the one made at v.
    allowed = combined(lambda radius: 3 * radius, radii(one, one.exact.hvp))
    back = combined(lambda a: -2 * a, turned)
    yield from apart("-2 H(-v/2):", back, vector(variant, one.observed.sequence_hvp), allowed)
