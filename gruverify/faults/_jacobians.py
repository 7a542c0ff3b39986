"""Faults of a step's Jacobian: the step is right, ∂h/∂h' or ∂h/∂x is not."""

from __future__ import annotations

import numpy as np

from gruverify.backends import Backend
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty


@fault("gradient", "Jᵀ for J", touches="JAC")
def jacobian_transposed() -> Backend:
    """∂h_j/∂h'_i at (i, j)."""
    return Faulty(step_jacobian=lambda pair, *_: (pair[0].swapaxes(1, 2), pair[1]))


@fault("gradient", "2J for J", touches="JAC")
def jacobian_twice_as_large() -> Backend:
    """A factor 2."""
    return Faulty(step_jacobian=lambda pair, *_: (2 * pair[0], 2 * pair[1]))


@fault("gradient", "J = 0", touches="JAC")
def jacobian_without_the_carry() -> Backend:
    """Zero: what the state passes on directly is forgotten."""
    return Faulty(step_jacobian=lambda pair, *_: (0 * pair[0], pair[1]))


@fault("gradient", "J = I", touches="JAC")
def jacobian_that_never_forgets() -> Backend:
    """The identity, as if every gate were open."""
    return Faulty(
        step_jacobian=lambda pair, *_: (
            0 * pair[0] + np.eye(pair[0].shape[1], dtype=pair[0].dtype),
            pair[1],
        )
    )


@fault("gradient", "-∂h/∂x for ∂h/∂x", touches="JAC")
def jacobian_of_the_input_negated() -> Backend:
    """A wrong sign in ∂h/∂x alone."""
    return Faulty(step_jacobian=lambda pair, *_: (pair[0], -pair[1]))
