"""States near the end of a format: a unit that keeps all of its state keeps every bit of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import bfloat16
from gruverify.cell import Case
from gruverify.invariants.core._changes import (
    SATURATED,
    clipped,
    pinned,
    single,
    update_preactivation,
)
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Residual, equal
from gruverify.invariants.core._trial import Trial


def carried(case: Case) -> Case:
    """One step with z = 1 and c = 0 in every unit, from states that are subnormal.

    In bfloat16 they stay as they are, up to 1: processors convert to it with subnormal numbers as
    0.
    """
    pinned_case = pinned(single(case), z=update_preactivation(case.cell.variant, SATURATED), c=0.0)
    if case.format == bfloat16:
        scale = 1.0
    else:
        scale = case.format.min_normal
    state = clipped(case.state, 1.0).astype(np.float64) * scale
    return replace(pinned_case, state=case.format.cast(state))


@invariant(
    "numerics/carried-to-the-bit",
    "h = h' exactly, subnormal states too, where z keeps all and c = 0",
    source="theory 3, (3.4); 5; fault P24",
    bound="exact",
    needs=["step"],
)
def carried_to_the_bit(trial: Trial) -> Iterator[Residual]:
    small = trial.on(carried)
    yield equal("h", "bi", small.observed.step, small.case.state, small.declared_slack)
