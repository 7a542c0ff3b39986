"""Faults of derivatives along a direction: the gradient is right, its own derivative is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import Cell, Gradients
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, Pair, altered, gates, with_gates


@fault("gradient", "∂h/∂θ·v_θ + ∂h/∂x·v_x for ∂h/∂θ·v_θ + ∂h/∂x·v_x + ∂h/∂h_0·v_h", touches="D2")
def tangent_of_the_state_ignored() -> Backend:
    """The initial state is taken for a constant in forward mode."""
    right = NumpyBackend()

    def still(
        answer: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
    ) -> Pair:
        return right.sequence_jvp(
            cell, inputs, state, replace(tangent, state=np.zeros_like(tangent.state))
        )

    return Faulty(sequence_jvp=still)


@fault("gradient", "d(σ(1-σ)) = 0", touches="D2")
def hessian_of_the_candidate_alone() -> Backend:
    """The gates' slopes are taken for constants: their rows of Hv are 0."""

    def held(g: Gradients, *_: object) -> Gradients:
        none = {gate: 0 * gates(g.weight_hh)[0] for gate in "rz"}
        return replace(g, weight_hh=with_gates(g.weight_hh, **none))

    # Only forward over reverse is wrong: the two ways to Hv then disagree.
    return Faulty(sequence_hvp=held)


@fault("gradient", "Hv = 0", touches="D2", thread="facebookresearch/higher#27")
def hessian_not_implemented_but_zero() -> Backend:
    """What should say that it has no second derivative returns zeros."""

    def zeros(g: Gradients, *_: object) -> Gradients:
        return altered(g, np.zeros_like)

    # Both ways agree here, so that comparing them is not enough.
    return Faulty(sequence_hvp=zeros, sequence_hvp_reverse=zeros)


@fault("gradient", "J|v|", touches="D2")
def direction_taken_by_its_magnitude() -> Backend:
    """Forward mode along |v|, and so is the derivative of the gradient."""
    right = NumpyBackend()

    def jvp(
        answer: Pair, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
    ) -> Pair:
        return right.sequence_jvp(cell, inputs, state, altered(tangent, np.abs))

    def hvp(answer: Gradients, cell: Cell, *given: Any) -> Gradients:
        inputs, state, d_outputs, d_last, tangent = given
        along = altered(tangent, np.abs)
        return right.sequence_hvp(cell, inputs, state, d_outputs, d_last, along)

    return Faulty(sequence_jvp=jvp, sequence_hvp=hvp)


@fault("contract", "v := v/2", touches="ALIAS")
def tangent_halved_in_place() -> Backend:
    """The direction is scaled where it lies."""

    def halved(answer: Pair | Gradients, *given: Any) -> Pair | Gradients:
        for _, array in given[-1].items():
            array *= array.dtype.type(0.5)
        return answer

    return Faulty(sequence_jvp=halved, sequence_hvp=halved, sequence_hvp_reverse=halved)
