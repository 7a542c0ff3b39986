"""What one arithmetic says of a case: its step Jacobians, the terms of the sum over k, and the
gradients they make.

U_z is the update gate's input weights W_xz. Sizes ‖·‖ are the largest entry of a gradient and,
induced by it, the largest row sum of a Jacobian. Numbers of a floating-point format are read as
they are, exact ones as enclosures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import matmul
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import Array, Ball, Format, Rounding, combined_rows, float64, floating
from gruverify.cell import Case
from gruverify.formulas import (
    Activations,
    Contribution,
    Run,
    contributions,
    jacobian,
    sequence,
    total,
)
from gruverify.reporting.explain._enclosure import Enclosure, largest, largest_row_sum, worst_of

Lift: TypeAlias = Callable[[Array], Array]

_EXACT = Rounding(float64)


def exact(values: Array) -> Ball:
    """Numbers of the exact arithmetic: enclosures of what the float64 formulas give, and of the
    true value.
    """
    return Ball.exact(_EXACT, values)


def rounding_to(fmt: Format) -> Lift:
    """Numbers of a floating-point format."""
    return lambda values: floating(fmt.cast(values))


@dataclass(frozen=True)
class Measured:
    """Sizes of what one arithmetic finds for a loss on h_T.

    gap: ‖J - limit‖, the largest over the steps. update, candidate, candidate_bias, recurrent_bias,
    state: ‖dL_T/dU_z‖, ‖dL_T/dW_xc‖, ‖dL_T/db_xc‖, ‖dL_T/db_hc‖, ‖dL_T/dh_0‖. terms: those of
    dL_T/dU_z; influence: ‖dh_T/dh_k‖; both from k = T down to 1.
    """

    gap: Enclosure
    update: Enclosure
    candidate: Enclosure
    candidate_bias: Enclosure
    recurrent_bias: Enclosure
    state: Enclosure
    terms: tuple[Enclosure, ...]
    influence: tuple[Enclosure, ...]


def run_of(case: Case, lift: Lift) -> Run:
    """The case's sequence, run forward in an arithmetic."""
    return sequence(
        case.cell.variant,
        case.cell.parameters(lift),
        [lift(x) for x in case.inputs],
        lift(case.state),
    )


def terms_at(case: Case, run: Run, lift: Lift, t: int) -> list[Contribution]:
    """The terms of the sum over k for the same loss on h_t, from k = t down to 1."""
    # No second run: the first t steps do not depend on what comes after them.
    upto = Run(run.variant, run.parameters, run.steps[:t], run.states[: t + 1])
    return list(contributions(upto, None, lift(case.d_last)))


def measure(case: Case, run: Run, lift: Lift, limit: str) -> Measured:
    """Everything that is shown of a case in one arithmetic; `limit` is a regime's."""
    terms = terms_at(case, run, lift, len(run.steps))
    gradients = total(terms)
    jacobians = [jacobian(run.variant, run.parameters, a)[0] for a in run.steps]
    return Measured(
        worst_of(
            [_distance(run, lift, *pair, limit) for pair in zip(run.steps, jacobians, strict=True)]
        ),
        size(gradients.parameters.W_xz),
        size(gradients.parameters.W_xc),
        size(gradients.parameters.b_xc),
        size(gradients.parameters.b_hc),
        size(gradients.state),
        tuple(size(term.parameters.W_xz) for term in terms),
        _influence(lift, jacobians),
    )


def size(array: Array) -> Enclosure:
    """The largest entry, in any arithmetic."""
    return largest(_read(array))


def _distance(run: Run, lift: Lift, a: Activations, J: Array, limit: str) -> Enclosure:
    return largest_row_sum(_read(J) - _read(_limit(run, lift, a, limit)))


def _limit(run: Run, lift: Lift, a: Activations, limit: str) -> Array:
    # (3.3): the Jacobian of an Elman unit, which z = 0 and r = 1 leave.
    if limit == "D(1-c²)W_hc":
        return combined_rows((1 - a.c * a.c, run.parameters.W_hc))
    H = a.h.shape[-1]
    return lift(np.eye(H) if limit == "I" else np.zeros((H, H)))


def _influence(lift: Lift, jacobians: Sequence[Array]) -> tuple[Enclosure, ...]:
    """‖J_T … J_{k+1}‖ for k = T, where the product is empty, down to 1."""
    identity = lift(np.eye(jacobians[0].shape[-1]))
    # From J_T down to J_2: ∂h_T/∂h_1 needs no J_1.
    products = accumulate([J[0] for J in jacobians[:0:-1]], matmul, initial=identity)
    return tuple(largest_row_sum(_read(product)) for product in products)


def _read(array: Array) -> Ball:
    if isinstance(array, Ball):
        return array
    # What a format returned is a number like any other, of which nothing is uncertain.
    return exact(array)
