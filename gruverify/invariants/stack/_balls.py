"""Stacks: the backend's numbers lie in the balls, layer by layer and direction by direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.cell import PACKED, StackGradients
from gruverify.invariants.core._blocks import BLOCKS_OF, largest
from gruverify.invariants.core._ranges import Ranges
from gruverify.invariants.core._registry import STACKED, invariant
from gruverify.invariants.core._residual import STATES, Residual, at_most, compare
from gruverify.invariants.core._stack_trial import StackBalls, StackTrial, gradients


@invariant(
    "stack/outputs",
    "the top layer's (→h_t, ←h_t) for every t, and 0 at padding",
    source="theory 2, (2.1); 11, M37, M40, M42",
    needs=["stack"],
    lengths=STACKED,
)
def outputs(trial: StackTrial) -> Iterator[Residual]:
    yield compare("outputs", "tbi", trial.observed.stack[0], trial.exact.outputs, scale=STATES)


@invariant(
    "stack/last",
    "h_n of every layer and direction, n being the member's own length",
    source="theory 2, (2.1); 11, M37",
    needs=["stack"],
    lengths=STACKED,
)
def last(trial: StackTrial) -> Iterator[Residual]:
    for place, actual, ball in by_place(trial, trial.observed.stack[1], trial.exact.last):
        yield compare(f"last[{place}]", "bi", actual, ball, scale=STATES)


def by_place(
    trial: StackTrial, states: NDArray, balls: Ball
) -> Iterator[tuple[str, NDArray, Ball]]:
    """(L·D, B, H) layer by layer, direction by direction."""
    for s, state in enumerate(states):
        layer, direction = divmod(s, trial.case.stack.directions)
        yield f"layer={layer}{', backward' * direction}", state, balls[s]


def _gradient_of(packed: str) -> Callable[[StackTrial], Iterator[Residual]]:
    def own(of: Ranges) -> float:
        blocks: list[float] = [getattr(of.parameters, block) for block in BLOCKS_OF[packed]]
        return max(blocks)

    def check(trial: StackTrial) -> Iterator[Residual]:
        expected = trial.exact.gradients
        # One range for an array of all layers: a lower layer's gradient may be small compared with
        # the top's.
        scale = max(
            largest(ball) for name, ball in expected.parameters.items() if name.startswith(packed)
        )
        for name, letters, actual in gradients(trial.observed.stack_vjp):
            if name.startswith(packed):
                yield _compare(f"dL/d{name}", letters, actual, expected[name], scale, expected, own)

    return check


def _compare(
    what: str,
    letters: str,
    actual: NDArray,
    ball: Ball,
    scale: float,
    of: StackBalls,
    own: Callable[[Ranges], float],
    layers: slice = slice(None),
) -> Residual:
    """A part of the gradients `of` a stack, and its ball. Its range is `scale`, or what is its own
    in the ranges of the runs of these layers, which are found where it makes a difference.
    """
    found = compare(what, letters, actual, ball, scale=scale)
    if found.claimed == found.compared:
        return found
    runs = chain.from_iterable(of.ranges[layers])
    return compare(what, letters, actual, ball, scale=max([scale, *map(own, runs)]))


for _packed in PACKED:
    invariant(
        f"stack/gradient-{_packed}",
        f"dL/d({_packed} of every layer and direction)",
        source="theory 2, (2.5)",
        needs=["stack_vjp"],
        lengths=STACKED,
        applies=lambda variant, packed=_packed: any(variant.mask(packed)),  # type: ignore[misc]  # bound now, not later
    )(_gradient_of(_packed))


@invariant(
    "stack/gradient-inputs",
    "dL/dx_t through every layer and direction, and 0 at padding",
    source="theory 2, (2.5); 11, M39",
    needs=["stack_vjp"],
    lengths=STACKED,
)
def gradient_inputs(trial: StackTrial) -> Iterator[Residual]:
    expected, found = trial.exact.gradients, trial.observed.stack_vjp.inputs
    yield _compare(
        "dL/dx",
        "tbj",
        found,
        expected.inputs,
        largest(expected.inputs),
        expected,
        lambda of: of.inputs,
        slice(0, 1),
    )


@invariant(
    "stack/gradient-states",
    "dL/dh_0 of every layer and direction",
    source="theory 2, (2.5)",
    needs=["stack_vjp"],
    lengths=STACKED,
    unless={"state_gradient": False},
)
def gradient_states(trial: StackTrial) -> Iterator[Residual]:
    expected = trial.exact.gradients
    scale, found = largest(expected.states), _states(trial.observed.stack_vjp)
    for place, actual, ball in by_place(trial, found, expected.states):
        yield _compare(
            f"dL/dh_0[{place}]", "bi", actual, ball, scale, expected, lambda of: of.state
        )


def _states(found: StackGradients) -> NDArray:
    assert found.states is not None  # the call had states
    return found.states


@invariant(
    "stack/gradient-of-last",
    "dL/dθ for a loss on the last states alone",
    source="theory 2, (2.5); faults S55, S56",
    needs=["stack_vjp"],
    asks_more=True,
)
def gradient_of_last(trial: StackTrial) -> Iterator[Residual]:
    found = trial.observed.ask("stack_vjp", d_outputs=None)
    for name, letters, actual in gradients(found):
        yield compare(f"dL/d{name}", letters, actual, trial.exact.gradients_of_last[name])


@invariant(
    "stack/gradient-of-outputs",
    "dL/dθ for a loss on the outputs alone",
    source="theory 2, (2.5); faults S55, S56",
    needs=["stack_vjp"],
    asks_more=True,
)
def gradient_of_outputs(trial: StackTrial) -> Iterator[Residual]:
    found = trial.observed.ask("stack_vjp", d_last=None)
    for name, letters, actual in gradients(found):
        yield compare(f"dL/d{name}", letters, actual, trial.exact.gradients_of_outputs[name])


@invariant(
    "stack/box",
    "|h| ≤ max(1, |h_0|) in every layer and direction, without any tolerance where |h_0| ≤ 1",
    source="theory 5, the box is exact; M01",
    bound="inequality",
    needs=["stack"],
)
def box(trial: StackTrial) -> Iterator[Residual]:
    D = trial.case.stack.directions
    before = np.abs(trial.case.states.astype(np.float64))
    outputs, last = (np.abs(found.astype(np.float64)) for found in trial.observed.stack)
    # Outputs are states of the top layer alone, which start from its own initial ones.
    top = np.concatenate(list(before[-D:]), axis=1)
    exactly = trial.exact.mode.stays_in_box
    for what, letters, found, start, ball in (
        ("|last|", "sbi", last, before, trial.exact.last),
        ("|outputs|", "tbi", outputs, top, trial.exact.outputs),
    ):
        inside = exactly & (start <= 1)
        yield at_most(what, letters, found, np.maximum(start, 1), np.where(inside, 0, ball.radius))
