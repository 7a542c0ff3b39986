"""States that are lost between steps which are right by themselves: each way is named, and no other
is left.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Variant, backend, check, float64
from gruverify.arithmetic import floating
from gruverify.backends import Backend, NumpyBackend
from gruverify.engine import Reading
from gruverify.engine._identify import Part, losing
from gruverify.engine._lost_stack_states import ORDERS, PLACES, StackLoss, lost_in_stack
from gruverify.engine._lost_states import FROM_ZEROS, LOSSES, LOST, shows_from_zeros
from gruverify.engine._small_cases import drawn_for, stacks_drawn_for
from gruverify.faults import FAULTS
from gruverify.formulas import stack

pytestmark = pytest.mark.uncounted
NUMPY = NumpyBackend()


def losing_by(words: str) -> Backend:
    """Right steps, and sequences that lose the state so."""

    def sequence(cell: Any, inputs: Any, state: Any) -> Any:
        found = LOSSES[words].states(
            cell.variant, cell.parameters(floating), list(floating(inputs)), floating(state)
        )
        return np.stack(found), np.asarray(found[-1])

    return backend(step=NUMPY.step, sequence=sequence, variants=[Variant()], formats=["f64"])


def left(target: Backend) -> list[Reading]:
    """What sequences may be, if each step is right."""
    part = Part("sequence", Variant(), (Variant(),), (), ())
    cases = drawn_for(target, float64, [Variant()], 0, 8)
    return [evidence.reading for evidence in losing(target, part, cases).holds]


@pytest.mark.slow
@pytest.mark.parametrize("words", LOST)
def test_a_lost_state_is_named_and_no_other_is_left(words: str) -> None:
    said = words.format(k=3)
    if said == FROM_ZEROS:
        expected = Reading(from_zeros=True)
    else:
        expected = Reading(loses=said)

    assert left(losing_by(said)) == [expected]


@pytest.mark.parametrize(
    "words", ["each step starts from zeros: no state is handed on", "after every 2 steps"]
)
def test_from_zeros_alone_a_lost_state_has_one_name(words: str) -> None:
    (said,) = [loss for loss in LOSSES if loss.startswith(words) and shows_from_zeros(loss)]
    lossy: Any = losing_by(said)

    target = backend(sequence=lossy.sequence, variants=[Variant()], initial_state=False)
    found = check(target, formats="f64", max_cases=8, only=["agreement"], shrink=False)

    assert found.explanation == f"{said} (float64, every case)"


def test_a_right_sequence_loses_nothing() -> None:
    assert left(backend(step=NUMPY.step, sequence=NUMPY.sequence)) == [Reading()]


def losing_stack(loss: StackLoss) -> Backend:
    """Stacks of right cells that lose states so, over arrays with the time first."""

    def run(of: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        D, taken = of.directions, list[Any]()
        for number in range(len(states)):
            layer, direction = loss.taken(number // D, number % D, of.layers, D)
            h = floating(states[layer * D + direction])
            if loss.where(number // D, number % D):
                h = loss.loss.start(h)
            taken.append(h)
        rows = of.each(lambda cell: cell.parameters(floating))
        found = stack(of.variant, rows, list(floating(inputs)), taken, lengths, loss._runner)
        return np.stack(found.outputs), np.stack(found.last)

    return backend(stack=run, batch_first=False, unbatched=False)


def lost(loss: StackLoss) -> tuple[str, ...]:
    target = losing_stack(loss)
    return lost_in_stack(target, stacks_drawn_for(target, float64, [Variant()], 0, 12))


@pytest.mark.slow
@pytest.mark.parametrize("words", [FROM_ZEROS, "after every 2 steps it starts from zeros again"])
@pytest.mark.parametrize("place", PLACES)
def test_layers_and_directions_that_lose_states_are_named(words: str, place: str) -> None:
    assert lost(StackLoss(loss=LOSSES[words], where=PLACES[place])) == (f"{words}, {place}",)


@pytest.mark.slow
@pytest.mark.parametrize("words", ORDERS)
def test_initial_states_that_are_taken_for_others_are_named(words: str) -> None:
    assert lost(StackLoss(taken=ORDERS[words])) == (words,)


def test_a_right_stack_loses_nothing() -> None:
    assert lost(StackLoss()) == ()


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (
            "state-not-fed-back",
            "in sequence alone, each step starts from the initial state: no state is handed on",
        ),
        (
            "initial-states-of-a-stack-ignored",
            "its initial state is ignored, in every layer and direction",
        ),
    ],
)
def test_catches_a_lost_state_and_names_it(fault: str, cause: str) -> None:
    target, only = FAULTS[fault].build([Variant()]), ["agreement/each-step", "stack/last"]

    found = check(target, formats="f64", max_cases=6, only=only, shrink=False)

    assert found.explanation == f"{cause} (float64, every case)"


def test_the_page_lists_every_loss() -> None:
    page = (Path(__file__).parents[2] / "docs" / "likely-causes.md").read_text("utf-8")
    rows = [line.strip("| ") for line in page.splitlines() if line.startswith("| ")]

    said = [words.format(k="k") for words in LOST if words != FROM_ZEROS]
    assert [row for row in rows if row in said] == said
    assert [row for row in rows if row in ORDERS] == list(ORDERS)
    assert FROM_ZEROS in rows
