"""Nothing to do: it may be refused, and then the result says so, but not with an answer of another
shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import NDArray
from gruverify.backends import EVERY_METHOD
from gruverify.cell import Gradients, StackCase
from gruverify.invariants.core._methods import AnyTrial, Parts, first_answer, named, parts
from gruverify.invariants.core._obstacle import BackendRaised, Declined, Refused
from gruverify.invariants.core._registry import Check, invariant
from gruverify.invariants.core._residual import Residual, equal, ok
from gruverify.invariants.core._stack_changes import without_lengths
from gruverify.invariants.core._stack_trial import StackTrial


def _in_a_batch(trial: AnyTrial) -> AnyTrial:
    """The trial of the case with an axis for its batch; of few shapes without lengths, for a call
    that has them is a shape of its own.
    """
    if isinstance(trial, StackTrial) and trial.declared.shapes == "few":
        return trial.on(without_lengths)
    return trial.on(_batched)


def _batched(case: Any) -> Any:
    """The case with an axis for its batch."""
    if not isinstance(case, StackCase) or case.batched:
        return case
    return replace(case, batched=True)


def _emptied(
    trial: AnyTrial, method: str, axis: str, without: Iterable[str] = ()
) -> tuple[Keywords, Parts]:
    """What the method is given of no steps ("T") or members ("B"), without those arguments, and
    what it returns.

    Raises:
        Obstacle: there is no answer; Refused if it raises here and not for the whole case.
    """
    # Whoever answers nothing at all does not refuse emptiness.
    first_answer(trial, method)
    observed = trial.observed
    given = {
        name: None if name in without else _cut(name, value, axis, observed.letters)
        for name, value in observed.arguments(method).items()
    }
    try:
        returned = observed.raw_answer(method, given)
    except BackendRaised as raised:
        raise Refused(method, f"{axis}=0", raised.error) from raised
    return given, parts(trial.case, method, observed.checked(method, returned, **{axis: 0}))


def _cut(name: str, value: object, axis: str, letters: Callable[[str], str]) -> Any:
    if isinstance(value, Gradients):
        moved = {
            "inputs": _cut("inputs", value.inputs, axis, letters),
            "state": _cut("state", value.state, axis, letters),
        }
        return replace(value, **moved)
    if not isinstance(value, np.ndarray):
        return value
    # Of no steps each member has none.
    if name == "lengths" and axis == "T":
        return np.zeros_like(value)
    found: NDArray = value[
        tuple(slice(0) if letter == axis else slice(None) for letter in letters(name))
    ]
    return found


def _no_members(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        _, found = _emptied(_in_a_batch(trial), method, "B")
        for name, (letters, array) in found.items():
            # What is left of an answer to nobody are sums over no members.
            yield (
                equal(f"{name}, of no members", letters, array, np.zeros_like(array))
                if array.size
                else ok(name)
            )

    return check


#: What a method without steps passes on: which part of its answer is which of its arguments.
_PASSED_ON = {
    "sequence": ("last", "state"),
    "sequence_vjp": ("gradient of state", "d_last"),
    "sequence_jvp": ("d_last", "tangent"),
    "sequence_masked": ("last", "state"),
    "sequence_masked_vjp": ("gradient of state", "d_last"),
    "sequence_restarted": ("last", "state"),
    "sequence_restarted_vjp": ("gradient of state", "d_last"),
    "sequence_marked": ("last", "state"),
    "sequence_marked_vjp": ("gradient of state", "d_last"),
    "sequence_zoneout": ("last", "state"),
    "sequence_zoneout_vjp": ("gradient of state", "d_last"),
    "stack": ("last", "states"),
    "stack_vjp": ("gradient of states", "d_last"),
    "stack_masked": ("last", "states"),
    "stack_masked_vjp": ("gradient of states", "d_last"),
}


def _no_steps(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        yield from _passes_on(trial, method, "after no steps", *_emptied(trial, method, "T"))
        _, argument = _PASSED_ON.get(method, ("", ""))
        # A target that is slow at every new shape would meet one more.
        if argument in ("state", "states") and trial.declared.shapes == "any":
            with suppress(Refused, Declined):
                found = _emptied(trial, method, "T", without=(argument,))
                yield from _passes_on(trial, method, "after no steps and without a state", *found)

    return check


def _passes_on(
    trial: AnyTrial, method: str, said: str, given: Keywords, found: Parts
) -> Iterator[Residual]:
    """Before the first step the last state is the initial one, and so its derivatives pass as they
    are; all else is 0.
    """
    passed_on, argument = _PASSED_ON.get(method, ("", ""))
    for name, (letters, array) in found.items():
        if name != passed_on or given[argument] is None:
            expected = np.zeros_like(array)
        else:
            expected = _state_of(given[argument]).reshape(array.shape)
        slack = trial.exact.mode.of_given(expected.astype(np.float64))
        yield (
            equal(f"{name}, {said}", letters, array, expected, 0.0 if slack is None else slack)
            if array.size
            else ok(name)
        )


def _state_of(argument: NDArray | Gradients) -> NDArray:
    if isinstance(argument, Gradients):
        assert argument.state is not None  # a tangent moves the state, or at least has it at rest
        return argument.state
    return argument


for _method in EVERY_METHOD:
    if not _method.startswith("step"):
        invariant(
            "contract/no-steps" if _method == "sequence" else f"contract/no-steps-{named(_method)}",
            f"{_method} of no steps has no outputs and passes the state, or its derivative, on "
            "unchanged; the target may raise instead",
            source="the Backend contract; fault S30",
            bound="exact",
            needs=[_method],
            asks_more=True,
        )(_no_steps(_method))
for _method in EVERY_METHOD:
    invariant(
        "contract/no-members" if _method == "sequence" else f"contract/no-members-{named(_method)}",
        f"{_method} of an empty batch returns arrays without members and parameter gradients "
        "of 0; the target may raise instead",
        source="the Backend contract; fault S30",
        bound="exact",
        needs=[_method],
        asks_more=True,
    )(_no_members(_method))
