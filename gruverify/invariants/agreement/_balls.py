"""The backend's numbers lie in the balls: every value and every derivative, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gruverify.arithmetic import Ball
from gruverify.backends import NumpyBackend
from gruverify.cell import BLOCKS, Gradients
from gruverify.invariants.core._blocks import (
    block_of,
    blocks_of,
    compared,
    largest,
    letters,
    pairs,
    scale_of,
    spelled,
    state_of,
)
from gruverify.invariants.core._ranges import ranges
from gruverify.invariants.core._reference import float64_error_of_answers
from gruverify.invariants.core._registry import SHORT, invariant
from gruverify.invariants.core._residual import STATES, Floats, Residual, agree_within, compare
from gruverify.invariants.core._trial import Trial


@invariant(
    "agreement/step",
    "h = keep∘h' + take∘c",
    source="theory 2, (2.1)",
    needs=["step"],
    lengths=SHORT,
)
def step(trial: Trial) -> Iterator[Residual]:
    yield compare("h", "bi", trial.observed.step, trial.exact.next_state, scale=STATES)


@invariant(
    "agreement/jacobian-state",
    "J = ∂h/∂h'",
    source="theory 2, (2.2)",
    needs=["step_jacobian"],
    lengths=SHORT,
)
def jacobian_state(trial: Trial) -> Iterator[Residual]:
    yield compare("∂h/∂h'", "bij", trial.observed.step_jacobian[0], trial.exact.jacobian_of_state)


@invariant(
    "agreement/jacobian-input",
    "∂h/∂x",
    source="theory 2, (2.3)",
    needs=["step_jacobian"],
    lengths=SHORT,
)
def jacobian_input(trial: Trial) -> Iterator[Residual]:
    yield compare("∂h/∂x", "bij", trial.observed.step_jacobian[1], trial.exact.jacobian_of_input)


@invariant(
    "agreement/step-vjp",
    "gᵀ ∂h/∂(θ, x, h')",
    source="theory 2, (2.4)",
    needs=["step_vjp"],
    lengths=SHORT,
)
def step_vjp(trial: Trial) -> Iterator[Residual]:
    found, exact = trial.observed.step_vjp, trial.exact
    variant, expected = trial.case.cell.variant, exact.pullback
    own = ranges(variant, exact.parameters, exact.step, exact.d_last)
    for block, actual, ball in pairs(variant, found, expected.parameters):
        scale = max(getattr(own.parameters, block), scale_of(expected.parameters, block))
        yield compare(f"∂⁺{block}", letters(block), actual, ball, scale=scale)
    scale = max(own.inputs, largest(expected.x))
    yield compare("gᵀ∂h/∂x", "bj", found.inputs, expected.x, scale=scale)
    if found.state is not None:
        scale = max(own.state, largest(expected.h))
        yield compare("gᵀ∂h/∂h'", "bj", found.state, expected.h, scale=scale)


@invariant("agreement/outputs", "h_t for every t", source="theory 2, (2.1)", needs=["sequence"])
def outputs(trial: Trial) -> Iterator[Residual]:
    for t, (actual, ball) in enumerate(
        zip(trial.observed.sequence[0], trial.exact.run.states[1:], strict=True)
    ):
        yield compare(f"outputs[t={t}]", "bi", actual, ball, scale=STATES)


@invariant("agreement/last", "the last state is h_T", source="theory 2, (2.1)", needs=["sequence"])
def last(trial: Trial) -> Iterator[Residual]:
    yield compare(
        "last", "bi", trial.observed.sequence[1], trial.exact.run.states[-1], scale=STATES
    )


def _gradient_of(block: str) -> Callable[[Trial], Iterator[Residual]]:
    def check(trial: Trial) -> Iterator[Residual]:
        actual, expected = (
            block_of(trial.observed.sequence_vjp, block),
            trial.exact.gradients.parameters,
        )
        ball, scale = getattr(expected, block), scale_of(expected, block)
        yield compare(f"dL/d{block}", letters(block), actual, ball, scale=scale)

    return check


for _block in BLOCKS:
    invariant(
        f"agreement/gradient-{spelled(_block)}",
        f"dL/d{_block} = Σ_k (dL/dh_k)ᵀ ∂⁺h_k/∂{_block}",
        source="theory 2, (2.4), (2.5)",
        needs=["sequence_vjp"],
        lengths=SHORT,
        applies=lambda variant, block=_block: block in blocks_of(variant),  # type: ignore[misc]  # bound now, not later
    )(_gradient_of(_block))


@invariant(
    "agreement/gradient-inputs",
    "dL/dx_t for every t",
    source="theory 2, (2.5)",
    needs=["sequence_vjp"],
    lengths=SHORT,
)
def gradient_inputs(trial: Trial) -> Iterator[Residual]:
    expected = trial.exact.gradients.inputs
    scale = max(map(largest, expected), default=0.0)
    for t, (actual, ball) in enumerate(
        zip(trial.observed.sequence_vjp.inputs, expected, strict=True)
    ):
        yield compare(f"dL/dx[t={t}]", "bj", actual, ball, scale=scale)


@invariant(
    "agreement/gradient-state",
    "dL/dh_0",
    source="theory 2, (2.5)",
    needs=["sequence_vjp"],
    lengths=SHORT,
)
def gradient_state(trial: Trial) -> Iterator[Residual]:
    yield compare(
        "dL/dh_0", "bi", state_of(trial.observed.sequence_vjp), trial.exact.gradients.state
    )


@invariant(
    "agreement/gradient-of-last",
    "dL/dθ for a loss on h_T alone",
    source="theory 2, (2.5)",
    needs=["sequence_vjp"],
    unless={"state_gradient": False},
    asks_more=True,
)
def gradient_of_last(trial: Trial) -> Iterator[Residual]:
    yield from compared(
        trial.case.cell.variant, trial.observed.sequence_vjp_of_last, trial.exact.gradients_of_last
    )


@invariant(
    "agreement/jvp",
    "∂h_t/∂(θ, x, h_0) times a tangent, for every t",
    source="theory 2, (2.2), (2.3); 8",
    needs=["sequence_jvp"],
)
def jvp(trial: Trial) -> Iterator[Residual]:
    outputs, last = trial.observed.sequence_jvp
    scale = max(map(largest, trial.exact.jvp))
    for t, (actual, ball) in enumerate(zip(outputs, trial.exact.jvp, strict=True)):
        yield compare(f"d_outputs[t={t}]", "bi", actual, ball, scale=scale)
    yield compare("d_last", "bi", last, trial.exact.jvp[-1], scale=scale)


@invariant(
    "agreement/vjp-is-transposed-jacobian",
    "gᵀ ∂h/∂h' = Jᵀg, both as the backend returns them",
    source="theory 11, M51",
    needs=["step_jacobian", "step_vjp"],
)
def vjp_is_transposed_jacobian(trial: Trial) -> Iterator[Residual]:
    g = trial.case.d_last.astype(np.float64)
    found, expected = trial.observed.step_vjp, trial.exact.pullback
    jacobians = trial.exact.jacobian_of_state, trial.exact.jacobian_of_input
    sides = zip(trial.observed.step_jacobian, jacobians, (found.state, found.inputs), strict=True)
    for (jacobian, jacobian_ball, vjp), ball, name in zip(
        sides, (expected.h, expected.x), ("h'", "x"), strict=True
    ):
        if vjp is None:
            continue
        J, H = jacobian.astype(np.float64), g.shape[-1]
        product, size = np.einsum("bi,bij->bj", g, J), np.einsum("bi,bij->bj", np.abs(g), np.abs(J))
        # Both sides are answers: the Jacobian is off by its radius, met by |g|, and the pullback by
        # its own.
        around = np.einsum("bi,bij->bj", np.abs(g), jacobian_ball.radius) + ball.radius
        yield agree_within(
            f"gᵀ∂h/∂{name}", "bj", vjp, product, around + float64_error_of_answers(size, H, 3 * H)
        )


@invariant(
    "agreement/decomposition",
    "Σ_k of the step's own pullbacks, chained from T to 1, is the sequence's gradient",
    source="theory 2, (2.5); M54",
    needs=["step_vjp", "sequence", "sequence_vjp"],
    unless={"state_gradient": False},
    asks_more=True,
)
def decomposition(trial: Trial) -> Iterator[Residual]:
    # The backend's own states: the product rule is checked on it, and not its forward pass again.
    before = np.concatenate([trial.case.state[None], trial.observed.sequence[0][:-1]])
    yield from _two_ways(trial, trial.observed.sequence_vjp, trial.observed.chained_vjp(before))


@invariant(
    "agreement/analytic-gradient",
    "the gradient is the analytic one, evaluated in the same format",
    source="theory 2, (2.4), (2.5); 9, last line but one",
    needs=["sequence_vjp"],
)
def analytic_gradient(trial: Trial) -> Iterator[Residual]:
    c = trial.case
    # In the same format, and so of the same accuracy: both are within a radius of the truth.
    analytic = NumpyBackend().sequence_vjp(c.cell, c.inputs, c.state, c.d_outputs, c.d_last)
    yield from _two_ways(trial, trial.observed.sequence_vjp, analytic)


def _two_ways(trial: Trial, one: Gradients, other: Gradients) -> Iterator[Residual]:
    """Two implementations of the same gradients: each is within its radius of the truth."""
    expected = trial.exact.gradients
    for block, actual, ball in pairs(trial.case.cell.variant, one, expected.parameters):
        scale = scale_of(expected.parameters, block)
        yield agree_within(
            f"dL/d{block}",
            letters(block),
            actual,
            block_of(other, block),
            2 * ball.radius,
            scale=scale,
        )
    scale = max(map(largest, expected.inputs), default=0.0)
    for t, ball in enumerate(expected.inputs):
        yield agree_within(
            f"dL/dx[t={t}]", "bj", one.inputs[t], other.inputs[t], 2 * ball.radius, scale=scale
        )
    if one.state is not None and other.state is not None:
        yield agree_within("dL/dh_0", "bi", one.state, other.state, 2 * _radius(expected.state))


def _radius(ball: Ball) -> Floats:
    return ball.radius
