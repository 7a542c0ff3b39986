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
    """One step with z = 1 and c = 0 in every unit, from states at the format's ends, by turns, up
    to 2^far.
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
    """By turns subnormal numbers, the smallest normal ones, which nobody may flush, and large ones;
    which are first depends on the cell's sizes.

    In bfloat16 the first stay as they are, up to 1: processors convert to it with subnormal numbers
    as 0.
    """
    fmt, own = case.format, clipped(numbers, 1.0).astype(np.float64)
    turns = np.add.outer(*map(np.arange, numbers.shape)) + case.cell.input_size
    scales = np.array([1.0 if fmt == bfloat16 else fmt.min_normal, fmt.min_normal, 2.0**far])
    # From 1 to 2, so that none is below the smallest.
    sizes = np.where(turns % 3 == 1, np.copysign(1 + np.abs(own), own), own)
    return fmt.cast(sizes * scales[turns % 3])


@invariant(
    "numerics/carried-to-the-bit",
    "h = h' exactly, at both ends of the format, too, where z keeps all and c = 0",
    source="theory 3, (3.4); 5; fault P24",
    bound="exact",
    needs=["step"],
)
def carried_to_the_bit(trial: Trial) -> Iterator[Residual]:
    kept = trial.on(state_carried(trial.exact.mode.reach))
    yield equal("h", "bi", kept.observed.step, kept.case.state, kept.declared_slack)


@invariant(
    "numerics/carried-cotangent",
    "dL/dh' = dL/dh exactly, at both ends of the format, too, where z keeps all and c = 0",
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
