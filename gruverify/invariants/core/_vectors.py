"""Gradients as vectors: what holds of all their parts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic import Ball
from gruverify.cell import Gradients, Variant, pack
from gruverify.formulas import Bptt
from gruverify.invariants.core._reference import float64_error, float64_error_of_answers
from gruverify.invariants.core._residual import Floats, Residual, worst
from gruverify.invariants.core._trial import Trial

#: The parts of a gradient by their names, in float64; without biases there are four.
Vector: TypeAlias = dict[str, Floats]

#: The axes of each part: k is a row of the packed gates.
LETTERS = {
    "weight_ih": "kj",
    "weight_hh": "kj",
    "bias_ih": "k",
    "bias_hh": "k",
    "inputs": "tbj",
    "state": "bi",
}


def vector(variant: Variant, gradients: Gradients) -> Vector:
    """Gradients as a vector; what is returned for biases that are not there is left out, or 0 in an
    array of others.

    There is no part for the state where the backend declares that it has no gradient of it.
    """
    found = Vector()
    for name in LETTERS:
        there, array = variant.mask(name), getattr(gradients, name)
        if array is not None and any(there):
            wide = array.astype(np.float64)
            if all(there):
                found[name] = wide
            else:
                # What a backend has in the rows of a bias that the variant lacks is nobody's
                # gradient.
                found[name] = np.where(np.repeat(there, len(wide) // 3), wide, 0.0)
    return found


def observed(trial: Trial) -> Vector:
    """The gradients that the backend returns."""
    return vector(trial.case.cell.variant, trial.observed.sequence_vjp)


def radii(trial: Trial, expected: Bptt) -> Vector:
    """The radii of a gradient in balls."""
    return _of_balls(trial, expected, lambda ball: ball.radius)


def midpoints(trial: Trial, expected: Bptt) -> Vector:
    """The midpoints of a gradient in balls."""
    return _of_balls(trial, expected, lambda ball: ball.mid)


def _of_balls(trial: Trial, expected: Bptt, part: Callable[[Ball], Floats]) -> Vector:
    variant, inputs = trial.case.cell.variant, np.stack([part(ball) for ball in expected.inputs])
    every = vector(
        variant, pack(expected.parameters.map(part), inputs, part(expected.state), variant.bias)
    )
    if trial.declared.state_gradient:
        return every
    return {n: array for n, array in every.items() if n != "state"}


def combined(f: Callable[..., Any], *vectors: Vector) -> dict[str, Any]:
    """The parts of one name put together by `f`, for every name of the first vector."""
    return {name: f(*(one[name] for one in vectors)) for name in vectors[0]}


def agree_within(
    what: str, one: Vector, other: Vector, allowed: Vector, additions: int = 1
) -> Iterator[Residual]:
    """|one - other| ≤ allowed, entry by entry of every part of `allowed`; finding the sides took so
    many additions in float64, which may err too.
    """
    for name, bound in allowed.items():
        a, b = one[name], other[name]
        own = float64_error_of_answers(np.abs(a) + np.abs(b), additions, 0)
        yield worst(f"{what} {name}", LETTERS[name], a, b, np.abs(a - b), bound + own)


def inner(one: Vector, other: Vector) -> tuple[float, float]:
    """⟨one, other⟩ over the parts of `one`, and what finding it in float64 may add."""
    # One sum over all parts: its roundings are counted once.
    products = np.concatenate([(one[name] * other[name]).ravel() for name in one])
    size = float(np.abs(products).sum())
    return float(products.sum()), float(float64_error(size, products.size + 1, products.size))


def most(one: Vector, other: Vector) -> float:
    """⟨|one|, other⟩ for radii `other`, rounded up: the most by which ⟨one, ·⟩ may be off."""
    product, rounding = inner(combined(np.abs, one), other)
    return product + rounding


def number(what: str, one: float, other: float, allowed: float) -> Residual:
    """|one - other| ≤ allowed, for two numbers."""
    a, b = np.asarray(one), np.asarray(other)
    return worst(what, "", a, b, np.abs(a - b), np.asarray(allowed))
