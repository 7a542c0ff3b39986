"""Where states go: fixed points, the Jacobian there, and what shrinks from step to step (theory.md
6, 7 and 10).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Ball, NDArray, Rounding, float64
from gruverify.cell import Case, Parameters, contraction_rate
from gruverify.formulas import Magnitudes, magnitudes
from gruverify.invariants._conventions import forgetting, update_negated, with_constant_input
from gruverify.invariants.core._changes import clipped, edited, short, single, stretched
from gruverify.invariants.core._reference import float64_error
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Floats, Residual, at_most, compare, worst
from gruverify.invariants.core._trial import Trial

# -- at the origin ---------------------------------------------------------------------------------


def at_the_origin(case: Case) -> Case:
    """One step without biases, from 0 and over 0."""
    return replace(from_nothing(single(case)), state=np.zeros_like(case.state))


def from_nothing(case: Case) -> Case:
    """Inputs and biases of 0."""
    unbiased = edited(
        case, lambda p: replace(p, **{name: 0 * b for name, b in p.items() if name.startswith("b")})
    )
    return replace(unbiased, inputs=np.zeros_like(case.inputs))


@invariant(
    "dynamics/origin",
    "at h' = 0, x = 0 and without biases J = I/2 + W_hc/4, whichever side of the product is reset",
    source="theory 10, (10.1); Can, Krishnamurthy and Schwab 2020",
    needs=["step_jacobian"],
)
def origin(trial: Trial) -> Iterator[Residual]:
    there = trial.on(at_the_origin)
    W_hc = np.split(there.case.cell.weight_hh.astype(np.float64), 3)[2]
    limit = np.broadcast_to(np.eye(len(W_hc)) / 2 + W_hc / 4, there.observed.step_jacobian[0].shape)
    expected = Ball.exact(Rounding(float64), limit)
    # One product: W_hc/4.
    allowed = there.exact.jacobian_of_state.radius + float64_error(np.abs(limit), 1, 1)
    yield compare("J", "bij", there.observed.step_jacobian[0], expected, allowed)


# -- at a fixed point ------------------------------------------------------------------------------


def at_a_fixed_point(case: Case) -> Case:
    """One step from a state h* that is its own candidate: b_xc is chosen so, up to its rounding.

    All members are the first; without bias_ih the weights of input 0, which is 1, take the part of
    b_xc.
    """
    first = with_constant_input(single(case))
    inputs, state = (np.broadcast_to(a[..., :1, :], a.shape) for a in (first.inputs, first.state))
    still = replace(first, inputs=inputs, state=clipped(state, 0.9375))
    wide = still.cell.parameters(lambda array: array.astype(np.float64))
    x, h = inputs[0, 0].astype(np.float64), still.state[0].astype(np.float64)
    if not case.cell.variant.input_bias:
        wide.W_xc[:, 0] = 0
    with np.errstate(over="ignore"):
        r = 1 / (1 + np.exp(-(wide.W_xr @ x + wide.b_xr + wide.W_hr @ h + wide.b_hr)))
    after = case.cell.variant.reset == "after"
    if after:
        recurrent = r * (wide.W_hc @ h + wide.b_hc)
    else:
        recurrent = wide.W_hc @ (r * h) + wide.b_hc
    # h* = c(h*) solved for the bias: z does not stand in it (theory.md 7).
    wanted = np.arctanh(h) - wide.W_xc @ x - recurrent
    limit = case.format.max
    # What rounding and clipping leave of h* - c is allowed for where the statement is checked.
    return _with_constant(still, case.format.cast(np.clip(wanted, -limit, limit)))


def _with_constant(case: Case, b_xc: NDArray) -> Case:
    """b_xc put into the candidate."""

    def put(p: Parameters) -> Parameters:
        if case.cell.variant.input_bias:
            return replace(p, b_xc=b_xc)
        return replace(p, W_xc=np.concatenate([b_xc[:, None], p.W_xc[:, 1:]], axis=1))

    return edited(case, put)


@invariant(
    "dynamics/fixed-point",
    "a state that is its own candidate stays, whatever z is",
    source="theory 7; M14; Jordan, Sokół and Park 2019",
    needs=["step"],
)
def fixed_point(trial: Trial) -> Iterator[Residual]:
    there = trial.on(at_a_fixed_point)
    for what, still in (("h", there), ("h, z negated", there.on(update_negated))):
        state = still.case.state.astype(np.float64)
        moved, rounded = (
            np.abs(still.observed.step.astype(np.float64) - state),
            np.abs(still.exact.next_state.mid - state),
        )
        yield worst(
            what, "bi", state + moved, state, moved, still.exact.next_state.radius + rounded
        )


#: Of an entry of the Jacobian at a fixed point: two of what is expected, six of what is allowed.
_PRODUCTS = 8


@invariant(
    "dynamics/fixed-point-jacobian",
    "at a fixed point J - I = D(take)(C - I), C the Jacobian of the candidate: eigenvalues of 1 "
    "do not depend on z",
    source="theory 7; M65",
    needs=["step_jacobian"],
)
def fixed_point_jacobian(trial: Trial) -> Iterator[Residual]:
    there = trial.on(at_a_fixed_point)
    candidate = there.on(forgetting)
    eye, C = (
        np.eye(there.case.cell.hidden_size),
        candidate.observed.step_jacobian[0].astype(np.float64),
    )
    a, m = there.exact.step, magnitudes(there.case.cell, there.exact.step)
    # D(keep) + D(take)C: I + D(take)(C - I) without its cancellation.
    kept, taken = a.keep.mid[..., None] * eye, a.take.mid[..., None] * C
    expected = kept + taken
    allowed = (
        there.exact.jacobian_of_state.radius
        + a.take.magnitude[..., None] * candidate.exact.jacobian_of_state.radius
    )
    allowed = allowed + a.keep.radius[..., None] * eye + a.take.radius[..., None] * np.abs(C)
    allowed = (
        allowed
        + _off_the_fixed_point(there, m)
        + float64_error(np.abs(kept) + np.abs(taken), 2, _PRODUCTS)
    )
    actual = there.observed.step_jacobian[0].astype(np.float64)
    yield worst("J", "bij", actual, expected, np.abs(actual - expected), allowed)


def _off_the_fixed_point(trial: Trial, m: Magnitudes) -> Floats:
    """|h' - c| z(1-z) |W_hz|: what is left of the update gate's path where rounding b_xc moves the
    fixed point.
    """
    a = trial.exact.step
    W_hz = np.abs(np.split(trial.case.cell.weight_hh.astype(np.float64), 3)[1])
    slope = (a.h - a.c).magnitude * np.minimum(m.z, m.not_z)
    return np.asarray(slope[..., None] * W_hz)


# -- what shrinks ----------------------------------------------------------------------------------


def contractive(case: Case) -> Case:
    """Two steps of a certified cell from within the box: its parameters are scaled down, gate by
    gate.

    W_h have row sums of at most 1/4, and what inputs and biases add to a gate's pre-activation is
    at most 1/2.
    """
    # Two steps show that it shrinks; more would only widen the balls.
    few = short(stretched(case))
    x = max(float(np.abs(few.inputs.astype(np.float64)).max()), 1.0)

    def scale(p: Parameters) -> Parameters:
        blocks = {}
        for name, block in p.items():
            limit = {"W_h": 0.25, "W_x": 0.25 / x}.get(name[:3], 0.125)
            blocks[name] = _scaled_down(block, limit)
        return Parameters(**blocks)

    return replace(edited(few, scale), state=clipped(few.state, 1.0))


def _scaled_down(block: NDArray, limit: float) -> NDArray:
    """The block times a power of two, so that no row sums to more than the limit."""
    if not np.ndim(block):
        return block
    sizes = np.abs(block.astype(np.float64))
    largest = float((sizes.sum(1) if sizes.ndim == 2 else sizes).max())
    if largest <= limit:
        return block
    return np.asarray(block.astype(np.float64) * 2.0 ** -np.ceil(np.log2(largest / limit))).astype(
        block.dtype
    )


def contractive_elsewhere(case: Case) -> Case:
    """The contractive case from the negated state, and from 1 where that is 0."""
    there = contractive(case)
    return replace(there, state=np.where(there.state == 0, there.state.dtype.type(1), -there.state))


@invariant(
    "dynamics/contraction",
    "two starts of a certified cell approach each other: |h_t - k_t| ≤ λ^t |h_0 - k_0|",
    source="theory 6, (6.1), (6.2); M43; Bonassi, Farina and Scattolini 2021",
    bound="inequality",
    needs=["sequence"],
    unless={"initial_state": False},
)
def contraction(trial: Trial) -> Iterator[Residual]:
    one, other = trial.on(contractive), trial.on(contractive_elsewhere)
    rate = contraction_rate(one.case.cell, float(np.abs(one.case.inputs.astype(np.float64)).max()))
    apart = np.abs(one.case.state.astype(np.float64) - other.case.state).max(1, keepdims=True)
    limits = np.stack([rate**t * apart for t in range(1, len(one.case.inputs) + 1)])
    distance = np.abs(one.observed.sequence[0].astype(np.float64) - other.observed.sequence[0])
    slack = one.exact.outputs_radius + other.exact.outputs_radius
    slack = slack + float64_error(limits, len(limits), len(limits))
    yield at_most(
        "|h - k|", "tbi", distance, np.broadcast_to(limits, distance.shape), slack, scale=STATES
    )


def undriven(case: Case) -> Case:
    """Two steps without inputs and biases, from within the box, with W_hc of row sums of at most
    1/2.
    """
    few = from_nothing(short(stretched(case)))
    scaled = edited(few, lambda p: replace(p, W_hc=_scaled_down(p.W_hc, 0.5)))
    return replace(scaled, state=clipped(few.state, 1.0))


@invariant(
    "dynamics/decay",
    "without inputs and biases |h_t| ≤ (σ̄_z + (1 - σ̄_z) σ̄_r N_c)^t |h_0|, where σ̄_r N_c < 1",
    source="theory 6, (6.3); M44; Bonassi, Farina and Scattolini 2021",
    bound="inequality",
    needs=["sequence"],
    unless={"initial_state": False},
)
def decay(trial: Trial) -> Iterator[Residual]:
    alone = trial.on(undriven)
    N_r, N_z, N_c = (
        float(np.abs(W.astype(np.float64)).sum(1).max())
        for W in np.split(alone.case.cell.weight_hh, 3)
    )
    update, reset = (float(1 / (1 + np.exp(-N))) for N in (N_z, N_r))
    # (6.3): |c| ≤ r N_c |h| < |h|, so most is kept where z is largest.
    rate, first = (
        update + (1 - update) * reset * N_c,
        np.abs(alone.case.state.astype(np.float64)).max(1, keepdims=True),
    )
    limits = np.stack([rate**t * first for t in range(1, len(alone.case.inputs) + 1)])
    size = np.abs(alone.observed.sequence[0].astype(np.float64))
    slack = alone.exact.outputs_radius + float64_error(limits, len(limits), len(limits))
    yield at_most("|h|", "tbi", size, np.broadcast_to(limits, size.shape), slack)
