"""What ties a stack to its layers, its directions and its members, and a call to the same call
arranged otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.backends import drawn_sizes
from gruverify.cell import Case, StackGradients
from gruverify.invariants.contract._first_answers import finite
from gruverify.invariants.core._obstacle import RuledOut
from gruverify.invariants.core._registry import SOME, invariant
from gruverify.invariants.core._residual import (
    STATES,
    Residual,
    agree_within,
    equal,
    nothing_claimed,
)
from gruverify.invariants.core._stack_changes import (
    backward_as_forward,
    bottom,
    exchanged,
    first_cell,
    from_zeros,
    layer_alone,
    loss_of_first,
    mirrored,
    no_batch,
    one_member,
    other_top_state,
    parts,
    ragged,
    rearranged,
    reversed_members,
    reversed_steps,
    without_lengths,
)
from gruverify.invariants.core._stack_trial import StackTrial, gradients, paired
from gruverify.invariants.core._trial import Trial


def _both(
    what: str,
    one: tuple[NDArray, NDArray],
    other: tuple[NDArray, NDArray],
    outputs: Ball,
    last: Ball,
) -> Iterator[Residual]:
    """Two ways to the same outputs and last states: each is within its radius of the truth."""
    yield agree_within(f"outputs {what}", "tbi", one[0], other[0], 2 * outputs.radius, scale=STATES)
    yield agree_within(f"last {what}", "sbi", one[1], other[1], 2 * last.radius, scale=STATES)


# -- layers ----------------------------------------------------------------------------------------


@invariant(
    "stack/composition",
    "L layers equal L stacks of one layer, each over the outputs of the one before",
    source="theory 11, M42; fault S39",
    needs=["stack"],
    asks_more=True,
)
def composition(trial: StackTrial) -> Iterator[Residual]:
    if trial.case.stack.layers == 1:
        yield nothing_claimed("there is one layer")
        return
    whole = _whose_parts_have_lengths(trial)
    inputs, last = whole.case.inputs, list[NDArray]()
    for layer in range(whole.case.stack.layers):
        # Each layer over the outputs that the backend returned, rounded to the format as every
        # layer's are.
        alone = StackTrial(layer_alone(whole.case, layer, inputs), whole.backend)
        inputs, h = alone.observed.stack
        last.append(h)
        if not np.isfinite(inputs).all():  # there is no case with such inputs for the next
            yield finite(f"outputs of layer {layer} alone", inputs, alone.exact.outputs)
            return
    composed = inputs, np.concatenate(last)
    yield from _both(
        "of its layers", whole.observed.stack, composed, whole.exact.outputs, whole.exact.last
    )


def _whose_parts_have_lengths(trial: StackTrial) -> StackTrial:
    """The trial that is compared with its parts, each called alone; of few shapes always with
    lengths, which say more: a part without them is a shape, too.
    """
    declared = trial.declared
    if declared.shapes == "few" and declared.lengths and declared.min_length <= 1:
        return trial.on(ragged)
    return trial


@invariant(
    "stack/one-layer-is-a-sequence",
    "a stack of one layer and direction equals the sequence of its cell",
    source="theory 11, M32; fault S39",
    needs=["stack", "sequence"],
    asks_more=True,
)
def one_layer_is_a_sequence(trial: StackTrial) -> Iterator[Residual]:
    stacked = trial.on(first_cell)
    c, exact = stacked.case, stacked.exact
    alone = Trial(
        Case(c.stack.cells[0][0], c.inputs, c.states[0], c.d_outputs, c.d_last[0]), trial.backend
    )
    outputs, last = alone.observed.sequence
    yield from _both(
        "of the sequence", stacked.observed.stack, (outputs, last[None]), exact.outputs, exact.last
    )


@invariant(
    "stack/states-are-their-own",
    "h_0 of the top layer's last direction reaches only its own states and outputs, bit for bit",
    source="theory 11; faults S39, P13",
    bound="exact",
    needs=["stack"],
    unless={"initial_state": False},
    asks_more=True,
)
def states_are_their_own(trial: StackTrial) -> Iterator[Residual]:
    (outputs, last), (others, others_last) = (
        trial.observed.stack,
        trial.on(other_top_state).observed.stack,
    )
    beside = (trial.case.stack.directions - 1) * trial.case.stack.hidden_size
    yield equal("last of all others", "sbi", last[:-1], others_last[:-1])
    yield equal(
        "outputs of the other direction", "tbi", outputs[..., :beside], others[..., :beside]
    )


@invariant(
    "stack/gradients-are-their-own",
    "a loss on the first layer's last states has no gradient in the layers above, and none of "
    "theirs",
    source="theory 11, M56; fault S39",
    bound="exact",
    needs=["stack_vjp"],
    asks_more=True,
)
def gradients_are_their_own(trial: StackTrial) -> Iterator[Residual]:
    c, D = trial.case, trial.case.stack.directions
    d_last = np.where(np.arange(len(c.d_last))[:, None, None] < D, c.d_last, 0 * c.d_last)
    found = trial.observed.fresh_answer("stack_vjp", d_outputs=None, d_last=d_last)
    if c.stack.layers == 1:
        yield nothing_claimed("there is one layer")
    for name, letters, actual in gradients(found):
        if "_l" in name and not name.removesuffix("_reverse").endswith("_l0"):
            yield equal(f"dL/d{name}", letters, actual, np.zeros_like(actual))
        elif name == "states":
            yield equal(
                "dL/dh_0 of the layers above", letters, actual[D:], np.zeros_like(actual[D:])
            )


# -- directions ------------------------------------------------------------------------------------


@invariant(
    "stack/reverse-half",
    "the backward half is the forward run of its cell over the steps reversed, put back in order",
    source="theory 11, M40",
    needs=["stack"],
    asks_more=True,
)
def reverse_half(trial: StackTrial) -> Iterator[Residual]:
    if trial.case.stack.directions == 1:
        yield nothing_claimed("there is one direction")
        return
    whole = _whose_parts_have_lengths(trial)
    both, alone = whole.on(bottom), whole.on(backward_as_forward)
    H, (outputs, last) = trial.case.stack.hidden_size, both.observed.stack
    forward = reversed_steps(whole.case, alone.observed.stack[0])
    half, exact = outputs[..., H:], both.exact
    yield agree_within(
        "backward outputs", "tbi", half, forward, 2 * exact.outputs.radius[..., H:], scale=STATES
    )
    yield agree_within(
        "backward last",
        "sbi",
        last[1:],
        alone.observed.stack[1],
        2 * exact.last.radius[1:],
        scale=STATES,
    )


@invariant(
    "stack/mirrored",
    "directions exchanged and steps reversed: outputs reversed and their halves exchanged",
    source="theory 11, M41",
    needs=["stack"],
    asks_more=True,
)
def mirror(trial: StackTrial) -> Iterator[Residual]:
    if trial.case.stack.directions == 1:
        yield nothing_claimed("there is one direction")
        return
    outputs, last = trial.on(mirrored).observed.stack
    # The exact side of the drawn case serves both: mirrored, it is the same computation.
    back = np.concatenate(np.split(reversed_steps(trial.case, outputs), 2, axis=2)[::-1], axis=2)
    yield from _both(
        "mirrored",
        trial.observed.stack,
        (back, exchanged(last)),
        trial.exact.outputs,
        trial.exact.last,
    )


@invariant(
    "stack/last-is-an-output",
    "the top layer's last states are outputs: forward that of a member's last step, backward "
    "that of the first",
    source="theory 11, M37; fault S28",
    needs=["stack"],
)
def last_is_an_output(trial: StackTrial) -> Iterator[Residual]:
    D, H = trial.case.stack.directions, trial.case.stack.hidden_size
    lengths = trial.case.real.sum(0)
    members = np.flatnonzero(lengths > 0)
    outputs, last = trial.observed.stack
    ends = (lengths[members] - 1, 0 * members)
    for direction, t in enumerate(ends[:D]):
        half = slice(direction * H, (direction + 1) * H)
        # One state returned twice: two answers, for a kernel may round a copy of its own.
        bound = 2 * trial.exact.last.radius[direction - D, members]
        found = last[direction - D, members]
        yield agree_within(
            f"last of direction {direction}",
            "bi",
            found,
            outputs[t, members, half],
            bound,
            scale=STATES,
        )


# -- members ---------------------------------------------------------------------------------------


@invariant(
    "stack/lengths-are-dense",
    "members of one length, alone and without padding, have the same outputs and last states",
    source="theory 11, M37",
    needs=["stack"],
    unless={"lengths": False},
    asks_more=True,
)
def lengths_are_dense(trial: StackTrial) -> Iterator[Residual]:
    padded = trial.on(ragged)
    outputs, last = padded.observed.stack
    yield nothing_claimed("members without a step")
    for members, case in parts(padded.case):
        n, dense = len(case.inputs), StackTrial(case, trial.backend).observed.stack
        bounds = (
            2 * padded.exact.outputs.radius[:n, members],
            2 * padded.exact.last.radius[:, members],
        )
        yield agree_within(
            f"outputs of {n} steps", "tbi", outputs[:n, members], dense[0], bounds[0], scale=STATES
        )
        yield agree_within(
            f"last of {n} steps", "sbi", last[:, members], dense[1], bounds[1], scale=STATES
        )


@invariant(
    "stack/members-in-any-order",
    "members in reverse order, with their lengths and states: so are outputs and last states",
    source="theory 11, M35",
    needs=["stack"],
    asks_more=True,
)
def members_in_any_order(trial: StackTrial) -> Iterator[Residual]:
    outputs, last = trial.on(reversed_members).observed.stack
    back = outputs[:, ::-1], last[:, ::-1]
    yield from _both(
        "in reverse order", trial.observed.stack, back, trial.exact.outputs, trial.exact.last
    )


# -- arrangements of a call ------------------------------------------------------------------------


@invariant(
    "stack/batch-first",
    "batch first or time first: the same outputs and last states",
    source="theory 11, M36",
    needs=["stack"],
    asks_more=True,
    # The survey has as many members as steps, where axes that are exchanged go unnoticed.
    lengths=SOME,
)
def batch_first(trial: StackTrial) -> Iterator[Residual]:
    one = _of_few_arrangements(trial)
    yield from _arranged_both_ways("rearranged", one)
    if one.case.lengths is not None and one.case.sizes["T"] == one.case.sizes["B"]:
        # Another way through a module: a packed sequence has no axes that it could exchange.
        dense = one.on(without_lengths)
        yield from _arranged_both_ways("without lengths, rearranged", dense)


def _arranged_both_ways(what: str, one: StackTrial) -> Iterator[Residual]:
    other = one.on(rearranged).observed.stack
    yield from _both(what, one.observed.stack, other, one.exact.outputs, one.exact.last)


@invariant(
    "stack/batch-first-gradients",
    "batch first or time first: the same gradients",
    source="theory 11, M36",
    needs=["stack_vjp"],
    asks_more=True,
)
def batch_first_gradients(trial: StackTrial) -> Iterator[Residual]:
    _rule_out_first_size(trial)
    one = _of_few_arrangements(trial)
    yield from _same_gradients("rearranged", one, one.on(rearranged))


def _rule_out_first_size(trial: StackTrial) -> None:
    """Gradients of stacks take longest to compile: of few shapes a call that is arranged otherwise
    is not pulled back at the first of them, which has the most layers and directions.

    Raises:
        RuledOut: it is a case of that size.
    """
    declared = trial.declared
    if declared.shapes == "few" and trial.case.sizes == drawn_sizes(declared)[0]:
        raise RuledOut("stack_vjp", "shapes='few'")


def _of_few_arrangements(trial: StackTrial) -> StackTrial:
    """The trial that is arranged otherwise; of few shapes one without lengths, for a call that has
    them is a shape of its own.
    """
    if trial.declared.shapes == "few" and trial.case.lengths is not None:
        return trial.on(without_lengths)
    return trial


@invariant(
    "stack/no-batch",
    "a member without a batch axis is a batch of one, and without states starts from zeros",
    source="theory 11, M34, M47",
    needs=["stack"],
    unless={"unbatched": False},
    asks_more=True,
)
def without_a_batch(trial: StackTrial) -> Iterator[Residual]:
    one = trial.on(one_member)
    # First, for a target of few shapes may not be called with it: then the other call says nothing.
    batch = one.observed.stack
    alone = trial.on(no_batch).observed.stack
    yield from _both("of a batch of one", alone, batch, one.exact.outputs, one.exact.last)
    # What makes the zeros may be another line where there is no batch.
    if trial.declared.shapes == "any":
        yield from _without_states(trial.on(no_batch).on(from_zeros), "without a batch or states")


@invariant(
    "stack/no-batch-gradients",
    "gradients of a member without a batch axis are those of a batch of one",
    source="theory 11, M34",
    needs=["stack_vjp"],
    unless={"unbatched": False},
    asks_more=True,
)
def gradients_without_a_batch(trial: StackTrial) -> Iterator[Residual]:
    _rule_out_first_size(trial)
    alone = trial.on(no_batch)
    if trial.declared.shapes == "any":
        yield from _same_gradients("of a batch of one", trial.on(one_member), alone)
        return
    # A batch of one is a shape, too: one in which the others have no loss has the same gradients.
    batch = trial.on(loss_of_first)
    one = _of_first(batch.observed.stack_vjp)
    for name, letters, found, same in paired(one, alone.observed.stack_vjp):
        radius = batch.exact.gradients[name].radius
        if name in ("inputs", "states"):
            radius = radius[:, :1]
        bound = radius + alone.exact.gradients[name].radius
        yield agree_within(f"dL/d{name} in a batch", letters, found, same, bound)


def _of_first(found: StackGradients) -> StackGradients:
    """The gradients, those of inputs and states of the first member alone."""
    states = None if found.states is None else found.states[:, :1]
    return replace(found, inputs=found.inputs[:, :1], states=states)


def _same_gradients(what: str, trial: StackTrial, other: StackTrial) -> Iterator[Residual]:
    """Two ways to the gradients of `trial`, each within its radius of the truth."""
    for name, letters, found, same in paired(trial.observed.stack_vjp, other.observed.stack_vjp):
        yield agree_within(
            f"dL/d{name} {what}", letters, found, same, 2 * trial.exact.gradients[name].radius
        )


@invariant(
    "stack/no-states",
    "no initial states mean zeros, bit for bit",
    source="theory 11, M47",
    bound="exact",
    needs=["stack"],
    asks_more=True,
    # Of few drawn cases: those of two layers in one direction may not be among them.
    lengths=SOME,
)
def no_states(trial: StackTrial) -> Iterator[Residual]:
    yield from _without_states(_of_few_arrangements(trial).on(from_zeros), "without states")


def _without_states(zeros: StackTrial, said: str) -> Iterator[Residual]:
    given, missing = zeros.observed.stack, zeros.observed.ask("stack", states=None)
    for what, letters, one, other in zip(
        ("outputs", "last"), ("tbi", "sbi"), missing, given, strict=True
    ):
        yield equal(f"{what} {said}", letters, one, other)


@invariant(
    "stack/no-states-gradients",
    "gradients without initial states are those from zeros, bit for bit",
    source="theory 11, M47",
    bound="exact",
    needs=["stack_vjp"],
    asks_more=True,
)
def no_states_gradients(trial: StackTrial) -> Iterator[Residual]:
    _rule_out_first_size(trial)
    zeros = _of_few_arrangements(trial).on(from_zeros)
    missing = zeros.observed.ask("stack_vjp", states=None)
    given = zeros.observed.stack_vjp
    yield equal("dL/dx without states", "tbj", missing.inputs, given.inputs)
    for name, array in given.parameters.items():
        yield equal(
            f"dL/d{name} without states", "ij"[: array.ndim], missing.parameters[name], array
        )
