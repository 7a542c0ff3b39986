"""Stacks of layers in one direction or both, over ragged batches."""

from __future__ import annotations

from collections.abc import Iterator

from gruverify.invariants._registry import invariant
from gruverify.invariants._residual import Residual, compare
from gruverify.invariants._stack_trial import StackTrial


@invariant(
    "stack/outputs",
    "the top layer's (→h_t, ←h_t) for every t, and 0 at padding",
    source="theory 2, (2.1); 11, M37, M40, M42",
    needs=["stack"],
)
def outputs(trial: StackTrial) -> Iterator[Residual]:
    for t, (actual, ball) in enumerate(zip(trial.observed.stack[0], trial.exact.run.outputs, strict=True)):
        yield compare(f"outputs[t={t}]", "bi", actual, ball)


@invariant(
    "stack/last",
    "every layer's and direction's state at each member's length",
    source="theory 2, (2.1); 11, M37",
    needs=["stack"],
)
def last(trial: StackTrial) -> Iterator[Residual]:
    for s, (actual, ball) in enumerate(zip(trial.observed.stack[1], trial.exact.run.last, strict=True)):
        yield compare(f"last[{place(trial, s)}]", "bi", actual, ball)


def place(trial: StackTrial, s: int) -> str:
    """Where state s of the L·D belongs."""
    layer, direction = divmod(s, trial.case.stack.directions)
    return f"layer={layer}" + (", backward" if direction else "")
