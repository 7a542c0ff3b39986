"""Units that keep their state: the others see it, and its cotangent passes the step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, blend
from gruverify.cell import unit_masks_of, unit_shares_of
from gruverify.invariants.core._blocks import compared
from gruverify.invariants.core._local import one_behind, stacked
from gruverify.invariants.core._masked import (
    given_slack,
    kept_slack,
    kept_states,
    masked,
    no_masks,
    no_unit_masks,
    stepped,
)
from gruverify.invariants.core._methods import close, parts, radii
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Residual, compare, equal
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.masks._values import require_two_ways, without_a_state


@invariant(
    "masks/zoneout-each-step",
    "where a unit takes the step, its h_t is that of the step from the whole state that was "
    "returned before it",
    source="the Backend contract; Krueger et al. 2017 (3); docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence_zoneout"],
)
def zoneout_each_step(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("sequence_zoneout")
    taken = ~unit_masks_of(every.case)
    allowed = stepped(every, outputs, no_masks(every.case))
    yield compare("units that step", "tbi", outputs, allowed, scale=STATES, about=taken)
    yield compare("last", "bi", last, allowed[-1], scale=STATES, about=taken[-1])


@invariant(
    "masks/zoneout-kept",
    "a unit that keeps its state keeps it bit for bit, whatever the others do; no state means "
    "zeros",
    source="the Backend contract; Krueger et al. 2017 (3)",
    since="0.2",
    needs=["sequence_zoneout"],
)
def zoneout_kept(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("sequence_zoneout")
    kept = unit_masks_of(every.case)
    states = kept_states(every.case.state, outputs, kept)
    slack = kept_slack(every, states, kept)
    yield equal("units that keep their state", "tbi", outputs, states, slack, about=kept)
    again = kept[1:] & kept[:-1]
    yield equal("units, kept in a row", "tbi", outputs[1:], outputs[:-1], about=again)
    yield equal("last, kept", "bi", last, states[-1], slack[-1], about=kept[-1])
    yield from without_a_state(every, "sequence_zoneout")


@invariant(
    "masks/no-zoneout",
    "a run in which no unit keeps its state is the sequence",
    source="the Backend contract",
    since="0.2",
    needs=["sequence", "sequence_zoneout"],
)
def no_zoneout(trial: Trial) -> Iterator[Residual]:
    require_two_ways(trial, "sequence_zoneout")
    every = masked(trial)
    none = no_unit_masks(every.case)
    found = every.observed.fresh_answer("sequence_zoneout", keep_units=none)
    both = (
        parts(every.case, "sequence_zoneout", found),
        parts(every.case, "sequence", every.observed.sequence),
    )
    yield from close("no unit kept", *both, lambda: radii(every, "sequence"))


@invariant(
    "masks/zoneout-gradient",
    "dL/d(θ, x, h_0) of a run in which units keep their state, at both cotangents",
    source="the Backend contract; theory 2, (2.5)",
    since="0.2",
    needs=["sequence_zoneout_vjp"],
)
def zoneout_gradient(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    expected = every.exact.zoneout_gradients(unit_masks_of(every.case))
    found = every.observed.ask("sequence_zoneout_vjp")
    yield from compared(every.case.variant, found, expected)


@invariant(
    "masks/zoneout-gradient-passes",
    "where every unit keeps its state, dL/dh_0 is the cotangent of the last state bit for bit, and "
    "parameters and inputs get no gradient",
    source="the Backend contract",
    since="0.2",
    bound="exact",
    needs=["sequence_zoneout_vjp"],
)
def zoneout_gradient_passes(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    method, d_last = "sequence_zoneout_vjp", every.case.d_last
    kept = ~no_unit_masks(every.case)
    found = every.observed.fresh_answer(method, keep_units=kept, d_outputs=None)
    for what, (letters, array) in parts(every.case, method, found).items():
        if what == "gradient of state":
            yield equal(f"{what}, all kept", letters, array, d_last, given_slack(every, d_last))
        else:
            yield equal(f"{what}, all kept", letters, array, np.zeros_like(array))


@invariant(
    "masks/zoneout-shares",
    "where each unit keeps the share k of its state, h_t = k∘h' + (1-k)∘h~, with the step h~ from "
    "the h' that was returned",
    source="the Backend contract; Krueger et al. 2017 (3); docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence_zoneout"],
    unless={"zoneout": "mask"},
)
def zoneout_shares(trial: Trial) -> Iterator[Residual]:
    c, shares = trial.case, unit_shares_of(trial.case)
    outputs, last = trial.observed.fresh_answer("sequence_zoneout", keep_units=shares)
    before = stacked(one_behind(trial, c.state, outputs), len(outputs))
    after = stepped(trial, outputs, no_masks(c))
    allowed = blend(Ball.exact(trial.exact.mode, shares), before, after)
    yield compare("outputs, in part the state before", "tbi", outputs, allowed, scale=STATES)
    yield compare("last, in part the state before", "bi", last, allowed[-1], scale=STATES)


@invariant(
    "masks/zoneout-shares-gradient",
    "dL/d(θ, x, h_0) of a run in which each unit keeps a share of its state, at both cotangents",
    source="the Backend contract; theory 2, (2.5)",
    since="0.2",
    needs=["sequence_zoneout_vjp"],
    unless={"zoneout": "mask"},
)
def zoneout_shares_gradient(trial: Trial) -> Iterator[Residual]:
    shares = unit_shares_of(trial.case)
    found = trial.observed.fresh_answer("sequence_zoneout_vjp", keep_units=shares)
    expected = trial.exact.zoneout_gradients(shares)
    yield from compared(trial.case.variant, found, expected)
