"""What stands after a member's last step reaches nobody, whatever it is; a member without steps
stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from gruverify.arithmetic import Format, NDArray
from gruverify.cell import StackCase
from gruverify.invariants.contract._first_answers import unchanged
from gruverify.invariants.core._obstacle import BackendRaised, Refused
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Floats, Residual, equal, nothing_claimed, ok
from gruverify.invariants.core._stack_changes import followed, idle, ragged
from gruverify.invariants.core._stack_trial import StackObserved, StackTrial, paired

Answer = TypeVar("Answer")

# -- padding ---------------------------------------------------------------------------------------


def _contents(trial: StackTrial) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What padding is filled with: the largest numbers and, unless they are declared undefined, NaN
    and infinities.
    """
    f: Format = trial.case.format
    yield "the largest numbers", (f.max, -f.max)
    if trial.declared.nan != "undefined":
        yield "NaN", (np.nan,)
        yield "infinities", (np.inf, -np.inf)


def _padded(trial: StackTrial) -> StackTrial:
    """The trial with padding behind every member; of few shapes, behind those that end before the
    last step.
    """
    if trial.declared.shapes == "few":
        return trial.on(ragged)
    return trial.on(followed)


def _filled(case: StackCase, steps: NDArray, numbers: tuple[float, ...]) -> NDArray:
    """(T, B, n) with these numbers, in turn, wherever there is padding."""
    turns = case.format.cast(np.resize(numbers, steps.shape))
    return np.where(case.real[..., None], steps, turns)


def _unless_refused(numbers: tuple[float, ...], ask: Callable[[], Answer]) -> Answer | None:
    """The answer; None if the backend raises for what is not finite, as who refuses NaN does."""
    try:
        return ask()
    except BackendRaised:
        # Refusing NaN is allowed; the largest numbers are numbers, and refusing them is a failure.
        if np.isfinite(numbers).all():
            raise
        return None


@invariant(
    "stack/padding-extremes",
    "NaN, infinities or the largest numbers after a member's last step: the same outputs and "
    "last states, bit for bit",
    source="theory 11, M39; docs/conventions.md",
    bound="exact",
    needs=["stack"],
    unless={"lengths": False},
    asks_more=True,
)
def padding_extremes(trial: StackTrial) -> Iterator[Residual]:
    padded = _padded(trial)
    if padded.case.real.all():
        yield nothing_claimed("no member has padding")
        return
    case, found = padded.case, padded.observed.stack
    for content, numbers in _contents(trial):
        inputs = _filled(case, case.inputs, numbers)
        stack = partial(padded.observed.fresh_answer, "stack", inputs=inputs)
        others = _unless_refused(numbers, stack)
        if others is None:
            yield ok(f"padded with {content}: raised")
            continue
        for what, letters, one, other in zip(
            ("outputs", "last"), ("tbi", "sbi"), found, others, strict=True
        ):
            yield equal(f"{what} padded with {content}", letters, other, one)


@invariant(
    "stack/padding-extremes-gradients",
    "NaN, infinities or the largest numbers in inputs and cotangents after a member's last step: "
    "the same gradients, "
    "bit for bit",
    source="theory 11, M39; docs/conventions.md",
    bound="exact",
    needs=["stack_vjp"],
    unless={"lengths": False},
    asks_more=True,
)
def padding_extremes_gradients(trial: StackTrial) -> Iterator[Residual]:
    padded = _padded(trial)
    if padded.case.real.all():
        yield nothing_claimed("no member has padding")
        return
    case, found = padded.case, padded.observed.stack_vjp
    for content, numbers in _contents(trial):
        filled = {
            "inputs": _filled(case, case.inputs, numbers),
            "d_outputs": _filled(case, case.d_outputs, numbers),
        }
        vjp = partial(padded.observed.fresh_answer, "stack_vjp", **filled)
        others = _unless_refused(numbers, vjp)
        if others is None:
            yield ok(f"padded with {content}: raised")
            continue
        for name, letters, one, other in paired(found, others):
            yield equal(f"dL/d{name} padded with {content}", letters, other, one)


# -- members without steps -------------------------------------------------------------------------


def _idle(trial: StackTrial) -> StackObserved:
    """The answers to a batch of which a member has no step: whoever says nothing of shorter ones
    may refuse it by raising, but not answer wrongly.

    Raises:
        Obstacle: RuledOut where `min_length` is declared to be more than a step.
    """
    case, declared = idle(trial.case), trial.declared
    # `min_length` speaks of sequences; a member of length 0 is asked all the same, and may be
    # refused.
    if declared.min_length <= 1:
        declared = replace(declared, min_length=0)
    return StackObserved(case, trial.backend, declared)


def _answer(found: StackObserved, method: str) -> Any:
    try:
        return getattr(found, method)
    except BackendRaised as raised:
        raise Refused(method, "lengths[0]=0", raised.error) from raised


def _as_given(trial: StackTrial, values: NDArray) -> Floats | float:
    """How far numbers that are handed on may be from those that were given: what is declared of the
    smallest, or of the format that it computes in.
    """
    off = trial.exact.mode.of_given(values.astype(np.float64))
    return 0.0 if off is None else off


@invariant(
    "stack/members-without-steps",
    "a member of length 0 ends in its initial state, which is not 0, bit for bit; "
    "the target may raise instead",
    source="theory 11, M37; the Backend contract",
    bound="exact",
    needs=["stack"],
    unless={"lengths": False, "initial_state": False},
    asks_more=True,
)
def members_without_steps(trial: StackTrial) -> Iterator[Residual]:
    found = _idle(trial)
    outputs, last = _answer(found, "stack")
    states = found.case.states[:, 0]
    yield equal(
        "last state of a member of length 0", "si", last[:, 0], states, _as_given(trial, states)
    )
    yield equal(
        "outputs of a member of length 0", "ti", outputs[:, 0], np.zeros_like(outputs[:, 0])
    )
    yield unchanged(found, "stack")


@invariant(
    "stack/members-without-steps-gradients",
    "the gradient of the initial state of a member of length 0 is the cotangent of its last, bit "
    "for bit; the target may raise instead",
    source="theory 11, M37; the Backend contract",
    bound="exact",
    needs=["stack_vjp"],
    unless={"lengths": False, "initial_state": False, "state_gradient": False},
    asks_more=True,
)
def members_without_steps_gradients(trial: StackTrial) -> Iterator[Residual]:
    found = _idle(trial)
    gradients = _answer(found, "stack_vjp")
    d_last = found.case.d_last[:, 0]
    yield equal(
        "dL/dh_0 of a member of length 0",
        "si",
        gradients.states[:, 0],
        d_last,
        _as_given(trial, d_last),
    )
    yield equal(
        "dL/dx of a member of length 0",
        "tj",
        gradients.inputs[:, 0],
        np.zeros_like(gradients.inputs[:, 0]),
    )
    yield unchanged(found, "stack_vjp")
