"""Derivatives along a direction: of the states, of the loss, and of the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import Ball, NDArray, plain
from gruverify.cell import Case, Gradients, unpack
from gruverify.formulas import Bptt, bptt, sequence
from gruverify.invariants.core._blocks import largest
from gruverify.invariants.core._reference import REFERENCE
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Floats, Residual, compare, worst
from gruverify.invariants.core._tangent import large_part, tangent_of, turned_tangent
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.core._vectors import (
    Vector,
    combined,
    inner,
    midpoints,
    most,
    number,
    observed,
    radii,
    vector,
)


def _tangent(trial: Trial) -> Vector:
    """The case's tangent; without the state where that rests."""
    every = vector(trial.case.cell.variant, trial.observed.tangent)
    if trial.declared.state_gradient:
        return every
    return {name: a for name, a in every.items() if name != "state"}


def _loss(case: Case, outputs: NDArray, last: NDArray) -> tuple[float, float]:
    """Σ d_outputs·outputs + Σ d_last·last, and what finding it in float64 may add."""
    return inner(
        _cotangents(case), {"outputs": outputs.astype(np.float64), "last": last.astype(np.float64)}
    )


def _cotangents(case: Case) -> Vector:
    return {"outputs": case.d_outputs.astype(np.float64), "last": case.d_last.astype(np.float64)}


def _loss_radius(case: Case, states: list[Ball]) -> float:
    """The most by which that loss may be off, where the states may be off by their radii."""
    radius = np.stack([ball.radius for ball in states])
    return most(_cotangents(case), {"outputs": radius, "last": radius[-1]})


@invariant(
    "gradient/adjoint",
    "⟨g, Jv⟩ = ⟨Jᵀg, v⟩: forward and reverse mode are each other's transposes",
    source="theory 11, M51",
    needs=["sequence_jvp", "sequence_vjp"],
)
def adjoint(trial: Trial) -> Iterator[Residual]:
    case, v = trial.case, _tangent(trial)
    forward, rounding = _loss(case, *trial.observed.sequence_jvp)
    reverse, more = inner(v, observed(trial))
    around = most(v, radii(trial, trial.exact.gradients))
    yield number(
        "⟨g, Jv⟩ - ⟨Jᵀg, v⟩",
        forward,
        reverse,
        _loss_radius(case, trial.exact.jvp) + around + rounding + more,
    )


@invariant(
    "gradient/jvp-homogeneous",
    "J(-v/2) = -Jv/2; and Jw is what it must be for a large multiple w of one part of v",
    source="theory 11, M52",
    needs=["sequence_jvp"],
)
def jvp_homogeneous(trial: Trial) -> Iterator[Residual]:
    found = trial.observed.fresh_answer(
        "sequence_jvp", tangent=turned_tangent(trial.observed.tangent)
    )[0].astype(np.float64)
    # Every error made at -v/2 is at most the one made at v.
    allowed = 3 * np.stack([ball.radius for ball in trial.exact.jvp])
    expected = trial.observed.sequence_jvp[0].astype(np.float64)
    yield worst("-2 J(-v/2)", "tbi", -2 * found, expected, np.abs(-2 * found - expected), allowed)
    yield from _along_a_large_part(trial)


#: A direction of this length shows what is clamped on the way. Half of a format's exponents are
#: left for the sums of its products with weights, of which a half has few.
_FAR = 2.0**20


def _along_a_large_part(trial: Trial) -> Iterator[Residual]:
    """J along one part of the tangent, many times as long: which part changes with the sizes."""
    case = trial.case
    factor = min(_FAR, 2.0 ** (case.format.max_exponent // 2))
    along = large_part(trial.observed.tangent, sum(case.sizes.values()), factor)
    found, _ = trial.observed.fresh_answer("sequence_jvp", tangent=along)
    expected = trial.exact.jvp_along(along)
    scale = max(map(largest, expected))
    for t, (actual, ball) in enumerate(zip(found, expected, strict=True)):
        yield compare(f"d_outputs[t={t}], along a part", "bi", actual, ball, scale=scale)


# -- the loss along a line: with a remainder that is enclosed --------------------------------------


def displaced(case: Case) -> Case:
    """Parameters, inputs and state moved along the tangent by about 2√u, where rounding and
    curvature together hide the least.
    """
    return _displaced(case, tangent_of(case))


def displaced_at_rest(case: Case) -> Case:
    """The case a step along its tangent, which leaves the state where it is."""
    return _displaced(case, tangent_of(case, moves_state=False))


def _displaced(case: Case, tangent: Gradients) -> Case:
    # (L(θ+d) - L(θ)) rounds by about u, and the curvature hides |d|²: least where both are alike.
    length = 2.0 ** (1 - case.format.precision // 2)
    steps = vector(case.cell.variant, tangent)
    steps |= {
        name: np.zeros(array.shape)
        for name, array in case.cell.packed().items()
        if name not in steps
    }
    moved: Keywords = {name: _moved(case, name, step * length) for name, step in steps.items()}
    cell = replace(case.cell, **{name: moved[name] for name in case.cell.packed()})
    return replace(case, cell=cell, inputs=moved["inputs"], state=moved["state"], regimes=())


def _moved(case: Case, name: str, by: Floats) -> NDArray:
    return case.format.cast(case.arrays()[name].astype(np.float64) + by)


@invariant(
    "gradient/taylor",
    "L(θ + d) - L(θ) = ⟨∇L(ξ), d⟩ for a ξ between: all of ∇L over the box around both encloses "
    "the remainder",
    source="theory 8; 11, M49, M50",
    needs=["sequence", "sequence_vjp"],
)
def taylor(trial: Trial) -> Iterator[Residual]:
    case, moves_state = trial.case, trial.declared.state_gradient
    other = trial.on(displaced if moves_state else displaced_at_rest)
    here, there = (_parts(one.case) for one in (trial, other))
    # What was really moved: the sum of parameter and step was rounded to the format.
    d = combined(np.subtract, there, here)
    d = {name: d[name] for name in observed(trial)}
    (after, one), (before, two) = (_loss(case, *t.observed.sequence) for t in (other, trial))
    linear, three = inner(d, observed(trial))
    remainder = _remainder(trial, d, _between(case, here, there))
    allowed = (
        sum(_loss_radius(case, list(t.exact.run.states[1:])) for t in (trial, other)) + remainder
    )
    yield number("L(θ + d) - L(θ) - ⟨∇L, d⟩", after - before, linear, allowed + one + two + three)


def _parts(case: Case) -> Vector:
    arrays = case.arrays()
    return {
        name: arrays[name].astype(np.float64) for name in (*case.cell.packed(), "inputs", "state")
    }


def _between(case: Case, here: Vector, there: Vector) -> Bptt:
    """The gradient all over the box that has both at its corners: itself, and not what a format
    makes of it.
    """
    boxes = combined(_box, here, there)
    packed = {name: boxes[name] for name in case.cell.packed()}
    inputs = [boxes["inputs"][t] for t in range(len(case.inputs))]
    run = sequence(case.cell.variant, unpack(packed, case.cell.hidden_size), inputs, boxes["state"])
    d_outputs = [Ball.exact(REFERENCE, g) for g in case.d_outputs]
    return bptt(run, d_outputs, Ball.exact(REFERENCE, case.d_last), plain)


def _box(one: Floats, other: Floats) -> Ball:
    mid = (one + other) / 2
    return Ball(
        REFERENCE, mid, np.maximum(np.abs(one - mid), np.abs(other - mid)) * (1 + REFERENCE.u)
    )


def _remainder(trial: Trial, d: Vector, between: Bptt) -> float:
    """The most that ⟨∇L(ξ) - ∇L, d⟩ can be, for ∇L as the backend may have it."""
    expected = trial.exact.gradients
    off = combined(
        lambda a, b: np.abs(a - b), midpoints(trial, between), midpoints(trial, expected)
    )
    # From any ∇L in the box to the midpoint here, and from there to what the backend returned.
    widths = (combined(np.add, off, radii(trial, between)), radii(trial, expected))
    return sum(most(d, width) for width in widths)
