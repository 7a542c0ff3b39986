"""States near the ends of a format: a unit that keeps all of its state keeps every bit of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from gruverify.arithmetic import NDArray, bfloat16
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
from gruverify.invariants.core._trial import Change, Trial


@cache
def state_carried(far: int) -> Change:
    """One step with z = 1 and c = 0 in every unit, from states that are by turns subnormal and as
    large as 2^far.
    """

    def change(case: Case) -> Case:
        return replace(_kept(case), state=_at_the_ends(case, case.state, far))

    return change


@cache
def cotangent_carried(far: int) -> Change:
    """The same from states of up to 1, at cotangents that are."""

    def change(case: Case) -> Case:
        kept = _kept(case)
        return replace(
            kept,
            state=clipped(case.state, 1.0),
            d_outputs=0 * kept.d_outputs,
            d_last=_at_the_ends(case, case.d_last, far),
        )

    return change


def _kept(case: Case) -> Case:
    keeps = update_preactivation(case.cell.variant, SATURATED)
    # Without a reset gate that depends on them, for what overflows there may be a NaN.
    return pinned(single(case), r=0.0, z=keeps, c=0.0)


def _at_the_ends(case: Case, numbers: NDArray, far: int) -> NDArray:
    """Small and large numbers by turns, beginning with either, as the cell's sizes have it.

    In bfloat16 those that are not large stay as they are, up to 1: processors convert to it with
    subnormal numbers as 0.
    """
    small = 1.0 if case.format == bfloat16 else case.format.min_normal
    turns = np.add.outer(*map(np.arange, numbers.shape)) + case.cell.input_size
    scale = np.where(turns % 2, small, 2.0**far)
    return case.format.cast(clipped(numbers, 1.0).astype(np.float64) * scale)


@invariant(
    "numerics/carried-to-the-bit",
    "h = h' exactly, subnormal and large states too, where z keeps all and c = 0",
    source="theory 3, (3.4); 5; fault P24",
    bound="exact",
    needs=["step"],
)
def carried_to_the_bit(trial: Trial) -> Iterator[Residual]:
    kept = trial.on(state_carried(trial.exact.mode.reach))
    yield equal("h", "bi", kept.observed.step, kept.case.state, kept.declared_slack)


@invariant(
    "numerics/carried-cotangent",
    "dL/dh' = dL/dh exactly, at subnormal and large cotangents too, where z keeps all and c = 0",
    source="theory 3, (3.4); 4; fault P24",
    bound="exact",
    needs=["sequence_vjp"],
    unless={"state_gradient": False},
)
def carried_cotangent(trial: Trial) -> Iterator[Residual]:
    mode = trial.exact.mode
    kept = trial.on(cotangent_carried(mode.reach))
    if mode.holds_exact_values and mode.subnormals:
        allowed = np.zeros(kept.case.d_last.shape)
    else:
        allowed = kept.exact.gradients.state.radius
    found = kept.observed.sequence_vjp.state
    assert found is not None  # but for a target that declares so
    yield equal("dL/dh'", "bi", found, kept.case.d_last, allowed)
