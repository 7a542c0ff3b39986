"""Steps that a member skips in every layer and direction of a stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.backends import derived_methods
from gruverify.cell import DISTINCT, PATTERNS, StackCase, stack_masks_of
from gruverify.invariants.core._blocks import largest
from gruverify.invariants.core._masked import Mask, given_slack, hidden_outputs
from gruverify.invariants.core._methods import close, parts, radii
from gruverify.invariants.core._obstacle import Declined
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Residual, compare, equal
from gruverify.invariants.core._stack_changes import ragged, without_lengths
from gruverify.invariants.core._stack_trial import StackBalls, StackTrial, as_one, gradients
from gruverify.invariants.masks._values import under
from gruverify.invariants.stack._balls import by_place


def with_every_mask(case: StackCase) -> StackCase:
    """The case with a member for each pattern of masks, and with as many steps as tell them apart:
    its own by turns, without lengths.
    """
    T, B, _ = case.inputs.shape
    steps, members = np.arange(max(T, DISTINCT)), np.arange(max(B, len(PATTERNS))) % B
    # By turns of both signs, or a step that is repeated could be skipped and nobody would know.
    signs = ((-1.0) ** (steps // T))[:, None, None].astype(case.format.dtype)
    return replace(
        without_lengths(case),
        inputs=case.inputs[steps % T][:, members] * signs,
        states=case.states[:, members],
        d_outputs=case.d_outputs[steps % T][:, members],
        d_last=case.d_last[:, members],
    )


def masked(trial: StackTrial) -> StackTrial:
    """The trial with every mask; of few shapes, with those that its members have."""
    if trial.declared.shapes == "few":
        return trial.on(without_lengths)
    return trial.on(with_every_mask)


def _hidden(trial: StackTrial, keep: Mask) -> Mask:
    """The outputs (T, B, D·H) that are 0 whatever the state is, by what is declared: each direction
    has its own order of the steps.
    """
    stack, halves = trial.case.stack, list[NDArray]()
    for direction in range(stack.directions):
        order = slice(None, None, 1 - 2 * direction)
        own = hidden_outputs(trial.declared.masked_outputs, keep[order])[order]
        halves.append(np.repeat(own[..., None], stack.hidden_size, axis=2))
    return np.concatenate(halves, axis=2)


@invariant(
    "masks/stack",
    "the top layer's (→h_t, ←h_t) and h_n of every layer and direction, each of which takes the "
    "steps that are not skipped; at those that are, what is declared",
    source="the Backend contract; theory 2, (2.1)",
    since="0.2",
    needs=["stack_masked"],
)
def stack(trial: StackTrial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("stack_masked")
    keep = stack_masks_of(every.case)
    run, hidden = every.exact.masked_run(keep), _hidden(every, keep)
    states = as_one(np.stack, run.outputs)
    expected = Ball(
        states.mode, np.where(hidden, 0.0, states.mid), np.where(hidden, 0.0, states.radius)
    )
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
    every = masked(trial)
    c, keep = every.case, np.ones(every.case.inputs.shape[:2], bool)
    outputs, last = every.observed.fresh_answer("stack_masked", keep=keep)
    yield equal("last, all skipped", "sbi", last, c.states, given_slack(every, c.states))
    top = np.concatenate(list(c.states[-c.stack.directions :]), axis=1)
    shown = np.broadcast_to(top, outputs.shape)
    expected = np.where(_hidden(every, keep), np.zeros_like(outputs), shown)
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
    every = masked(trial)
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
    every = masked(trial)
    keep = stack_masks_of(every.case)
    expected = every.exact.masked_gradients(keep, ~_hidden(every, keep))
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
    every = masked(trial)
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
    every = masked(trial)
    keep, d_last = np.ones(every.case.inputs.shape[:2], bool), every.case.d_last
    found = every.observed.fresh_answer("stack_masked_vjp", keep=keep, d_outputs=None)
    for name, letters, actual in gradients(found):
        said = f"dL/d{name}, all skipped"
        if name == "states":
            yield equal(said, letters, actual, d_last, given_slack(every, d_last))
        else:
            yield equal(said, letters, actual, np.zeros_like(actual))
