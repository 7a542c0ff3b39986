"""Steps that a member skips: its state stays, and what was at that step is seen nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.backends import derived_methods
from gruverify.cell import masks_of
from gruverify.invariants.core._changes import from_zero
from gruverify.invariants.core._masked import (
    by_member,
    hidden_outputs,
    kept_slack,
    kept_states,
    masked,
    no_masks,
    outputs_of,
    stepped,
)
from gruverify.invariants.core._methods import close, parts, radii
from gruverify.invariants.core._obstacle import Declined
from gruverify.invariants.core._registry import MARKED, invariant
from gruverify.invariants.core._residual import STATES, Floats, Residual, compare, equal
from gruverify.invariants.core._trial import Trial


@invariant(
    "masks/each-step",
    "where a member takes the step, h_t is the step from the state that was returned before it, "
    "however many steps before",
    source="the Backend contract; docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence_masked"],
    lengths=MARKED,
)
def each_step(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("sequence_masked")
    keep = masks_of(every.case)
    states = kept_states(every.case.state, outputs, keep[..., None])
    allowed = stepped(every, states, no_masks(every.case))
    yield from taken_steps(every, outputs, last, allowed)


@invariant(
    "masks/kept",
    "a step that a member skips keeps its state: the initial one and that of a step skipped before "
    "it bit for bit; its output is what is declared, the state, the last output, or 0; no state "
    "means zeros",
    source="the Backend contract",
    since="0.2",
    needs=["sequence_masked"],
)
def kept(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("sequence_masked")
    keep = masks_of(every.case)
    states = kept_states(every.case.state, outputs, keep[..., None])
    expected, skipped = outputs_of(every.declared, states, keep), wide(keep, outputs)
    hidden = hidden_outputs(every.declared.masked_outputs, keep)[..., None]
    slack = kept_slack(every, states, keep[..., None])
    of_outputs = np.where(hidden, 0.0, slack)
    for name, b in by_member(every):
        yield equal(
            f"outputs of steps skipped, {name} skipped",
            "tbi",
            outputs[:, b],
            expected[:, b],
            of_outputs[:, b],
            about=skipped[:, b],
        )
    again = skipped[1:] & skipped[:-1]
    yield equal("outputs, skipped in a row", "tbi", outputs[1:], outputs[:-1], about=again)
    yield equal("last, the last step skipped", "bi", last, states[-1], slack[-1], about=skipped[-1])
    yield from without_a_state(every, "sequence_masked")


def without_a_state(every: Trial, method: str) -> Iterator[Residual]:
    """No state means zeros, whatever is skipped, bit for bit."""
    if every.declared.shapes == "few":  # a call without a state is compiled for itself
        return
    zero = every.on(from_zero)
    missing, given = zero.observed.ask(method, state=None), zero.observed.ask(method)
    yield equal("outputs, without a state", "tbi", missing[0], given[0])
    yield equal("last, without a state", "bi", missing[1], given[1])


@invariant(
    "masks/nothing-skipped",
    "a mask that skips no step is no mask",
    source="the Backend contract",
    since="0.2",
    needs=["sequence", "sequence_masked"],
)
def nothing_skipped(trial: Trial) -> Iterator[Residual]:
    require_two_ways(trial, "sequence_masked")
    every = masked(trial)
    found = every.observed.fresh_answer("sequence_masked", keep=no_masks(every.case))
    yield from _as_sequence(every, "no step skipped", found, every.observed.sequence)


@invariant(
    "masks/padding-is-length",
    "steps that are skipped to the end are steps that there are not",
    source="the Backend contract; theory 11, M37",
    since="0.2",
    needs=["sequence", "sequence_masked"],
)
def padding_is_length(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    c, n = every.case, max(len(every.case.inputs) // 2, every.declared.min_length)
    keep = no_masks(c)
    keep[n:] = True
    outputs, last = every.observed.fresh_answer("sequence_masked", keep=keep)
    shorter = every.observed.fresh_answer("sequence", inputs=c.inputs[:n])
    yield from _as_sequence(every, f"{n} steps and padding", (outputs[:n], last), shorter)


@invariant(
    "masks/content",
    "other inputs at steps that a member skips, NaN and ∞ too: the same outputs and last state, "
    "bit for bit",
    source="the Backend contract; theory 11, M39",
    since="0.2",
    bound="exact",
    needs=["sequence_masked"],
)
def content(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("sequence_masked")
    others = every.observed.fresh_answer("sequence_masked", inputs=other_inputs(every))
    yield equal("outputs, other inputs skipped", "tbi", others[0], outputs)
    yield equal("last, other inputs skipped", "bi", others[1], last)


def other_inputs(trial: Trial) -> NDArray:
    """Inputs with other numbers at the steps that are skipped."""
    inputs = trial.case.inputs
    return under(masks_of(trial.case), inputs, other_numbers(trial, inputs))


def other_numbers(trial: Trial, numbers: NDArray) -> NDArray:
    """Numbers in place of others: those that spoil all they meet, if the backend passes them on."""
    if trial.declared.nan == "passes":
        return np.resize([np.nan, np.inf, -np.inf], numbers.shape)
    return np.asarray(1 - numbers)


def under(mask: NDArray, inputs: NDArray, others: NDArray) -> NDArray:
    """The inputs (T, B, I), with others where a mask (T, B) is."""
    found = np.where(mask[..., None], others, inputs)
    return np.ascontiguousarray(found.astype(inputs.dtype))


def _as_sequence(
    trial: Trial, how: str, found: tuple[NDArray, NDArray], plain: tuple[NDArray, NDArray]
) -> Iterator[Residual]:
    """Whether a masked run that skips nothing before its end is what the sequence of that length
    is.
    """
    n = len(found[0])

    def allowed() -> dict[str, Floats]:
        each = radii(trial, "sequence")["outputs"]
        return {"outputs": each[:n], "last": each[n - 1]}

    case = trial.case
    both = parts(case, "sequence_masked", found), parts(case, "sequence", plain)
    yield from close(how, *both, allowed)


def require_two_ways(trial: Trial, method: str) -> None:
    """Raise Declined where the sequence is derived from the method, and so agrees with itself."""
    if derived_methods(trial.backend).get("sequence") == method:
        raise Declined("sequence", f"it is derived from {method}")


def taken_steps(every: Trial, outputs: NDArray, last: NDArray, allowed: Ball) -> Iterator[Residual]:
    """What was returned of the steps that members take, (T, B, H), and of the last one, (B, H),
    against what they may be.
    """
    taken = wide(~masks_of(every.case), outputs)
    for name, b in by_member(every):
        yield compare(
            f"outputs of steps taken, {name} skipped",
            "tbi",
            outputs[:, b],
            allowed[:, b],
            scale=STATES,
            about=taken[:, b],
        )
    yield compare("last", "bi", last, allowed[-1], scale=STATES, about=taken[-1])


def wide(mask: NDArray, states: NDArray) -> NDArray:
    """A mask (T, B) of states (T, B, H), entry by entry."""
    return np.broadcast_to(mask[..., None], states.shape)
