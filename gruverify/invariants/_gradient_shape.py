"""What a gradient looks like whatever the loss: identities between its parts, its rank, what is 0 in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.cell import Case, Variant
from gruverify.invariants._blocks import letters, of, pairs
from gruverify.invariants._registry import invariant
from gruverify.invariants._residual import Floats, NDArray, Residual, equal, holds, violated, worst
from gruverify.invariants._trial import Trial
from gruverify.invariants._vectors import REFERENCE


def _biased(variant: Variant) -> bool:
    return variant.bias


@invariant(
    "gradient/scaling-identity",
    "Σ_gates W_xᵀ dL/dW_x = Σ_t (dL/dx_t) x_tᵀ: what scales the inputs and unscales their weights changes nothing",
    source="theory 7, (7.1); M63",
    needs=["sequence_vjp"],
)
def scaling_identity(trial: Trial) -> Iterator[Residual]:
    case, found, ball = trial.case, trial.observed.sequence_vjp, trial.exact.gradients
    W, x = case.cell.weight_ih.astype(np.float64), case.inputs.astype(np.float64)
    dW, dx = found.weight_ih.astype(np.float64), found.inputs.astype(np.float64)
    p = ball.parameters
    around_W = np.concatenate([p.W_xr.radius, p.W_xz.radius, p.W_xc.radius])
    around_x = np.stack([one.radius for one in ball.inputs])
    left, right = W.T @ dW, np.einsum("tbi,tbj->ij", dx, x)
    terms = np.abs(W).T @ np.abs(dW) + np.einsum("tbi,tbj->ij", np.abs(dx), np.abs(x))
    allowed = np.abs(W).T @ around_W + np.einsum("tbi,tbj->ij", around_x, np.abs(x))
    rounding = REFERENCE.gamma(len(W) + x.shape[0] * x.shape[1] + 1) * terms
    yield worst("Σ WᵀdW - Σ dx xᵀ", "ij", left, right, np.abs(left - right), allowed + rounding)


@invariant(
    "gradient/bias-gradients-agree",
    "dL/db_xk = dL/db_hk for k = r, z, and for k = c where the reset gate stands before the product",
    source="theory 7; M61",
    needs=["sequence_vjp"],
    applies=_biased,
)
def bias_gradients_agree(trial: Trial) -> Iterator[Residual]:
    found, p = trial.observed.sequence_vjp, trial.exact.gradients.parameters
    for gate in "rz" if trial.case.cell.variant.reset == "after" else "rzc":
        one, other = (of(found, f"b_{side}{gate}").astype(np.float64) for side in "xh")
        allowed = getattr(p, f"b_x{gate}").radius + getattr(p, f"b_h{gate}").radius
        yield worst(f"dL/db_x{gate} - dL/db_h{gate}", "i", one, other, np.abs(one - other), allowed)


# -- one member and one step: every block of the gradient is an outer product ----------------------------------------


def lone_step(case: Case) -> Case:
    """The first member's first step alone."""
    return replace(
        case,
        inputs=case.inputs[:1, :1],
        state=case.state[:1],
        d_outputs=case.d_outputs[:1, :1],
        d_last=case.d_last[:1],
    )


@invariant(
    "gradient/recurrent-bias-is-reset",
    "T = B = 1: dL/db_hc = r∘dL/db_xc where the reset gate stands after the product",
    source="theory 2, (2.4); M61",
    needs=["sequence_vjp"],
    applies=lambda variant: variant.bias and variant.reset == "after",
)
def recurrent_bias_is_reset(trial: Trial) -> Iterator[Residual]:
    lone = trial.on(lone_step)
    found, p, r = lone.observed.sequence_vjp, lone.exact.gradients.parameters, lone.exact.step.r[0]
    inside, outside = (of(found, block).astype(np.float64) for block in ("b_hc", "b_xc"))
    allowed = p.b_hc.radius + r.magnitude * p.b_xc.radius + r.radius * np.abs(outside)
    rounding = REFERENCE.u * np.abs(outside)
    yield worst(
        "dL/db_hc - r∘dL/db_xc", "i", inside, r.mid * outside, np.abs(inside - r.mid * outside), allowed + rounding
    )


@invariant(
    "gradient/outer-product",
    "T = B = 1: dL/dW_xk = (dL/db_xk) xᵀ, dL/dW_hk = (dL/db_hk) h'ᵀ, with r∘h' for c before the product",
    source="theory 2, (2.4); M62",
    needs=["sequence_vjp"],
    applies=_biased,
)
def outer_product(trial: Trial) -> Iterator[Residual]:
    lone = trial.on(lone_step)
    found, p, a = lone.observed.sequence_vjp, lone.exact.gradients.parameters, lone.exact.step
    for side, factor in (("x", a.x), ("h", a.h)):
        for gate in "rzc":
            through_reset = side + gate == "hc" and lone.case.cell.variant.reset == "before"
            v = (a.r * a.h if through_reset else factor)[0]
            dW, db = (of(found, f"{kind}_{side}{gate}").astype(np.float64) for kind in "Wb")
            around_W, around_b = (getattr(p, f"{kind}_{side}{gate}").radius for kind in "Wb")
            product = db[:, None] * v.mid
            allowed = around_W + around_b[:, None] * v.magnitude + np.abs(db)[:, None] * v.radius
            rounding = REFERENCE.u * np.abs(product)
            yield worst(f"dL/dW_{side}{gate}", "ij", dW, product, np.abs(dW - product), allowed + rounding)


@invariant(
    "gradient/rank-one",
    "T = B = 1: every 2×2 minor of dL/dW_xk and of dL/dW_hk is 0, for rank dW ≤ B·T",
    source="theory 2, (2.4); M62",
    needs=["sequence_vjp"],
)
def rank_one(trial: Trial) -> Iterator[Residual]:
    lone = trial.on(lone_step)
    for block, actual, ball in pairs(
        lone.case.cell.variant, lone.observed.sequence_vjp, lone.exact.gradients.parameters
    ):
        if block.startswith("W"):
            yield _minors(block, actual.astype(np.float64), ball.radius)


def _minors(block: str, dW: Floats, around: Floats) -> Residual:
    """The minors of neighbouring rows and columns, cyclically: dW_ij dW_kl = dW_il dW_kj."""
    k, l = np.roll(np.arange(dW.shape[0]), -1), np.roll(np.arange(dW.shape[1]), -1)
    one, other = dW * dW[k][:, l], dW[:, l] * dW[k]
    size, up = np.abs(dW), np.abs(dW) + around
    allowed = _grown(size, up, (size[k][:, l], up[k][:, l])) + _grown(size[:, l], up[:, l], (size[k], up[k]))
    rounding = 2 * REFERENCE.u * (np.abs(one) + np.abs(other)) + 2 * REFERENCE.eta
    return worst(f"minors of dL/d{block}", "ij", one, other, np.abs(one - other), allowed + rounding)


def _grown(size: Floats, up: Floats, others: tuple[Floats, Floats]) -> Floats:
    """How far the product of two numbers of these sizes may be from that of numbers in their balls."""
    return up * others[1] - size * others[0]


# -- what is 0, and what is not --------------------------------------------------------------------------------------


def from_nothing(case: Case) -> Case:
    """One step from a state of zeros."""
    return replace(case, inputs=case.inputs[:1], d_outputs=case.d_outputs[:1], state=0 * case.state)


@invariant(
    "gradient/zero-set",
    "T = 1, h_0 = 0: dL/d(W_hr, W_hz, W_hc) = 0 exactly, and dL/d(W_xr, b_r) where the reset gate stands before",
    source="theory 4, (4.7); M60",
    bound="exact",
    needs=["sequence_vjp"],
)
def zero_set(trial: Trial) -> Iterator[Residual]:
    still = trial.on(from_nothing)
    variant = still.case.cell.variant
    silent = {"W_hr", "W_hz", "W_hc"} | ({"W_xr", "b_xr", "b_hr"} if variant.reset == "before" else set())
    for block, actual, ball in pairs(variant, still.observed.sequence_vjp, still.exact.gradients.parameters):
        if block in silent:
            # Where the format may overflow on the way, ∞·0 may be left over.
            claimed = np.where(np.isfinite(ball.radius), actual, 0)
            yield equal(f"dL/d{block}", letters(block), claimed, 0 * claimed)


@invariant(
    "gradient/liveness",
    "no parameter, input or initial state has a gradient that is 0 throughout where its enclosure excludes 0 anywhere",
    source="theory 11, M30; 12, first line",
    bound="exact",
    needs=["sequence_vjp"],
)
def liveness(trial: Trial) -> Iterator[Residual]:
    found, expected = trial.observed.sequence_vjp, trial.exact.gradients
    for block, actual, ball in pairs(trial.case.cell.variant, found, expected.parameters):
        yield _alive(f"dL/d{block}", actual, ball.mignitude)
    yield _alive("dL/dx", found.inputs, np.stack([ball.mignitude for ball in expected.inputs]))
    yield _alive("dL/dh_0", found.state, expected.state.mignitude)


def _alive(what: str, actual: NDArray, least: Floats) -> Residual:
    dead = bool((least > 0).any()) and not actual.any()
    return violated(f"{what} is 0 throughout, where it cannot be", 0.0) if dead else holds(f"{what} ≠ 0")
