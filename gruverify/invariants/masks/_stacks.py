"""Steps that a member skips in every layer and direction of a stack."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from gruverify.backends import derived_methods
from gruverify.cell import stack_masks_of
from gruverify.invariants.core._blocks import largest
from gruverify.invariants.core._masked import given_slack
from gruverify.invariants.core._masked_stack import hidden_in_stack, masked_trial, shown_outputs
from gruverify.invariants.core._methods import close, parts, radii
from gruverify.invariants.core._obstacle import Declined
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Residual, compare, equal
from gruverify.invariants.core._stack_changes import ragged, without_lengths
from gruverify.invariants.core._stack_trial import StackBalls, StackTrial, as_one, gradients
from gruverify.invariants.masks._values import under
from gruverify.invariants.stack._balls import by_place


@invariant(
    "masks/stack",
    "the top layer's (→h_t, ←h_t) and h_n of every layer and direction, each of which takes the "
    "steps that are not skipped; at those that are, what is declared",
    source="the Backend contract; theory 2, (2.1)",
    since="0.2",
    needs=["stack_masked"],
)
def stack(trial: StackTrial) -> Iterator[Residual]:
    every = masked_trial(trial)
    outputs, last = every.observed.ask("stack_masked")
    keep = stack_masks_of(every.case)
    run = every.exact.masked_run(keep)
    expected = shown_outputs(as_one(np.stack, run.outputs), hidden_in_stack(every, keep))
    skipped = np.broadcast_to(keep[..., None], outputs.shape)
    for what, about in (("taken", ~skipped), ("skipped", skipped)):
        yield compare(
            f"outputs of steps {what}", "tbi", outputs, expected, scale=STATES, about=about
        )
    for place, actual, ball in by_place(every, last, as_one(np.stack, run.last)):
        yield compare(f"last[{place}]", "bi", actual, ball, scale=STATES)


@invariant(
    "masks/stack-kept",
    "where every step is skipped, each layer and direction ends in its initial state, bit for bit, "
    "and outputs are those of the top layer, or 0, as is declared",
    source="the Backend contract",
    since="0.2",
    bound="exact",
    needs=["stack_masked"],
)
def stack_kept(trial: StackTrial) -> Iterator[Residual]:
    every = masked_trial(trial)
    c, keep = every.case, np.ones(every.case.inputs.shape[:2], bool)
    outputs, last = every.observed.fresh_answer("stack_masked", keep=keep)
    yield equal("last, all skipped", "sbi", last, c.states, given_slack(every, c.states))
    top = np.concatenate(list(c.states[-c.stack.directions :]), axis=1)
    shown = np.broadcast_to(top, outputs.shape)
    expected = np.where(hidden_in_stack(every, keep), np.zeros_like(outputs), shown)
    yield equal("outputs, all skipped", "tbi", outputs, expected, given_slack(every, shown))


@invariant(
    "masks/stack-content",
    "other inputs at steps that a member skips, NaN and ∞ too: the same outputs and last states, "
    "bit for bit",
    source="the Backend contract; theory 11, M39",
    since="0.2",
    bound="exact",
    needs=["stack_masked"],
)
def stack_content(trial: StackTrial) -> Iterator[Residual]:
    every = masked_trial(trial)
    c, others = every.case, 1 - every.case.inputs
    if every.declared.nan == "passes":
        others = np.resize([np.nan, np.inf, -np.inf], c.inputs.shape)
    inputs = under(stack_masks_of(c), c.inputs, others)
    outputs, last = every.observed.ask("stack_masked")
    again = every.observed.fresh_answer("stack_masked", inputs=inputs)
    yield equal("outputs, other inputs skipped", "tbi", again[0], outputs)
    yield equal("last, other inputs skipped", "sbi", again[1], last)


def _require_two_ways(trial: StackTrial) -> None:
    """Raise Declined where the stack is derived from the method with a mask."""
    if derived_methods(trial.backend).get("stack") == "stack_masked":
        raise Declined("stack", "it is derived from stack_masked")


@invariant(
    "masks/stack-nothing-skipped",
    "a mask of a stack that skips no step is no mask",
    source="the Backend contract",
    since="0.2",
    needs=["stack", "stack_masked"],
)
def stack_nothing_skipped(trial: StackTrial) -> Iterator[Residual]:
    _require_two_ways(trial)
    plain = trial.on(without_lengths)
    keep = np.zeros(plain.case.inputs.shape[:2], bool)
    found = plain.observed.fresh_answer("stack_masked", keep=keep)
    both = (
        parts(plain.case, "stack_masked", found),
        parts(plain.case, "stack", plain.observed.stack),
    )
    yield from close("no step skipped", *both, partial(radii, plain, "stack"))


@invariant(
    "masks/stack-padding-is-lengths",
    "steps that are skipped to the end are those behind a member's length: backward too, it begins "
    "at its last real one",
    source="the Backend contract; theory 11, M37",
    since="0.2",
    needs=["stack", "stack_masked"],
    unless={"lengths": False},
)
def stack_padding_is_lengths(trial: StackTrial) -> Iterator[Residual]:
    _require_two_ways(trial)
    padded = trial.on(ragged)
    outputs, last = padded.observed.fresh_answer("stack_masked", keep=~padded.case.real)
    # What is returned at padding is 0, whatever it is at steps that are skipped.
    real = np.where(padded.case.real[..., None], outputs, np.zeros_like(outputs))
    both = (
        parts(padded.case, "stack_masked", (real, last)),
        parts(padded.case, "stack", padded.observed.stack),
    )
    yield from close("padding skipped", *both, partial(radii, padded, "stack"))


@invariant(
    "masks/stack-gradient",
    "dL/d(θ, x, h_0) of a stack with steps that are skipped, at both cotangents",
    source="the Backend contract; theory 2, (2.5)",
    since="0.2",
    needs=["stack_masked_vjp"],
)
def stack_gradient(trial: StackTrial) -> Iterator[Residual]:
    every = masked_trial(trial)
    keep = stack_masks_of(every.case)
    expected = every.exact.masked_gradients(keep, ~hidden_in_stack(every, keep))
    for name, letters, actual in gradients(every.observed.ask("stack_masked_vjp")):
        yield compare(
            f"dL/d{name}", letters, actual, expected[name], scale=_largest(expected, name)
        )


def _largest(expected: StackBalls, name: str) -> float:
    """One range for an array of all layers: a lower layer's gradient may be small compared with the
    top's.
    """
    kind = name.split("_l")[0]
    alike = [largest(ball) for other, ball in expected.parameters.items() if other.startswith(kind)]
    return max(alike, default=largest(expected[name]))


@invariant(
    "masks/stack-gradient-of-skipped",
    "dL/dx of a step that a member of a stack skips is exactly 0",
    source="the Backend contract; theory 11, M39",
    since="0.2",
    bound="exact",
    needs=["stack_masked_vjp"],
)
def stack_gradient_of_skipped(trial: StackTrial) -> Iterator[Residual]:
    every = masked_trial(trial)
    found = every.observed.ask("stack_masked_vjp").inputs
    about = np.broadcast_to(stack_masks_of(every.case)[..., None], found.shape)
    yield equal("dL/dx of steps skipped", "tbj", found, np.zeros_like(found), about=about)


@invariant(
    "masks/stack-gradient-passes",
    "where every step is skipped, dL/dh_0 of every layer and direction is the cotangent of its "
    "last state bit for bit, and the parameters get no gradient",
    source="the Backend contract",
    since="0.2",
    bound="exact",
    needs=["stack_masked_vjp"],
)
def stack_gradient_passes(trial: StackTrial) -> Iterator[Residual]:
    every = masked_trial(trial)
    keep, d_last = np.ones(every.case.inputs.shape[:2], bool), every.case.d_last
    found = every.observed.fresh_answer("stack_masked_vjp", keep=keep, d_outputs=None)
    for name, letters, actual in gradients(found):
        said = f"dL/d{name}, all skipped"
        if name == "states":
            yield equal(said, letters, actual, d_last, given_slack(every, d_last))
        else:
            yield equal(said, letters, actual, np.zeros_like(actual))
