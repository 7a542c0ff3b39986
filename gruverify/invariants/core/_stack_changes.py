"""From any case of a stack to one that an invariant asks for: pure functions, as for cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell import Cell, Stack, StackCase


def ragged(case: StackCase) -> StackCase:
    """A batch with padding: the case itself if it has lengths; else of 1, 2, … T-1, 1, … steps, but
    at least one.
    """
    if case.lengths is not None:
        return case
    T, B, _ = case.inputs.shape
    # Up to T-1, so that there is padding even for a batch of one.
    lengths = 1 + np.arange(B) % max(T - 1, 1)
    return replace(case, lengths=lengths, batched=True)


def repadded(case: StackCase) -> StackCase:
    """The ragged batch with other inputs and other cotangents where there is padding."""
    padded = ragged(case)
    return replace(
        padded,
        # 1 - x is another number for every x but 1/2.
        inputs=np.where(padded.real[..., None], padded.inputs, 1 - padded.inputs),
        d_outputs=np.where(padded.real[..., None], padded.d_outputs, 1 - padded.d_outputs),
    )


def rearranged(case: StackCase) -> StackCase:
    """Batch first instead of time first, or the other way round."""
    return replace(case, batch_first=not case.batch_first)


def without_lengths(case: StackCase) -> StackCase:
    """All members with all steps, in a batch."""
    return replace(case, lengths=None, batched=True)


def one_member(case: StackCase) -> StackCase:
    """The first member alone, in a batch of one, without padding."""
    one = slice(0, 1)
    return replace(
        case,
        inputs=case.inputs[:, one],
        states=case.states[:, one],
        d_outputs=case.d_outputs[:, one],
        d_last=case.d_last[:, one],
        lengths=None,
        batched=True,
    )


def one_step(case: StackCase) -> StackCase:
    """The first step of every member alone."""
    return replace(
        case,
        inputs=case.inputs[:1],
        d_outputs=case.d_outputs[:1],
        lengths=None if case.lengths is None else np.minimum(case.lengths, 1),
    )


def loss_of_first(case: StackCase) -> StackCase:
    """The case with a loss of its first member alone, without lengths."""
    d_outputs, d_last = case.d_outputs.copy(), case.d_last.copy()
    d_outputs[:, 1:] = d_last[:, 1:] = 0
    return replace(without_lengths(case), d_outputs=d_outputs, d_last=d_last)


def no_batch(case: StackCase) -> StackCase:
    """The first member alone, without an axis for the batch."""
    return replace(one_member(case), batched=False)


def reversed_members(case: StackCase) -> StackCase:
    """The members in reverse order."""
    return replace(
        case,
        inputs=case.inputs[:, ::-1],
        states=case.states[:, ::-1],
        d_outputs=case.d_outputs[:, ::-1],
        d_last=case.d_last[:, ::-1],
        lengths=None if case.lengths is None else case.lengths[::-1],
    )


def from_zeros(case: StackCase) -> StackCase:
    """From initial states that are 0."""
    return replace(case, states=np.zeros_like(case.states))


def other_top_state(case: StackCase) -> StackCase:
    """Another initial state of the top layer's last direction: 1 minus what it is."""
    states = case.states.copy()
    states[-1] = 1 - states[-1]
    return replace(case, states=states)


def mirrored(case: StackCase) -> StackCase:
    """Both directions exchanged, and every member's steps in reverse order."""
    rows = list[tuple[Cell, ...]]()
    for layer, row in enumerate(case.stack.cells):
        rows.append(tuple(_halves_exchanged(cell, layer > 0) for cell in row[::-1]))
    return replace(
        case,
        stack=Stack(tuple(rows)),
        inputs=reversed_steps(case, case.inputs),
        states=exchanged(case.states),
    )


def _halves_exchanged(cell: Cell, upper: bool) -> Cell:
    """An upper layer's cell with the inputs of the two directions exchanged."""
    if upper:
        return replace(
            cell, weight_ih=np.concatenate(np.split(cell.weight_ih, 2, axis=1)[::-1], axis=1)
        )
    return cell


def exchanged(states: NDArray) -> NDArray:
    """(2L, B, H) with the states of the two directions exchanged."""
    # States come by layer and then by direction, so that the two of a layer are neighbours.
    L2, B, H = states.shape
    pairs: NDArray = states.reshape(L2 // 2, 2, B, H)[:, ::-1].reshape(L2, B, H)
    return pairs


def reversed_steps(case: StackCase, steps: NDArray) -> NDArray:
    """(T, B, n) with each member's own steps in reverse order, its padding where it was."""
    T = len(steps)
    lengths = case.real.sum(0)
    t = np.arange(T)[:, None]
    # Padding stays behind: a backward direction starts at a member's own last step.
    order = np.where(t < lengths, lengths - 1 - t, t)
    taken: NDArray = np.take_along_axis(steps, order[..., None], axis=0)
    return taken


def bottom(case: StackCase) -> StackCase:
    """The first layer alone, in all its directions."""
    return layer_alone(case, 0, case.inputs)


def first_cell(case: StackCase) -> StackCase:
    """The forward cell of the first layer alone, without padding."""
    H, one = case.stack.hidden_size, Stack(((case.stack.cells[0][0],),))
    arrays = case.inputs, case.states[:1], case.d_outputs[..., :H], case.d_last[:1]
    return StackCase(one, *arrays, batch_first=case.batch_first)


def backward_as_forward(case: StackCase) -> StackCase:
    """The backward cell of the first layer as a layer of its own, run forward over each member's
    steps reversed.
    """
    one = bottom(case)
    H = case.stack.hidden_size
    return replace(
        one,
        stack=Stack(((case.stack.cells[0][1],),)),
        inputs=reversed_steps(case, case.inputs),
        states=one.states[1:],
        d_outputs=one.d_outputs[..., H:],
        d_last=one.d_last[1:],
    )


def layer_alone(case: StackCase, layer: int, inputs: NDArray) -> StackCase:
    """One layer of the stack over these inputs (T, B, n), from its own states."""
    D = case.stack.directions
    own = slice(layer * D, (layer + 1) * D)
    return replace(
        case,
        stack=Stack((case.stack.cells[layer],)),
        inputs=inputs,
        states=case.states[own],
        d_last=case.d_last[own],
    )


def parts(case: StackCase) -> list[tuple[NDArray, StackCase]]:
    """The members of each length, and the dense case that they make; members without a step are in
    none.
    """
    lengths = case.real.sum(0)
    found = []
    for n in np.unique(lengths[lengths > 0]):
        members = np.flatnonzero(lengths == n)
        dense = replace(
            case,
            inputs=case.inputs[:n, members],
            states=case.states[:, members],
            d_outputs=case.d_outputs[:n, members],
            d_last=case.d_last[:, members],
            lengths=None,
        )
        found.append((members, dense))
    return found


def followed(case: StackCase) -> StackCase:
    """The ragged batch with one more step, which is nobody's own: behind every member there is
    padding.
    """
    padded = ragged(case)
    return replace(
        padded,
        inputs=np.concatenate([padded.inputs, padded.inputs[:1]]),
        d_outputs=np.concatenate([padded.d_outputs, padded.d_outputs[:1]]),
    )


def idle(case: StackCase) -> StackCase:
    """The ragged batch with a first member that has no step, and neither state nor cotangent of
    0.
    """
    padded = ragged(case)
    lengths = np.where(np.arange(len(padded.lengths)) == 0, 0, padded.lengths)  # type: ignore[arg-type]  # it has them
    return replace(
        padded,
        lengths=lengths,
        states=_without_zeros(case.states),
        d_last=_without_zeros(case.d_last),
    )


def _without_zeros(array: NDArray) -> NDArray:
    return np.where(array == 0, array.dtype.type(0.5), array)
