"""What every implementation owes its caller, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.backends import (
    DIRECTIONAL_METHODS,
    OPTIONAL_METHODS,
    STACK_OPTIONS,
    derived_methods,
    offers,
)
from gruverify.cell import Gradients
from gruverify.formulas import Bptt
from gruverify.invariants.core._blocks import pairs
from gruverify.invariants.core._calls import Calls
from gruverify.invariants.core._methods import AnyTrial
from gruverify.invariants.core._obstacle import Declined
from gruverify.invariants.core._registry import ALWAYS, NEVER, SHORT, STACKED, Check, invariant
from gruverify.invariants.core._residual import Residual, ok, overlooked, violated, worst
from gruverify.invariants.core._stack_trial import StackTrial
from gruverify.invariants.core._trial import Trial


def _answered(method: str, trial: AnyTrial) -> object:
    return trial.observed.ask(method)


#: What reading each method's answer means; reading it checks its kind, shape and dtype.
READ: dict[str, Callable[[Trial], object]] = {
    "step": lambda trial: trial.observed.step,
    "step_jacobian": lambda trial: trial.observed.step_jacobian,
    "step_vjp": lambda trial: trial.observed.step_vjp,
    "sequence": lambda trial: trial.observed.sequence,
    "sequence_vjp": lambda trial: trial.observed.sequence_vjp,
    "sequence_jvp": lambda trial: trial.observed.sequence_jvp,
    "sequence_hvp": lambda trial: trial.observed.sequence_hvp,
    "sequence_hvp_reverse": lambda trial: trial.observed.sequence_hvp_reverse,
}
#: Methods that are asked for masks, too, and are read alike.
READ_MASKED: dict[str, Callable[[Trial], object]] = {
    method: partial(_answered, method) for method in OPTIONAL_METHODS
}
READ_MASKED_STACK: dict[str, Callable[[StackTrial], object]] = {
    method: partial(_answered, method) for method in STACK_OPTIONS
}
READ_STACK: dict[str, Callable[[StackTrial], object]] = {
    "stack": lambda trial: trial.observed.stack,
    "stack_vjp": lambda trial: trial.observed.stack_vjp,
}


def _shape_of(method: str, read: Callable[[Any], object]) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        read(
            trial
        )  # whoever meets a malformed answer first reports it: that is why this family is the first
        yield ok(method)

    return check


#: How long a run may be whose shape the survey of sizes asks for: as long as some other question
#: about the method.
_LENGTHS = dict.fromkeys(("sequence", "sequence_vjp", "sequence_jvp", "stack"), ALWAYS) | {
    "stack_vjp": STACKED
}
# Of masks the survey of sizes asks what each step is, and nothing else.
_LENGTHS |= dict.fromkeys((*OPTIONAL_METHODS, *STACK_OPTIONS), NEVER)

for _method, _read in (READ | READ_STACK | READ_MASKED | READ_MASKED_STACK).items():
    invariant(
        f"contract/shape-{_method.replace('_', '-')}",
        f"{_method} returns arrays of the documented shapes in the case's format",
        source="the Backend contract",
        bound="exact",
        needs=[_method],
        lengths=_LENGTHS.get(_method, SHORT),
    )(_shape_of(_method, _read))


@invariant(
    "contract/finite-values",
    "finite in, finite out: outputs",
    source="theory 5; the Backend contract",
    bound="exact",
    needs=["sequence"],
)
def finite_values(trial: Trial) -> Iterator[Residual]:
    for t, (actual, ball) in enumerate(
        zip(trial.observed.sequence[0], trial.exact.run.states[1:], strict=True)
    ):
        yield finite(f"outputs[t={t}]", actual, ball)


@invariant(
    "contract/finite-gradients",
    "finite in, finite out: gradients",
    source="theory 5; M70",
    bound="exact",
    needs=["sequence_vjp"],
)
def finite_gradients(trial: Trial) -> Iterator[Residual]:
    for what, actual, ball in _every(trial, trial.observed.sequence_vjp, trial.exact.gradients):
        yield finite(what, actual, ball)


def _every(trial: Trial, found: Gradients, expected: Bptt) -> Iterator[tuple[str, NDArray, Ball]]:
    for block, actual, ball in pairs(trial.case.cell.variant, found, expected.parameters):
        yield f"dL/d{block}", actual, ball
    for t, (actual, ball) in enumerate(zip(found.inputs, expected.inputs, strict=True)):
        yield f"dL/dx[t={t}]", actual, ball
    if found.state is not None:
        yield "dL/dh_0", found.state, expected.state


def finite(what: str, actual: NDArray, ball: Ball) -> Residual:
    """Nothing is claimed where the format may overflow on the way: there the radius is infinite."""
    values, unknown = actual.astype(np.float64), np.isinf(ball.radius)
    wrong = (~np.isfinite(values)).astype(np.float64)
    return worst(what, "abcd"[: values.ndim], values, ball.mid, wrong, overlooked(unknown))


def unchanged(observed: Calls, method: str) -> Residual:
    """Whether the calls of a method so far have left their arguments and the parameters as they
    were.
    """
    changed = sorted(set(observed.mutated[method]))
    if changed:
        return violated(f"{', '.join(changed)} changed by {method}")
    return ok(f"arguments of {method}")


@invariant(
    "contract/no-mutation",
    "no call changes its arguments or the parameters",
    source="the Backend contract; fault S14",
    bound="exact",
    needs=[],
    lengths=SHORT,
)
def no_mutation(trial: Trial) -> Iterator[Residual]:
    # Those have an invariant of their own, or are made of calls of the others.
    apart = (*DIRECTIONAL_METHODS, *derived_methods(trial.backend))
    methods = [method for method in READ if method not in apart]
    for method in methods:
        with suppress(Declined):
            if offers(trial.backend, method):
                READ[method](trial)
    for method in methods:
        yield unchanged(trial.observed, method)


def _no_mutation_by(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        trial.observed.ask(method)
        yield unchanged(trial.observed, method)

    return check


for _method in (*DIRECTIONAL_METHODS, *OPTIONAL_METHODS, *STACK_OPTIONS):
    invariant(
        f"contract/no-mutation-{_method.replace('_', '-')}",
        f"no call of {_method} changes its arguments or the parameters",
        source="the Backend contract; fault S14",
        bound="exact",
        needs=[_method],
    )(_no_mutation_by(_method))
