"""What an implementation does with steps that are skipped, or that start from zeros, is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import gruverify
from gruverify import Variant, backend, float64
from gruverify.arithmetic import floating
from gruverify.backends import Backend, NumpyBackend
from gruverify.engine import Reading
from gruverify.engine._identify import marked_parts
from gruverify.engine._marks import OF_VALUES, OUTPUTS
from gruverify.engine._small_cases import drawn_for
from gruverify.faults import FAULTS
from gruverify.formulas import activations, next_state
from gruverify.reporting import print_identity


def left(backend: Backend) -> dict[str, list[str]]:
    """By method, what it may do with marked steps, in words; "" is what it should."""
    cases = drawn_for(backend, float64, [Variant()], 0, 4)
    found = dict[str, list[str]]()
    for part in marked_parts(backend, [Reading()], [Variant()], cases):
        assert all(evidence.claims for evidence in part.holds)
        found[part.method] = [each.reading.marks + each.reading.lacks for each in part.holds]
    return found


def masked(of: Any, *methods: str) -> Backend:
    given: Any = {method: getattr(of, method) for method in methods}
    return backend(**given, formats=["f64"])


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("fault", "method", "words"),
    [
        ("mask-ignored", "sequence_masked", "skips no step: the mask is ignored"),
        ("mask-one-step-late", "sequence_masked", "reads the mask one step late"),
        (
            "mask-of-another-member",
            "sequence_masked",
            "reads the mask of another member, the last for the first",
        ),
        (
            "masked-state-zeroed",
            "sequence_masked",
            "skips but does not carry: the state after a skipped step is 0",
        ),
        (
            "mask-applied-to-outputs-alone",
            "sequence_masked",
            "skips in the outputs alone: the state goes on underneath",
        ),
        (
            "last-state-without-mask",
            "sequence_masked",
            "skips, and returns the last state of a run without a mask",
        ),
        ("masked-outputs-zero-undeclared", "sequence_masked", OUTPUTS["zero"]),
        ("restart-ignored", "sequence_restarted", "starts no step from zeros: each goes on"),
        ("restart-one-step-late", "sequence_restarted", "starts from zeros one step late"),
        (
            "restart-from-the-initial-state",
            "sequence_restarted",
            "starts from the initial state, and not from zeros",
        ),
        (
            "skipped-steps-start-nothing-anew",
            "sequence_marked",
            "starts no step from zeros that it skips: its state is kept",
        ),
        (
            "new-starts-are-never-skipped",
            "sequence_marked",
            "skips no step that starts from zeros",
        ),
        (
            "marks-exchanged",
            "sequence_marked",
            "skips the steps that should start from zeros, and starts those that it should skip",
        ),
        (
            "zoneout-ignored",
            "sequence_zoneout",
            "keeps no unit's state: the mask of units is ignored",
        ),
        (
            "zoneout-inverted",
            "sequence_zoneout",
            "keeps the other units: the mask of units is inverted",
        ),
        (
            "zoneout-by-the-mask-of-the-first-step",
            "sequence_zoneout",
            "reads the mask of units of the first step at every step",
        ),
        (
            "zoneout-by-the-mask-of-the-first-member",
            "sequence_zoneout",
            "reads the mask of units of the first member for every member",
        ),
        (
            "zoneout-as-dropout",
            "sequence_zoneout",
            "drops units out: where one should keep its state, it is 0",
        ),
        (
            "zoneout-of-the-outputs-alone",
            "sequence_zoneout",
            "keeps units in the outputs alone: the state goes on underneath",
        ),
    ],
)
def test_a_fault_of_marked_steps_is_named_and_no_other_is_left(
    fault: str, method: str, words: str
) -> None:
    assert left(masked(FAULTS[fault].build([Variant()]), method)) == {method: [words]}


@pytest.mark.uncounted
@pytest.mark.parametrize("method", OF_VALUES)
def test_what_is_right_is_told_from_all_others(method: str) -> None:
    right = masked(NumpyBackend(), method, OF_VALUES[method])

    assert left(right) == {method: [""], OF_VALUES[method]: [""]}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            "zoneout-shares-exchanged",
            "multiplies the new state with the share, and the old one with the rest",
        ),
        (
            "zoneout-shares-taken-for-masks",
            "takes a share for a mask: whoever keeps any keeps everything",
        ),
        ("zoneout-shares-exchanged-in-gradients", ""),
    ],
)
def test_a_fault_of_shares_is_named_where_masks_are_right(fault: str, words: str) -> None:
    method, of_gradients = "sequence_zoneout", "sequence_zoneout_vjp"
    wrong = FAULTS[fault].build([Variant()])
    given: Any = {each: getattr(wrong, each) for each in (method, of_gradients)}
    found = left(backend(**given, formats=["f64"], zoneout="shares"))

    assert found[method] == [words]
    if not words:
        assert found[of_gradients] == ["its gradients are those of a share of the new state"]


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            "zoneout-stops-gradients",
            "dL/dh' lacks what units keep: its cotangent is not carried",
        ),
        (
            "zoneout-gradients-take-both-ways",
            "the cotangent of what a unit keeps goes through the step, too",
        ),
        (
            "zoneout-gradients-of-the-sequence",
            "its gradients are those of a run in which no unit keeps its state",
        ),
    ],
)
def test_a_gradient_of_zoneout_is_named(fault: str, words: str) -> None:
    method, of_gradients = "sequence_zoneout", "sequence_zoneout_vjp"
    wrong = FAULTS[fault].build([Variant()])

    assert left(masked(wrong, method, of_gradients)) == {method: [""], of_gradients: [words]}


def test_a_mask_of_units_on_the_candidate_is_named() -> None:
    def recurrent_dropout(cell: Any, inputs: Any, state: Any, keep_units: Any) -> Any:
        v, p, h, outputs = cell.variant, cell.parameters(floating), floating(state), []
        for x, kept in zip(floating(inputs), keep_units, strict=True):
            a = activations(v, p, x, h)
            h = next_state(v, replace(a, c=np.where(kept, 0, 1) * a.c))
            outputs.append(np.asarray(h))
        return np.stack(outputs), outputs[-1]

    mine = backend(sequence_zoneout=recurrent_dropout, formats=["f64"])

    words = "applies the mask of units to the candidate, and not to the state"
    assert left(mine) == {"sequence_zoneout": [words]}


Step = Callable[[Any], Any]


def detached(keep: Any, h: Any, after: Step) -> Any:
    import torch

    return torch.where(keep, h.detach(), after(h))


def carried_on(restart: Any, h: Any, after: Step) -> Any:
    import torch

    return after(torch.where(restart, h - h.detach(), h))


@pytest.mark.parametrize(
    ("method", "turn", "words"),
    [
        (
            "sequence_masked",
            detached,
            "dL/dh' is 0 where a step is skipped: its cotangent is not carried",
        ),
        (
            "sequence_restarted",
            carried_on,
            "dL/dh' is not 0 where a step starts from zeros: its cotangent goes on",
        ),
    ],
)
def test_a_gradient_of_marked_steps_is_named(method: str, turn: Any, words: str) -> None:
    torch = pytest.importorskip("torch")
    from gruverify.backends._marked import MarkedSequence

    def run(weights: Any, inputs: Any, state: Any, marked: Any) -> Any:
        call, cell = (
            torch.func.functional_call,
            torch.nn.GRUCell(inputs.shape[2], state.shape[1], dtype=inputs.dtype),
        )
        named = {name.removesuffix("_l0"): weight for name, weight in weights.items()}
        h, outputs = state, []
        for x, mark in zip(inputs, marked, strict=True):
            h = turn(mark[:, None], h, lambda h, x=x: call(cell, named, (x, h)))
            outputs.append(h)
        return torch.stack(outputs), h

    both = MarkedSequence(run)
    given: Any = {method: both.values, OF_VALUES[method]: both.gradients}

    assert left(backend(**given, formats=["f64"])) == {method: [""], OF_VALUES[method]: [words]}


def _lost(cell: Any, inputs: Any, state: Any) -> Any:
    return NumpyBackend().sequence(cell, inputs, None)


def _lost_without_marks(method: str) -> Any:
    """A method that ignores the initial state of members of which nothing is marked."""

    def answer(cell: Any, inputs: Any, state: Any, marks: Any) -> Any:
        never = ~marks.any(axis=0)[:, None]
        return getattr(NumpyBackend(), method)(cell, inputs, np.where(never, 0, state), marks)

    return answer


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("sequence_masked", "ignores the initial state of members that skip no step"),
        (
            "sequence_restarted",
            "ignores the initial state of members of which no step starts from zeros",
        ),
    ],
)
def test_a_state_that_is_lost_where_nothing_is_marked_is_named(method: str, words: str) -> None:
    given: Any = {method: _lost_without_marks(method)}

    assert left(backend(**given, formats=["f64"])) == {method: [words]}


@pytest.mark.slow
def test_a_sequence_that_ignores_its_initial_state_is_that_and_its_masked_runs_are_right() -> None:
    mine = backend(
        sequence=_lost, sequence_masked=NumpyBackend().sequence_masked, variants=[Variant()]
    )

    found = gruverify.identify(mine, formats="f64")

    assert {part.method: [each.reading for each in part.holds] for part in found.parts} == {
        "step": [Reading(from_zeros=True)],
        "sequence": [Reading(from_zeros=True)],
        "sequence_masked": [Reading()],
    }
    assert not found.as_declared


@pytest.mark.slow
def test_what_is_printed_says_what_is_done_and_what_would_declare_it() -> None:
    shown = StringIO()
    hiding = FAULTS["masked-outputs-zero-undeclared"].build([Variant()])

    print_identity(
        Console(file=shown, width=200),
        gruverify.identify(masked(hiding, "sequence_masked"), name="mine"),
    )

    assert shown.getvalue().endswith(
        "identified, and not what it declares\n"
        "Its steps are what it declares.\n"
        "By sequence_masked it returns 0 at skipped steps. Declare masked_outputs='zero'?\n"
        "next: gruverify check mine\n"
    )
