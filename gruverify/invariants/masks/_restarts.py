"""Steps that start from zeros: what was before them is forgotten, and gets no gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell import masks_of
from gruverify.invariants.core._blocks import compared
from gruverify.invariants.core._masked import (
    Mask,
    before_the_last_start,
    by_member,
    masked,
    no_masks,
    stepped,
)
from gruverify.invariants.core._methods import close, parts, radii
from gruverify.invariants.core._registry import MARKED, invariant
from gruverify.invariants.core._residual import STATES, Residual, compare, equal
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.masks._values import (
    other_numbers,
    require_two_ways,
    under,
    without_a_state,
)


@invariant(
    "masks/restart-each-step",
    "h_t is the step from the h_{t-1} that was returned, or from 0 where the member starts anew",
    source="the Backend contract; docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence_restarted"],
    lengths=MARKED,
)
def restart_each_step(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("sequence_restarted")
    allowed = stepped(every, outputs, masks_of(every.case))
    for name, b in by_member(every):
        yield compare(
            f"outputs, {name} from zeros", "tbi", outputs[:, b], allowed[:, b], scale=STATES
        )
    yield compare("last", "bi", last, allowed[-1], scale=STATES)


@invariant(
    "masks/nothing-restarted",
    "a run in which no step starts anew is the sequence",
    source="the Backend contract",
    since="0.2",
    needs=["sequence", "sequence_restarted"],
)
def nothing_restarted(trial: Trial) -> Iterator[Residual]:
    require_two_ways(trial, "sequence_restarted")
    every = masked(trial)
    found = every.observed.fresh_answer("sequence_restarted", restart=no_masks(every.case))
    both = (
        parts(every.case, "sequence_restarted", found),
        parts(every.case, "sequence", every.observed.sequence),
    )
    yield from close("no step from zeros", *both, lambda: radii(every, "sequence"))


@invariant(
    "masks/restart-forgets",
    "another state and other inputs before the last step that starts anew, NaN and ∞ too: the same "
    "outputs from there on, bit for bit; no state means zeros",
    source="the Backend contract; theory 4, (4.5)",
    since="0.2",
    bound="exact",
    needs=["sequence_restarted"],
)
def restart_forgets(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    restart = masks_of(every.case)
    before = before_the_last_start(restart)
    outputs, last = every.observed.ask("sequence_restarted")
    others = every.observed.fresh_answer(
        "sequence_restarted",
        inputs=under(before, every.case.inputs, other_numbers(every, every.case.inputs)),
        state=other_start(every, restart),
    )
    after = np.broadcast_to(~before[..., None], outputs.shape)
    yield equal("outputs, another past", "tbi", others[0], outputs, about=after)
    yield equal("last, another past", "bi", others[1], last)
    yield from without_a_state(every, "sequence_restarted")


@invariant(
    "masks/restart-gradient",
    "dL/d(θ, x, h_0) of a run with steps that start anew, at both cotangents",
    source="the Backend contract; theory 2, (2.5)",
    since="0.2",
    needs=["sequence_restarted_vjp"],
)
def restart_gradient(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    expected = every.exact.masked_gradients(no_masks(every.case), masks_of(every.case))
    found = every.observed.ask("sequence_restarted_vjp")
    yield from compared(every.case.variant, found, expected)


@invariant(
    "masks/restart-cuts-gradient",
    "no gradient of the last state passes a step that starts anew: dL/dx_t before it and dL/dh_0 "
    "are exactly 0",
    source="the Backend contract; theory 4, (4.4)",
    since="0.2",
    bound="exact",
    needs=["sequence_restarted_vjp"],
)
def restart_cuts_gradient(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    found = every.observed.ask("sequence_restarted_vjp", d_outputs=None)
    restart = masks_of(every.case)
    before = before_the_last_start(restart)
    yield _no_gradient("dL/dx before a step from zeros", found.inputs, before)
    if found.state is not None:
        yield _no_gradient("dL/dh_0 of what starts anew", found.state, np.any(restart, axis=0))


def other_start(trial: Trial, restart: Mask) -> NDArray:
    """The initial state with other numbers, NaN too, of members that start anew."""
    state = trial.case.state
    if not trial.declared.initial_state:
        return state
    anew = np.any(restart, axis=0)[:, None]
    return np.where(anew, other_numbers(trial, state), state).astype(state.dtype)


def _no_gradient(what: str, found: NDArray, where: Mask) -> Residual:
    about = np.broadcast_to(where[..., None], found.shape)
    return equal(what, "tbj"[-found.ndim :], found, np.zeros_like(found), about=about)
