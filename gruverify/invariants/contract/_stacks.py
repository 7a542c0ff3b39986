"""What an implementation of stacks owes its caller, whatever it computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from gruverify.backends import STACK_METHODS, offers
from gruverify.invariants.contract._first_answers import READ_STACK, finite, unchanged
from gruverify.invariants.core._obstacle import Declined
from gruverify.invariants.core._registry import SHORT, invariant
from gruverify.invariants.core._residual import Residual
from gruverify.invariants.core._stack_trial import StackTrial, gradients


@invariant(
    "contract/stack-finite-values",
    "finite in, finite out: outputs and last states of a stack",
    source="theory 5; the Backend contract",
    bound="exact",
    needs=["stack"],
)
def finite_values(trial: StackTrial) -> Iterator[Residual]:
    outputs, last = trial.observed.stack
    yield finite("outputs", outputs, trial.exact.outputs)
    yield finite("last", last, trial.exact.last)


@invariant(
    "contract/stack-finite-gradients",
    "finite in, finite out: gradients of a stack",
    source="theory 5; M70",
    bound="exact",
    needs=["stack_vjp"],
)
def finite_gradients(trial: StackTrial) -> Iterator[Residual]:
    for name, _, actual in gradients(trial.observed.stack_vjp):
        yield finite(f"dL/d{name}", actual, trial.exact.gradients[name])


@invariant(
    "contract/stack-no-mutation",
    "no call of a stack changes its arguments or the parameters",
    source="the Backend contract; fault S14",
    bound="exact",
    needs=["stack"],
    lengths=SHORT,
)
def no_mutation(trial: StackTrial) -> Iterator[Residual]:
    for method, read in READ_STACK.items():
        with suppress(Declined):
            if offers(trial.backend, method):
                read(trial)
    for method in STACK_METHODS:
        yield unchanged(trial.observed, method)
