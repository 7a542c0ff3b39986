"""Which GRU it is: gate order, both biases, which side of the product resets, what z multiplies
(theory.md 2 and 7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Ball, NDArray, Rounding, float64
from gruverify.backends import declared_variants
from gruverify.cell import Case, Parameters, Variant
from gruverify.invariants.core._blocks import letters, pairs
from gruverify.invariants.core._changes import (
    SATURATED,
    cycled,
    edited,
    pinned,
    resized,
    single,
    update_preactivation,
    with_inputs,
)
from gruverify.invariants.core._first_step import with_loss_of_first_step
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import (
    STATES,
    Floats,
    Residual,
    agree_within,
    compare,
    equal,
    nonzero_where_required,
    overlooked,
)
from gruverify.invariants.core._trial import Trial

# -- the update gate -------------------------------------------------------------------------------


def with_constant_input(case: Case) -> Case:
    """The case, with an input 0 of 1 if it has no bias_ih: so that `pinned` leaves its inputs
    alone.
    """
    if case.cell.variant.input_bias:
        return case
    inputs = case.inputs[:1].copy()
    inputs[..., 0] = 1
    return with_inputs(case, inputs)


def update_negated(case: Case) -> Case:
    """One step with W_xz, W_hz and b_z negated."""
    return edited(
        single(case), lambda p: replace(p, W_xz=-p.W_xz, W_hz=-p.W_hz, b_xz=-p.b_xz, b_hz=-p.b_hz)
    )


def update_flipped(case: Case) -> Case:
    """The case under the other convention of the update gate."""
    return _as_variant(
        update_negated(case),
        update={"keep": "replace", "replace": "keep"}[case.cell.variant.update],
    )


def forgetting(case: Case) -> Case:
    """One step in which nothing of the state is kept: h = c."""
    return pinned(single(case), z=update_preactivation(case.cell.variant, -SATURATED))


def _as_variant(case: Case, **conventions: str) -> Case:
    variant = replace(case.cell.variant, **conventions)  # type: ignore[arg-type]  # the words are the variant's own
    return replace(case, cell=replace(case.cell, variant=variant))


@invariant(
    "conventions/update-flip",
    "negating W_z and b_z swaps keep and replace: h(z) + h(-z) = h' + c; and h(-z) is the other "
    "convention's h(z)",
    source="theory 7, z-flip; M09",
    needs=["step"],
)
def update_flip(trial: Trial) -> Iterator[Residual]:
    drawn = trial.on(with_constant_input)
    negated, taken = drawn.on(update_negated), drawn.on(forgetting)
    state, c, other = (
        _exactly(a) for a in (drawn.case.state, taken.observed.step, negated.observed.step)
    )
    # Three answers stand in the equation, each within its radius of the truth.
    allowed = sum(t.exact.next_state.radius for t in (drawn, negated, taken))
    yield compare(
        "h", "bi", drawn.observed.step, state + c - other, np.asarray(allowed), scale=STATES
    )
    flipped = drawn.on(update_flipped)
    # A backend of one convention cannot be asked for the other.
    if _claims(trial, flipped.case.cell.variant):
        yield _alike("h, z negated, under the other convention", drawn, flipped)


def _exactly(values: NDArray) -> Ball:
    return Ball.exact(Rounding(float64), values)


def _claims(trial: Trial, variant: Variant) -> bool:
    return variant in declared_variants(trial.backend)


def _alike(what: str, one: Trial, other: Trial, more: Floats | float = 0.0) -> Residual:
    """Both steps are the same: apart by no more than both radii, and what is allowed besides."""
    allowed = one.exact.next_state.radius + other.exact.next_state.radius + more
    return agree_within(what, "bi", other.observed.step, one.observed.step, allowed)


# -- gate order ------------------------------------------------------------------------------------


def _driven(case: Case, gate: str) -> Case:
    """One step from ±3/8 with all parameters 0, but for one gate, which is driven to its end."""
    once = single(case)
    # 3/8 is exact in every format, and so are the halves that come of it.
    state = np.broadcast_to(
        np.where(np.arange(case.cell.hidden_size) % 2, -0.375, 0.375), case.state.shape
    )
    levels = {other: SATURATED if other == gate else 0.0 for other in "rzc"}
    return pinned(replace(once, state=state.astype(case.format.dtype)), **levels)


def reset_driven(case: Case) -> Case:
    """One step with the reset gates driven: the first block of rows."""
    return _driven(case, "r")


def update_driven(case: Case) -> Case:
    """One step with the update gates driven: the second block of rows."""
    return _driven(case, "z")


def candidate_driven(case: Case) -> Case:
    """One step with the candidates driven: the third block of rows."""
    return _driven(case, "c")


@invariant(
    "conventions/gate-order",
    "rows come in the order r, z, n: each, driven alone to its limit, gives h'/2, h' (keep) or 0 "
    "(replace), (h' + 1)/2",
    source="theory 11, M10",
    bound="exact",
    needs=["step"],
    unless={"initial_state": False},
)
def gate_order(trial: Trial) -> Iterator[Residual]:
    if trial.case.cell.variant.update == "keep":
        update = 1.0
    else:
        update = 0.0
    for change, share, constant in (
        (reset_driven, 0.5, 0.0),
        (update_driven, update, 0.0),
        (candidate_driven, 0.5, 0.5),
    ):
        driven = trial.on(change)
        # With the other gates at ½ and candidates of 0 each block of rows shows in a value of its
        # own.
        expected = share * driven.case.state.astype(np.float64) + constant
        what = f"h, {change.__name__.replace('_', ' ')}"
        yield equal(what, "bi", driven.observed.step, expected, driven.declared_slack)


# -- the two biases --------------------------------------------------------------------------------


def biases_swapped(case: Case) -> Case:
    """One step with b_x and b_h exchanged, wherever only their sum counts."""
    if case.cell.variant.reset == "after":
        summed = "rz"
    else:
        summed = "rzc"

    def swap(p: Parameters) -> Parameters:
        swapped = {f"b_x{gate}": getattr(p, f"b_h{gate}") for gate in summed}
        return replace(p, **swapped, **{f"b_h{gate}": getattr(p, f"b_x{gate}") for gate in summed})

    return edited(single(case), swap)


@invariant(
    "conventions/bias-sum",
    "b_x and b_h are interchangeable: of r and z, and of a candidate that is reset before "
    "the product",
    source="theory 7; M11",
    needs=["step"],
    applies=lambda variant: variant.biases == "both",
)
def bias_sum(trial: Trial) -> Iterator[Residual]:
    swapped = trial.on(biases_swapped)
    yield agree_within(
        "h, biases exchanged",
        "bi",
        swapped.observed.step,
        trial.observed.step,
        2 * trial.exact.next_state.radius,
    )


#: Pre-activations at which a reset gate is exactly 1/2, 1 and 0, and what it then is.
_RESETS = ((0.0, SATURATED, -SATURATED), (0.5, 1.0, 0.0))


def _resets(case: Case) -> NDArray:
    """What `cycled` reset gates are: (H,), in the case's format."""
    return cycled(case, *_RESETS[1]).astype(case.format.dtype)


def reset_fixed(case: Case) -> Case:
    """One step with h = c and reset gates of 1/2, 1 and 0 in turn."""
    return pinned(forgetting(case), r=cycled(case, *_RESETS[0]))


def bias_recurrent(fixed: Case) -> Case:
    """With a candidate's bias that is b_hc alone, neither tiny nor huge."""
    return edited(fixed, lambda p: replace(p, b_xc=0 * p.b_xc, b_hc=_moderate(p.b_hc)))


def bias_moved(fixed: Case) -> Case:
    """With that bias as part of b_xc: r∘b_hc after the product, b_hc before it."""
    share: NDArray | int = 1
    if fixed.cell.variant.reset == "after":
        share = _resets(fixed)
    return edited(fixed, lambda p: replace(p, b_xc=share * _moderate(p.b_hc), b_hc=0 * p.b_hc))


def _moderate(bias: NDArray) -> NDArray:
    # Biases are 0 by default: one that is 0 would hide on which side of r it stands.
    return np.asarray(np.copysign(np.clip(np.abs(bias), 0.25, 2.0), bias)).astype(bias.dtype)


@invariant(
    "conventions/candidate-bias",
    "b_hc contributes r∘b_hc after the product and b_hc before it: as much of b_xc does the same",
    source="theory 7; M12",
    needs=["step"],
    applies=lambda variant: variant.has("b_xc") and variant.has("b_hc"),
)
def candidate_bias(trial: Trial) -> Iterator[Residual]:
    fixed = trial.on(reset_fixed)
    yield _alike("h, b_hc moved into b_xc", fixed.on(bias_recurrent), fixed.on(bias_moved))


# -- which side of the product is reset ------------------------------------------------------------


def reset_absorbed(fixed: Case) -> Case:
    """With reset gates of 1, and what they were as part of the recurrent weights."""
    r, after = _resets(fixed), fixed.cell.variant.reset == "after"

    def absorb(p: Parameters) -> Parameters:
        if after:
            return replace(p, W_hc=r[:, None] * p.W_hc, b_hc=r * p.b_hc)
        # W_hc D(r): before the product r scales columns, after it rows.
        return replace(p, W_hc=p.W_hc * r)

    return edited(pinned(fixed, r=SATURATED), absorb)


def reset_elsewhere(case: Case) -> Case:
    """With the reset gates on the other side of the product."""
    return _as_variant(case, reset={"after": "before", "before": "after"}[case.cell.variant.reset])


@invariant(
    "conventions/reset-absorbed",
    "a constant reset gate is part of the weights: D(r)W_hc and r∘b_hc after the product, W_hc "
    "D(r) before it",
    source="theory 2; M26",
    needs=["step"],
)
def reset_is_absorbed(trial: Trial) -> Iterator[Residual]:
    fixed = trial.on(reset_fixed)
    absorbed = fixed.on(reset_absorbed)
    rounded = _rounded_weights(fixed.case, absorbed.case)
    yield _alike("h, r in the weights", fixed, absorbed, rounded)
    elsewhere = absorbed.on(reset_elsewhere)
    if _claims(trial, elsewhere.case.cell.variant):
        yield _alike("h, r in the weights, under the other convention", fixed, elsewhere, rounded)


def _rounded_weights(fixed: Case, absorbed: Case) -> Floats:
    """How far the candidate may move where halving weights rounded them, as it does subnormal ones:
    (B, H).
    """
    r = _resets(fixed).astype(np.float64)
    p, stored = (
        case.cell.parameters(lambda array: array.astype(np.float64)) for case in (fixed, absorbed)
    )
    if fixed.cell.variant.reset == "after":
        weights, biases = r[:, None] * p.W_hc, r * p.b_hc
    else:
        weights, biases = p.W_hc * r, p.b_hc
    # tanh moves by no more than its argument does, and h is the candidate.
    states = np.abs(fixed.state.astype(np.float64))
    return np.asarray(states @ np.abs(weights - stored.W_hc).T + np.abs(biases - stored.b_hc))


def reset_probe(fixed: Case) -> Case:
    """With nothing but W_hc in the candidate; member j has the state e_j."""
    cell = edited(
        fixed, lambda p: replace(p, W_xc=0 * p.W_xc, b_xc=0 * p.b_xc, b_hc=0 * p.b_hc)
    ).cell
    H = cell.hidden_size
    inputs = np.repeat(fixed.inputs[:, :1], H, axis=1)
    return resized(cell, inputs, np.eye(H).astype(fixed.format.dtype))


@invariant(
    "conventions/reset-probe",
    "from e_j, with h = c and no input, h_i = tanh(r_i W_hc,ij) after the product and "
    "tanh(W_hc,ij r_j) before it",
    source="theory 11, M13",
    needs=["step"],
    unless={"initial_state": False},
)
def reset_is_probed(trial: Trial) -> Iterator[Residual]:
    probe = trial.on(reset_fixed).on(reset_probe)
    r, W_hc = (
        _resets(probe.case).astype(np.float64),
        np.split(probe.case.cell.weight_hh.astype(np.float64), 3)[2],
    )
    if probe.case.cell.variant.reset == "after":
        # M13: r_i W_ij after the product, W_ij r_j before it: wherever r_i and r_j differ.
        product = r[:, None] * W_hc
    else:
        product = W_hc * r
    yield compare(
        "h",
        "ji",
        probe.observed.step,
        _exactly(product.T).tanh(),
        probe.exact.next_state.radius,
        scale=STATES,
    )


def recurrence_diagonal(case: Case) -> Case:
    """One step with a diagonal W_hc and b_hc = 0."""
    return edited(
        single(case),
        lambda p: replace(
            p, W_hc=p.W_hc * np.eye(len(p.W_hc), dtype=p.W_hc.dtype), b_hc=0 * p.b_hc
        ),
    )


@invariant(
    "conventions/reset-sides-agree",
    "with a diagonal W_hc and b_hc = 0 it does not matter which side of the product is reset",
    source="theory 2, when RA and RB are the same; M25",
    needs=["step"],
)
def reset_sides_agree(trial: Trial) -> Iterator[Residual]:
    own = trial.on(recurrence_diagonal)
    elsewhere = own.on(reset_elsewhere)
    yield compare(
        "h",
        "bi",
        own.observed.step,
        elsewhere.exact.next_state,
        own.exact.next_state.radius,
        scale=STATES,
    )
    if _claims(trial, elsewhere.case.cell.variant):
        yield _alike("h, under the other convention", own, elsewhere)


# -- one backward pass -----------------------------------------------------------------------------


def from_zero(case: Case) -> Case:
    """The case from a state of zeros."""
    return replace(case, state=np.zeros_like(case.state))


@invariant(
    "conventions/one-pass",
    "h_0 = 0, a loss of h_1: the gradients that are exactly 0 are those of W_h and, before the "
    "product, of W_xr and b_r",
    source="theory 4, (4.7); M60",
    bound="exact",
    needs=["sequence_vjp"],
)
def one_pass(trial: Trial) -> Iterator[Residual]:
    once = with_loss_of_first_step(trial).on(from_zero)
    silent = {"W_hz", "W_hr", "W_hc"} | (
        {"W_xr", "b_xr", "b_hr"} if once.case.cell.variant.reset == "before" else set()
    )
    found, balls = once.observed.sequence_vjp, once.exact.gradients.parameters
    for block, gradient, ball in pairs(once.case.cell.variant, found, balls):
        if block in silent:
            unknown = overlooked(np.isinf(ball.radius))
            yield equal(f"dL/d{block}", letters(block), gradient, np.zeros_like(gradient), unknown)
        else:
            yield nonzero_where_required(f"dL/d{block}", gradient, ball)
