"""What a gradient looks like whatever the loss: identities between its parts, its rank, what is 0
in it.

The parts of one answer are made of the same cotangents of the gates' pre-activations, so an error
in those is in all of them and cancels: a bound here is what multiplying and adding them may err by,
and no more (docs/tolerances.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.cell import BLOCKS, Case, Gradients, Variant
from gruverify.formulas import Contribution, GateCotangents, reset_slope
from gruverify.invariants.core._blocks import block_of, letters, pairs
from gruverify.invariants.core._changes import from_zero, short, stretched
from gruverify.invariants.core._first_step import with_loss_of_first_step
from gruverify.invariants.core._reference import float64_error
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import (
    Floats,
    Residual,
    compare,
    equal,
    never,
    nothing_claimed,
    overlooked,
    worst,
)
from gruverify.invariants.core._trial import Trial

_WEIGHTS = [block for block in BLOCKS if block.startswith("W")]


def _biased_twice(variant: Variant) -> bool:
    return variant.biases == "both"


def _biased(variant: Variant) -> bool:
    """Whether the gradients of biases show the cotangent of every gate."""
    return all(_cotangent_of(variant, block) for block in _WEIGHTS)


def _cotangent_of(variant: Variant, block: str) -> str:
    """The bias whose gradient, of one step and one member, is what that of the weights is made of;
    empty if none is.

    It stands on the same side or, wherever the sum is all that counts, on the other.
    """
    gate, side = block[-1], block[2]
    sides = [side]
    if gate != "c" or variant.reset == "before":  # then both biases are added to the same sum
        sides.append({"x": "h", "h": "x"}[side])
    return next((name for one in sides if variant.has(name := f"b_{one}{gate}")), "")


@invariant(
    "gradient/scaling-identity",
    "Σ_gates W_xᵀ dL/dW_x = Σ_t (dL/dx_t) x_tᵀ: what scales the inputs and unscales their "
    "weights changes nothing",
    source="theory 7, (7.1); M63",
    needs=["sequence_vjp"],
    unless={"separate_passes": True},
)
def scaling_identity(trial: Trial) -> Iterator[Residual]:
    case, found = trial.case, trial.observed.sequence_vjp
    x, dx = (
        array.reshape(-1, case.sizes["I"]).astype(np.float64)
        for array in (case.inputs, found.inputs)
    )
    W, dW = case.cell.weight_ih.astype(np.float64), found.weight_ih.astype(np.float64)
    # Sizes alone: what is wrong with α is on both sides and cancels, what multiplying rounds does
    # not.
    mode, α, weights = trial.exact.mode, _of_gates(trial), np.abs(W)
    around_W = _over_time(α, lambda one, t: one.T @ Ball.exact(mode, np.abs(case.inputs[t]))).radius
    gates = [Ball.exact(mode, rows) for rows in np.split(weights, 3)]
    around_x = np.concatenate([_over_gates(one, gates).radius for one in α])
    left, right = W.T @ dW, dx.T @ x
    terms = weights.T @ np.abs(dW) + np.abs(dx).T @ np.abs(x)
    # 3H of the left side and T·B of the right, in each of its m×m entries.
    products = len(W) + len(x)
    rounding = float64_error(terms, products + 1, 3 * products)
    allowed = weights.T @ around_W + around_x.T @ np.abs(x)
    # Where inputs and weights are all 0 both sides are, whatever the gradients.
    error, bound = np.abs(left - right), allowed + rounding
    yield worst("Σ WᵀdW - Σ dx xᵀ", "ij", left, right, error, bound, about=terms > 0)


def _of_gates(trial: Trial) -> list[Ball]:
    """The cotangents of a_r, a_z, a_c that all parts of the gradient have in common: T of (B, 3H),
    in order of time.
    """
    steps = [_common_gates(trial, term) for term in reversed(trial.exact.terms)]
    return [_side_by_side([α.r, α.z, α.c]) for α in steps]


def _side_by_side(gates: list[Ball]) -> Ball:
    mid = np.concatenate([ball.mid for ball in gates], axis=1)
    rad = np.concatenate([ball.radius for ball in gates], axis=1)
    return Ball(gates[0].mode, mid, rad)


def _over_time(α: list[Ball], of_step: Callable[[Ball, int], Ball]) -> Ball:
    """Σ_t: what each step adds to a gradient is a number of its own."""
    return reduce(add, (of_step(one, t) for t, one in enumerate(α)))


def _over_gates(α: Ball, weights: list[Ball]) -> Ball:
    """Σ_gates α W: what each gate adds to a cotangent is a number of its own."""
    H = len(weights[0].mid)
    return reduce(add, (α[:, k * H : (k + 1) * H] @ W for k, W in enumerate(weights)))


def _common_gates(trial: Trial, term: Contribution) -> GateCotangents:
    """The common cotangents of one step. Before the product W_hc is met on the way to the reset
    gate: by some sooner, by some later.
    """
    exact, α = trial.exact, trial.exact.gates(term)
    r, z, c, q = (getattr(α, gate).common() for gate in "rzcq")
    if trial.case.cell.variant.reset == "before":
        through = c @ Ball.exact(exact.mode, exact.parameters.W_hc.magnitude)
        r = through * reset_slope(exact.run.steps[term.k - 1]).common()
    return GateCotangents(r, z, c, q)


@invariant(
    "gradient/bias-gradients-agree",
    "dL/db_xk = dL/db_hk for k = r, z, and for k = c where the reset gate stands before the "
    "product",
    source="theory 7; M61",
    needs=["sequence_vjp"],
    unless={"separate_passes": True},
    applies=_biased_twice,
)
def bias_gradients_agree(trial: Trial) -> Iterator[Residual]:
    found, around = (
        trial.observed.sequence_vjp,
        np.split(2 * _over_time(_of_gates(trial), _summed).radius, 3),
    )
    for gate, allowed in zip("rzc", around, strict=True):
        if gate != "c" or trial.case.cell.variant.reset == "before":
            one, other = (block_of(found, f"b_{side}{gate}").astype(np.float64) for side in "xh")
            yield worst(
                f"dL/db_x{gate} - dL/db_h{gate}", "i", one, other, np.abs(one - other), allowed
            )


def _summed(α: Ball, _: int) -> Ball:
    return α.sum(0)


# -- a loss of one member and one step: every block of the gradient is an outer product ------------


def lone_step(trial: Trial) -> Trial:
    """A loss of the first member's state after the first step alone."""
    return with_loss_of_first_step(trial).on(of_first_member)


def of_first_member(case: Case) -> Case:
    """The case with a loss of its first member alone."""
    if len(case.d_last) == 1:
        return case
    d_outputs, d_last = case.d_outputs.copy(), case.d_last.copy()
    d_outputs[:, 1:] = d_last[1:] = 0
    return replace(case, d_outputs=d_outputs, d_last=d_last)


@invariant(
    "gradient/recurrent-bias-is-reset",
    "a loss of one member's h_1: dL/db_hc = r∘dL/db_xc where the reset gate stands after the "
    "product",
    source="theory 2, (2.4); M61",
    needs=["sequence_vjp"],
    unless={"separate_passes": True},
    applies=lambda variant: (
        variant.has("b_xc") and variant.has("b_hc") and variant.reset == "after"
    ),
)
def recurrent_bias_is_reset(trial: Trial) -> Iterator[Residual]:
    lone = lone_step(trial)
    found, α, r = lone.observed.sequence_vjp, _lone_gates(lone), lone.exact.step.r
    yield _product(
        "dL/db_hc - r∘dL/db_xc", "i", block_of(found, "b_hc"), block_of(found, "b_xc"), α.c[0], r[0]
    )


def _product(
    what: str, letters: str, product: NDArray, factor: NDArray, α: Ball, other: Ball
) -> Residual:
    """The product is factor·other, and both it and the factor are made of α."""
    known = Ball(α.mode, factor.astype(np.float64), 2 * α.radius)
    if letters == "ij" and α.mode.u_m:
        # A matrix product, of which the operands are rounded first; that of a bias has none.
        return compare(what, letters, product, known @ other[None])
    return compare(what, letters, product, known * other)


def _lone_gates(lone: Trial) -> GateCotangents:
    return _common_gates(lone, lone.exact.terms[-1])


def _outer_factors(lone: Trial, α: GateCotangents, block: str) -> tuple[Ball, Ball]:
    """What dL/dW of one step and one member is the outer product of, from the gates' cotangents: α
    (H, 1), and x (I,), h' or r∘h' (H,).
    """
    a = lone.exact.step
    if block == "W_hc":
        if lone.case.cell.variant.reset == "after":
            one, other = α.q, a.h
        else:
            one, other = α.c, a.r * a.h
    else:
        one, other = getattr(α, block[-1]), a.x if block.startswith("W_x") else a.h
    return one[0][:, None], other[0]


@invariant(
    "gradient/outer-product",
    "a loss of one member's h_1: dL/dW_xk = (dL/db_xk) xᵀ, dL/dW_hk = (dL/db_hk) h'ᵀ, with r∘h' "
    "for c before the product",
    source="theory 2, (2.4); M62",
    needs=["sequence_vjp"],
    unless={"separate_passes": True},
    applies=_biased,
)
def outer_product(trial: Trial) -> Iterator[Residual]:
    lone = lone_step(trial)
    found, α = lone.observed.sequence_vjp, _lone_gates(lone)
    for block in _WEIGHTS:
        bias = _cotangent_of(lone.case.cell.variant, block)
        dW, db = block_of(found, block), block_of(found, bias)
        yield _product(f"dL/d{block}", "ij", dW, db[:, None], *_outer_factors(lone, α, block))


@invariant(
    "gradient/rank-one",
    "a loss of one member's h_1: every 2×2 minor of dL/dW_xk and of dL/dW_hk is 0",
    source="theory 2, (2.4); M62",
    needs=["sequence_vjp"],
    unless={"separate_passes": True},
)
def rank_one(trial: Trial) -> Iterator[Residual]:
    lone = lone_step(trial)
    gradients, gates = lone.observed.sequence_vjp, _lone_gates(lone)
    for block in _WEIGHTS:
        α, v = _outer_factors(lone, gates, block)
        found = block_of(gradients, block).astype(np.float64)
        yield _minors(block, found, (α * v.common()).radius)


def _minors(block: str, dW: Floats, around: Floats) -> Residual:
    """The minors of neighbouring rows and columns, cyclically: dW_ij dW_kl = dW_il dW_kj."""
    if 1 in dW.shape:
        return nothing_claimed(f"dL/d{block} has no minors")
    k, l = np.roll(np.arange(dW.shape[0]), -1), np.roll(np.arange(dW.shape[1]), -1)
    # Neighbours are enough: if all those minors are 0, and no entry is, the rank is 1.
    one, other = dW * dW[k][:, l], dW[:, l] * dW[k]
    size, up = np.abs(dW), np.abs(dW) + around
    allowed = _grown(size, up, (size[k][:, l], up[k][:, l])) + _grown(
        size[:, l], up[:, l], (size[k], up[k])
    )
    rounding = float64_error(np.abs(one) + np.abs(other), 2, 6)
    return worst(
        f"minors of dL/d{block}", "ij", one, other, np.abs(one - other), allowed + rounding
    )


def _grown(size: Floats, up: Floats, others: tuple[Floats, Floats]) -> Floats:
    """How far the product of two numbers of these sizes may be from that of numbers in their
    balls.
    """
    return up * others[1] - size * others[0]


# -- what is 0, and what is not --------------------------------------------------------------------


@invariant(
    "gradient/zero-set",
    "h_0 = 0, a loss of h_1: dL/d(W_hr, W_hz, W_hc) = 0 exactly, and dL/d(W_xr, b_r) where the "
    "reset gate stands before; and no state means that state",
    source="theory 4, (4.7); M47, M60",
    bound="exact",
    needs=["sequence_vjp"],
)
def zero_set(trial: Trial) -> Iterator[Residual]:
    still = with_loss_of_first_step(trial).on(from_zero)
    variant = still.case.cell.variant
    silent = {"W_hr", "W_hz", "W_hc"} | (
        {"W_xr", "b_xr", "b_hr"} if variant.reset == "before" else set()
    )
    for block, actual, ball in pairs(
        variant, still.observed.sequence_vjp, still.exact.gradients.parameters
    ):
        if block in silent:
            # Where the format may overflow on the way, ∞·0 may be left over.
            unknown = overlooked(np.isinf(ball.radius))
            yield equal(f"dL/d{block}", letters(block), actual, np.zeros_like(actual), unknown)
    if trial.declared.shapes != "few":  # a call without a state is compiled for itself
        # Of two steps, for of one from zeros nothing comes to the recurrent weights.
        yield from _without_a_state(trial.on(stretched).on(short).on(from_zero))


def _without_a_state(still: Trial) -> Iterator[Residual]:
    """From zeros, given or not, the gradients have the same bits."""
    observed = still.observed
    given, arguments = observed.sequence_vjp, observed.arguments("sequence_vjp", state=None)
    returned = observed.raw_answer("sequence_vjp", arguments)
    if isinstance(returned, Gradients):
        # Nobody gave the state, and so it need not have a gradient.
        returned = replace(returned, state=given.state)
    found = observed.checked("sequence_vjp", returned)
    for name, array in given.items():
        axes = "tbj" if name == "inputs" else "ij"[: array.ndim]
        yield equal(f"dL/d{name} without a state", axes, getattr(found, name), array)


@invariant(
    "gradient/liveness",
    "no parameter, input or initial state has a gradient that is 0 throughout where its "
    "enclosure excludes 0 anywhere",
    source="theory 11, M30; 12, first line",
    bound="exact",
    needs=["sequence_vjp"],
)
def liveness(trial: Trial) -> Iterator[Residual]:
    found, expected = trial.observed.sequence_vjp, trial.exact.gradients
    for block, actual, ball in pairs(trial.case.cell.variant, found, expected.parameters):
        yield _alive(f"dL/d{block}", actual, ball.mignitude)
    yield _alive("dL/dx", found.inputs, np.stack([ball.mignitude for ball in expected.inputs]))
    if found.state is not None:
        yield _alive("dL/dh_0", found.state, expected.state.mignitude)


def _alive(what: str, actual: NDArray, least: Floats) -> Residual:
    return never(
        f"{what} is 0 throughout, where it cannot be",
        np.full(least.shape, not actual.any()),
        least > 0,
    )
