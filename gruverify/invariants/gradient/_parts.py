"""A gradient in parts: member by member, chunk by chunk, and cut off after some steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from gruverify.cell import Case, Gradients, contracted, contraction_rate
from gruverify.formulas import candidate_slope, total
from gruverify.invariants.core._blocks import block_of, blocks_of, letters, pairs, state_of
from gruverify.invariants.core._reference import float64_error, float64_error_of_answers
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Residual, at_most, compare, nothing_claimed
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.core._vectors import (
    Vector,
    agree_within,
    combined,
    observed,
    radii,
    vector,
)
from gruverify.invariants.gradient._cotangents import middle
from gruverify.invariants.gradient._shape import of_first_member


def first_member(case: Case) -> Case:
    """The first member of the batch alone."""
    return _members(case, slice(0, 1))


def other_members(case: Case) -> Case:
    """The case of the other members of its batch; of a batch of one, that one again."""
    return _members(case, slice(min(1, case.sizes["B"] - 1), None))


def of_others(case: Case) -> Case:
    """The case with a loss of all members but the first."""
    d_outputs, d_last = case.d_outputs.copy(), case.d_last.copy()
    d_outputs[:, 0] = d_last[0] = 0
    return replace(case, d_outputs=d_outputs, d_last=d_last)


def _members(case: Case, some: slice) -> Case:
    return replace(
        case,
        inputs=case.inputs[:, some],
        state=case.state[some],
        d_outputs=case.d_outputs[:, some],
        d_last=case.d_last[some],
    )


@invariant(
    "gradient/sum-over-batch",
    "dL/dθ of a batch is the sum, and dL/dx and dL/dh_0 are those, of its members",
    source="theory 11, M53",
    needs=["sequence_vjp"],
)
def sum_over_batch(trial: Trial) -> Iterator[Residual]:
    if trial.case.sizes["B"] == 1:
        yield nothing_claimed("a batch of one")
        return
    few = trial.declared.shapes == "few"
    # Of few shapes the batch stays as it is, and the loss is that of some members.
    changes = (of_first_member, of_others) if few else (first_member, other_members)
    first, others = (trial.on(change) for change in changes)
    one, other = observed(first), observed(others)
    if few:
        whole = {name: one[name] + other[name] for name in one}
    else:
        whole = {name: one[name] + other[name] for name in one if name not in ("inputs", "state")}
        whole["inputs"] = np.concatenate([one["inputs"], other["inputs"]], axis=1)
        if "state" in one:
            whole["state"] = np.concatenate([one["state"], other["state"]])
    allowed = combined(lambda radius: 2 * radius, radii(trial, trial.exact.gradients))
    if trial.exact.mode.wide:
        # Each part is stored in the format by itself, which the ball of the whole, added up
        # elsewhere, does not hold.
        parts = [radii(part, part.exact.gradients) for part in (first, others)]
        for name in allowed.keys() - {"inputs", "state"}:
            allowed[name] = allowed[name] / 2 + parts[0][name] + parts[1][name]
    yield from agree_within("first + others:", whole, observed(trial), allowed)


def _another_order(trial: Trial, what: str, parts: Vector) -> Iterator[Residual]:
    """The parts put together are the same formula with its sums in another order: the same ball
    holds them.
    """
    allowed = combined(lambda radius: 2 * radius, radii(trial, trial.exact.gradients))
    yield from agree_within(what, parts, observed(trial), allowed)


@invariant(
    "gradient/chunks",
    "a weight used in two places has the sum of both gradients: of the later half of the steps, "
    "and of the earlier at "
    "the cotangent that the later passes back",
    source="theory 2, (2.5); 11, M69",
    needs=["sequence", "sequence_vjp"],
    unless={"state_gradient": False},
)
def chunks(trial: Trial) -> Iterator[Residual]:
    case, half = trial.case, middle(trial.case)
    if len(case.inputs) == half:
        yield nothing_claimed("one step is one chunk")
        return
    vjp, between = partial(trial.observed.fresh_answer, "sequence_vjp"), trial.observed.sequence[0]
    # The later half first: the earlier one needs the cotangent that it passes back.
    second = vjp(
        inputs=case.inputs[half:], state=between[half - 1], d_outputs=case.d_outputs[half:]
    )
    first = vjp(inputs=case.inputs[:half], d_outputs=case.d_outputs[:half], d_last=state_of(second))
    one, other = (vector(case.cell.variant, part) for part in (first, second))
    whole = {name: one[name] + other[name] for name in one if name not in ("inputs", "state")}
    whole |= {"inputs": np.concatenate([one["inputs"], other["inputs"]]), "state": one["state"]}
    yield from _another_order(trial, "first half + second half:", whole)


# -- truncated back-propagation through time -------------------------------------------------------


@invariant(
    "gradient/truncated",
    "cut off after K steps, dL_T/dθ is the sum over the last K terms: the gradient from the "
    "detached state h_{T-K}",
    source="theory 2, (2.5); 11, M55",
    needs=["sequence", "sequence_vjp"],
)
def truncated(trial: Trial) -> Iterator[Residual]:
    window = middle(trial.case)
    found, expected = _cut(trial, window), total(trial.exact.terms_of_last[:window])
    for block, actual, ball in pairs(trial.case.cell.variant, found, expected.parameters):
        yield compare(f"dL_T/d{block}, cut off", letters(block), actual, ball)


def _cut(trial: Trial, window: int) -> Gradients:
    """The gradient of a loss on h_T by the last steps alone, from where the backend's own sequence
    was before them.
    """
    first = len(trial.case.inputs) - window
    if first:
        state = trial.observed.sequence[0][first - 1]
    else:
        state = trial.case.state
    found: Gradients = trial.observed.fresh_answer(
        "sequence_vjp", inputs=trial.case.inputs[first:], state=state, d_outputs=None
    )
    return found


#: The λ that (6.2) must certify. A cell of zeros has ½; with a λ near 1 the most that may be cut
#: off is more than the gradient itself, and nothing is claimed.
_FORGETS = 9 / 16


def forgetful(case: Case) -> Case:
    """States in [-1, 1], and parameters halved until (6.2) certifies that the cell forgets where it
    started, about half of it a step.
    """
    return replace(
        case,
        cell=contracted(case.cell, _largest_input(case), _FORGETS),
        state=case.format.cast(np.clip(case.state.astype(np.float64), -1, 1)),
        regimes=(),
    )


def _largest_input(case: Case) -> float:
    return float(np.abs(case.inputs.astype(np.float64)).max())


#: Of the most that may be cut off: four, and a power, which is as good as one.
_FACTORS = 5


@invariant(
    "gradient/truncation-error",
    "|λ| < 1: Σ|dL_T/d(W_xc, b_xc) - the same cut off after K steps| ≤ "
    "‖g‖₁·max(take(1-c²))·(|x|, 1)·λ^K/(1-λ)",
    source="theory 8, (8.1); M55; Miller and Hardt 2019",
    bound="inequality",
    needs=["sequence", "sequence_vjp"],
)
def truncation_error(trial: Trial) -> Iterator[Residual]:
    calm = trial.on(forgetful)
    exact, window, largest = calm.exact, middle(calm.case), _largest_input(calm.case)
    rate = contraction_rate(calm.case.cell, largest)
    slope = max(float(candidate_slope(a).magnitude.max()) for a in exact.run.steps)
    # (8.1): Σ_{j≥K} λ^j, for the transposed Jacobians shrink the sum of sizes by λ each.
    lost = float(np.abs(exact.d_last.mid).sum()) * slope * rate**window / (1 - rate)
    whole, part = calm.observed.sequence_vjp_of_last, _cut(calm, window)
    around, near = (
        exact.gradients_of_last.parameters,
        total(exact.terms_of_last[:window]).parameters,
    )
    # Σ_j |x_j| ≤ I max|x|: what a column sum of the weights' gradient has more than the bias'.
    for block, reach in (("W_xc", largest * calm.case.sizes["I"]), ("b_xc", 1.0)):
        if block in blocks_of(calm.case.cell.variant):
            one, other = (block_of(found, block).astype(np.float64) for found in (whole, part))
            slack = (getattr(around, block).radius + getattr(near, block).radius).sum()
            distance, most = np.abs(one - other).sum(), float((np.abs(one) + np.abs(other)).sum())
            limit = np.asarray(lost * reach)
            slack = (
                slack
                + float64_error(limit, _FACTORS, _FACTORS)
                + float64_error_of_answers(distance, one.size, 0)
            )
            yield at_most(f"Σ|dL_T/d{block} - cut off|", "", distance, limit, slack, scale=most)
