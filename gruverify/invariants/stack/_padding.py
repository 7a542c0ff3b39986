"""What lies after a member's last step: it is 0 where it is returned, and nothing depends on
it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Residual, equal
from gruverify.invariants.core._stack_changes import ragged, repadded
from gruverify.invariants.core._stack_trial import StackTrial, paired


@invariant(
    "stack/padding-outputs",
    "outputs after a member's last step are exactly 0",
    source="the Backend contract; theory 11, M37",
    bound="exact",
    needs=["stack"],
    unless={"lengths": False},
)
def padding_outputs(trial: StackTrial) -> Iterator[Residual]:
    padded = trial.on(ragged)
    yield _zero_behind("padded outputs", padded.observed.stack[0], padded.case.real)


@invariant(
    "stack/padding-gradients",
    "gradients of inputs after a member's last step are exactly 0",
    source="theory 11, M39; fault S53",
    bound="exact",
    needs=["stack_vjp"],
    unless={"lengths": False},
)
def padding_gradients(trial: StackTrial) -> Iterator[Residual]:
    padded = trial.on(ragged)
    yield _zero_behind("dL/dx at padding", padded.observed.stack_vjp.inputs, padded.case.real)


def _zero_behind(what: str, found: NDArray, real: NDArray) -> Residual:
    """Zero wherever a step (T, B) is padding; where there is none nothing is claimed."""
    behind = ~np.broadcast_to(real[..., None], found.shape)
    return equal(what, "tbj", found, np.zeros_like(found), about=behind)


@invariant(
    "stack/padding-content",
    "other inputs after a member's last step: the same outputs and last states, bit for bit",
    source="theory 11, M39; M38 where there are no lengths",
    bound="exact",
    needs=["stack"],
    unless={"lengths": False},
    asks_more=True,
)
def padding_content(trial: StackTrial) -> Iterator[Residual]:
    found, others = trial.on(ragged).observed.stack, trial.on(repadded).observed.stack
    for what, letters, one, other in zip(
        ("outputs", "last"), ("tbi", "sbi"), found, others, strict=True
    ):
        yield equal(f"{what} with other padding", letters, other, one)


@invariant(
    "stack/padding-content-gradients",
    "other inputs and cotangents after a member's last step: the same gradients, bit for bit",
    source="theory 11, M39; fault S53",
    bound="exact",
    needs=["stack_vjp"],
    unless={"lengths": False},
    asks_more=True,
)
def padding_content_gradients(trial: StackTrial) -> Iterator[Residual]:
    one, other = trial.on(ragged).observed.stack_vjp, trial.on(repadded).observed.stack_vjp
    for name, letters, found, same in paired(one, other):
        yield equal(f"dL/d{name} with other padding", letters, same, found)
