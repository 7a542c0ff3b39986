"""Steps in time and members of a batch: what may be cut, joined and exchanged (theory.md 11, M31 to
M38, M47).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import NDArray
from gruverify.cell import Case
from gruverify.invariants.core._blocks import blocks_of
from gruverify.invariants.core._changes import edited, from_zero, short, stretched, with_inputs
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Residual, agree_within, equal, never
from gruverify.invariants.core._trial import Change, Trial

#: Outputs and the last state.
Run: TypeAlias = tuple[NDArray, NDArray]

# -- time ------------------------------------------------------------------------------------------


@invariant(
    "sequence/chunks",
    "a sequence run in two pieces, the second from the last state of the first, equals the whole",
    source="theory 11, M31",
    needs=["sequence"],
)
def chunks(trial: Trial) -> Iterator[Residual]:
    whole = trial.on(stretched)
    c, allowed = whole.case, 2 * whole.exact.outputs_radius
    # The longer piece first: a backend of few shapes may not be asked about so many steps.
    half = -(-len(c.inputs) // 2)
    head, between = whole.observed.fresh_answer("sequence", inputs=c.inputs[:half])
    # From the returned state: whoever keeps more between steps loses it here, within the radius.
    tail, last = whole.observed.fresh_answer("sequence", inputs=c.inputs[half:], state=between)
    outputs, end = whole.observed.sequence
    yield agree_within(
        "outputs, in two pieces",
        "tbi",
        np.concatenate([head, tail]),
        outputs,
        allowed,
        scale=STATES,
    )
    yield agree_within("last, in two pieces", "bi", last, end, allowed[-1], scale=STATES)


@invariant(
    "sequence/loop",
    "a sequence equals its steps, one after the other",
    source="theory 11, M32",
    needs=["step", "sequence"],
)
def loop(trial: Trial) -> Iterator[Residual]:
    whole = trial.on(stretched)
    states = [whole.case.state]
    for x in whole.case.inputs:
        states.append(whole.observed.fresh_answer("step", x=x, h=states[-1]))
    yield agree_within(
        "outputs, step by step",
        "tbi",
        np.stack(states[1:]),
        whole.observed.sequence[0],
        2 * whole.exact.outputs_radius,
    )


@invariant(
    "sequence/causality",
    "outputs do not depend on later inputs",
    source="theory 11, M33",
    bound="exact",
    needs=["sequence"],
)
def causality(trial: Trial) -> Iterator[Residual]:
    whole = trial.on(stretched)
    inputs = whole.case.inputs.copy()
    # Another number for every one but 1/2.
    inputs[-1] = 1 - inputs[-1]
    other, _ = whole.observed.fresh_answer("sequence", inputs=inputs)
    yield equal("outputs, another last input", "tbi", other[:-1], whole.observed.sequence[0][:-1])


@invariant(
    "sequence/no-state",
    "no state means a state of zeros",
    source="theory 11, M47; fault S03",
    bound="exact",
    needs=["sequence"],
)
def no_state(trial: Trial) -> Iterator[Residual]:
    zero = trial.on(from_zero)
    # After another run, whose last state a buffer may still hold.
    from_zeros = zero.observed.sequence
    yield from _same_run("without a state", zero.observed.ask("sequence", state=None), from_zeros)
    # Zeros that are kept for the next call may have been written to by this one.
    again = zero.observed.fresh_answer("sequence", state=None)
    yield from _same_run("without a state again", again, from_zeros)
    if trial.declared.shapes != "few":
        # One member: who makes the zeros of another shape broadcasts them there.
        lone = zero.on(of_one_member)
        missing = lone.observed.ask("sequence", state=None)
        yield from _same_run("of one member without a state", missing, lone.observed.sequence)


def _same_run(what: str, found: Run, expected: Run) -> Iterator[Residual]:
    yield equal(f"outputs, {what}", "tbi", found[0], expected[0])
    yield equal(f"last, {what}", "bi", found[1], expected[1])


def of_one_member(case: Case) -> Case:
    """The first member alone; the case itself if it has no more."""
    if len(case.state) == 1:
        return case
    lone = [array[..., :1, :] for array in (case.inputs, case.state, case.d_outputs, case.d_last)]
    return Case(case.cell, lone[0], lone[1], lone[2], lone[3])


def padded(case: Case) -> Case:
    """The first step of the case, and one over zeros."""
    return with_inputs(case, np.stack([case.inputs[0], np.zeros_like(case.inputs[0])]))


@invariant(
    "sequence/zeros-are-inputs",
    "a step over x = 0 is a step: the state stays only where the enclosures allow it",
    source="theory 11, M38",
    bound="inequality",
    needs=["sequence"],
)
def zeros_are_inputs(trial: Trial) -> Iterator[Residual]:
    longer = trial.on(padded)
    (before, after), (_, one, other) = longer.observed.sequence[0], longer.exact.run.states
    # Disjoint balls: there no right implementation can return the same state twice.
    apart_by_more = np.abs(one.mid - other.mid) > one.radius + other.radius
    yield never("a step over x = 0 leaves the state", before == after, apart_by_more)


@invariant(
    "sequence/liveness",
    "another parameter, input or state gives another result wherever the enclosures are disjoint",
    source="theory 11, M30",
    bound="inequality",
    needs=["sequence"],
)
def liveness(trial: Trial) -> Iterator[Residual]:
    drawn = trial.on(short)
    moved, what = drawn.on(one_moved), chosen(drawn.case)
    disjoint = (
        np.abs(drawn.exact.outputs - moved.exact.outputs)
        > drawn.exact.outputs_radius + moved.exact.outputs_radius
    )
    yield never(
        f"{what} is not used", drawn.observed.sequence[0] == moved.observed.sequence[0], disjoint
    )


def chosen(case: Case) -> str:
    """One of the parameter blocks, the inputs or the state: which, depends on the numbers of the
    case.
    """
    among = (*blocks_of(case.cell.variant), "inputs", "state")
    return among[zlib.crc32(case.inputs.tobytes() + case.state.tobytes()) % len(among)]


def one_moved(case: Case) -> Case:
    """Every entry p of what is chosen replaced by 1 - p."""
    what = chosen(case)
    if what in ("inputs", "state"):
        return replace(case, **{what: 1 - getattr(case, what)}, regimes=())
    return edited(case, lambda p: replace(p, **{what: 1 - getattr(p, what)}))


def _anew(name: str) -> Change:
    """The case with other numbers in the array of the cell that is so called."""

    def one_array_anew(case: Case) -> Case:
        # Where the variant has a block there may be numbers.
        own = np.repeat(case.variant.mask(name), case.cell.hidden_size)
        other = {name: _other(case.cell.packed()[name], own)}
        cell = replace(case.cell, **other)  # type: ignore[arg-type]  # an array, and no variant
        return replace(case, cell=cell, regimes=())

    return one_array_anew


def _other(array: NDArray, own: npt.NDArray[np.bool_]) -> NDArray:
    """Each gate's rows in reverse order, whose sum is the same; of one unit half of each, negated;
    of zeros 1/2, in the rows that may have numbers.
    """
    blocks = array.reshape(3, -1, *array.shape[1:])
    other: NDArray = blocks[:, ::-1].reshape(array.shape).copy()
    if np.array_equal(other, array):
        other = array * array.dtype.type(-0.5)
    if not array.any():
        other[own] = 0.5
    return other


_ANEW = {name: _anew(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}


@invariant(
    "sequence/step-liveness",
    "other numbers in one array of the cell alone give another step where the enclosures are "
    "disjoint",
    source="theory 11, M30; fault S40",
    bound="inequality",
    since="0.2",
    needs=["step"],
    asks_more=True,
)
def step_liveness(trial: Trial) -> Iterator[Residual]:
    # Asked before the others: only then can it be remembered.
    before, one, found = trial.observed.step, trial.exact.next_state, list[Residual]()
    for name, change in _ANEW.items():
        if not any(trial.case.variant.mask(name)):
            continue
        anew = trial.on(change)
        other = anew.exact.next_state
        # What was kept gives the same bits throughout; one entry may be equal by chance where a
        # target is less accurate than it declares.
        same = np.full(before.shape, np.array_equal(before, anew.observed.step))
        disjoint = np.abs(one.mid - other.mid) > one.radius + other.radius
        found.append(never(f"{name} is that of an earlier call", same, disjoint))
    # Weights that multiply zeros show nothing, and are made up for by others.
    yield from [residual for residual in found if residual.claims] or found


# -- members ---------------------------------------------------------------------------------------


def crowded(case: Case) -> Case:
    """At least two members: a single one is joined by one with everything negated."""
    if len(case.state) > 1:
        return case
    joined = [
        np.concatenate([a, -a], axis=-2)
        for a in (case.inputs, case.state, case.d_outputs, case.d_last)
    ]
    return Case(case.cell, joined[0], joined[1], joined[2], joined[3])


@invariant(
    "sequence/batch",
    "each member's outputs are those it gives alone",
    source="theory 11, M34",
    needs=["sequence"],
)
def batch(trial: Trial) -> Iterator[Residual]:
    all_ = trial.on(short).on(crowded)
    alone, _ = all_.observed.fresh_answer(
        "sequence", inputs=all_.case.inputs[:, -1:], state=all_.case.state[-1:]
    )
    # The last member, and not the first: a stale buffer shows behind others (M34).
    outputs, allowed = all_.observed.sequence[0][:, -1:], 2 * all_.exact.outputs_radius[:, -1:]
    yield agree_within("outputs, last member alone", "tbi", alone, outputs, allowed, scale=STATES)


@invariant(
    "sequence/step-batch",
    "each member's next state is the one it gives alone",
    source="theory 11, M34",
    needs=["step"],
)
def step_batch(trial: Trial) -> Iterator[Residual]:
    all_ = trial.on(short).on(crowded)
    alone = all_.observed.fresh_answer("step", x=all_.case.inputs[0, -1:], h=all_.case.state[-1:])
    allowed = 2 * all_.exact.next_state.radius[-1:]
    yield agree_within(
        "h, last member alone", "bi", alone, all_.observed.step[-1:], allowed, scale=STATES
    )


def members_reversed(case: Case) -> Case:
    """The members in reverse order."""
    return replace(case, inputs=case.inputs[:, ::-1], state=case.state[::-1])


@invariant(
    "sequence/batch-permutation",
    "reordering the members reorders their outputs",
    source="theory 11, M35",
    needs=["sequence"],
)
def batch_permutation(trial: Trial) -> Iterator[Residual]:
    drawn = trial.on(short).on(crowded)
    back, allowed = (
        drawn.on(members_reversed).observed.sequence[0][:, ::-1],
        2 * drawn.exact.outputs_radius,
    )
    yield agree_within(
        "outputs, members reversed", "tbi", back, drawn.observed.sequence[0], allowed, scale=STATES
    )


@invariant(
    "sequence/step-batch-permutation",
    "reordering the members reorders their next states",
    source="theory 11, M35",
    needs=["step"],
)
def step_batch_permutation(trial: Trial) -> Iterator[Residual]:
    drawn = trial.on(short).on(crowded)
    back, allowed = (
        drawn.on(members_reversed).observed.step[::-1],
        2 * drawn.exact.next_state.radius,
    )
    yield agree_within(
        "h, members reversed", "bi", back, drawn.observed.step, allowed, scale=STATES
    )
