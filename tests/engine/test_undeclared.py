"""Whoever lacks a declaration is told which; whoever is wrong besides is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import Variant, backend, float64
from gruverify.backends import NumpyBackend, resolve
from gruverify.cell import Stack
from gruverify.engine import VALUES, draw, judge
from gruverify.engine._suggestions import SUGGESTIONS
from gruverify.engine._undeclared import Undeclared
from gruverify.faults import EQUIVALENTS
from gruverify.invariants import INVARIANTS
from gruverify_strategies import cases, stack_cases

NUMPY = NumpyBackend()


def made(**methods: Any) -> Any:
    return backend(variants=[Variant()], formats=[float64], **methods)


#: What tells of a missing declaration; whatever else there is takes its time.
ASKED = ("agreement", "contract/shape-*", "numerics/nan*", "regimes/carry*", "masks")


def hints(target: Any, cases: int = 12) -> str:
    result = gruverify.check(target, max_cases=cases, shrink=False, only=ASKED)
    return " ".join(result.hinted) + result.explanation


def short(cell: Any, inputs: Any, state: Any) -> Any:
    if len(inputs) < 3:
        raise ValueError("at least three steps")
    return NUMPY.sequence(cell, inputs, state)


def from_zeros(cell: Any, inputs: Any, state: Any) -> Any:
    return NUMPY.sequence(cell, inputs, None)


def refusing(cell: Any, inputs: Any, state: Any) -> Any:
    if state is not None and state.any():
        raise TypeError("no initial state")
    return NUMPY.sequence(cell, inputs, None)


def of_one_size(cell: Any, x: Any, h: Any) -> Any:
    if h.shape[1] != 3 or x.shape[1] != 2:
        raise ValueError("I=2, H=3")
    return NUMPY.step(cell, x, h)


def of_one_width(cell: Any, x: Any, h: Any) -> Any:
    if h.shape[1] != 4:
        raise NotImplementedError("H=4")
    return NUMPY.step(cell, x, h)


def without_nan(cell: Any, x: Any, h: Any) -> Any:
    return NUMPY.step(cell, np.nan_to_num(x), np.nan_to_num(h))


def showing(what: str) -> Any:
    """A masked sequence with other outputs at steps that are skipped, which does not say so."""
    return EQUIVALENTS[f"masked-outputs-{what}"].build().sequence_masked  # type: ignore[attr-defined]  # it has one


def resetting_before(cell: Any, x: Any, h: Any) -> Any:
    return NUMPY.step(replace(cell, variant=Variant(reset="before")), x, h)


def zero_state_gradient(*arguments: Any) -> Any:
    found = NUMPY.sequence_vjp(*arguments)
    return replace(found, state=0 * found.state)


LACKING = {
    "initial_state=False": made(sequence=from_zeros),
    "initial_state=False ": made(sequence=refusing),
    "min_length=3": made(sequence=short),
    "hidden_size=3, input_size=2": made(step=of_one_size),
    "hidden_size=4": made(step=of_one_width),
    'nan="undefined"': made(step=without_nan),
    'masked_outputs="zero"': made(sequence_masked=showing("zero")),
    'masked_outputs="last"': made(sequence_masked=showing("repeated")),
    "state_gradient=False": made(sequence=NUMPY.sequence, sequence_vjp=zero_state_gradient),
    'variants=[Variant(reset="before")]': made(step=resetting_before),
}


@pytest.mark.parametrize("declaration", LACKING)
def test_a_right_target_is_told_what_it_lacks(declaration: str) -> None:
    assert f"declare {declaration.strip()}?" in hints(LACKING[declaration], cases=8)


# -- wrong besides ---------------------------------------------------------------------------------


def wrong(function: Any) -> Any:
    """The same, and a little off: all states, or all gradients."""

    def off(*arguments: Any) -> Any:
        found = function(*arguments)
        if isinstance(found, tuple):
            return tuple(0.99 * part for part in found)
        return (
            0.99 * found
            if isinstance(found, np.ndarray)
            else replace(found, weight_hh=0.99 * found.weight_hh)
        )

    return off


WRONG = {
    "a state ignored": made(sequence=wrong(from_zeros)),
    "a state refused": made(sequence=wrong(refusing)),
    "short ones refused": made(sequence=wrong(short)),
    "one size": made(step=wrong(of_one_size)),
    "NaN cleaned": made(step=wrong(without_nan)),
    "zeros at steps skipped": made(sequence_masked=wrong(showing("zero"))),
    "no gradient of the state": made(
        sequence=NUMPY.sequence, sequence_vjp=wrong(zero_state_gradient)
    ),
    "the reset before": made(step=wrong(resetting_before)),
}


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_one_is_told_nothing(what: str) -> None:
    assert "declare" not in hints(WRONG[what])


@pytest.mark.slow
@pytest.mark.uncounted
def test_a_gradient_of_the_state_that_is_wrong_and_not_0_is_no_declaration() -> None:
    def doubled(*arguments: Any) -> Any:
        found = NUMPY.sequence_vjp(*arguments)
        return replace(found, state=2 * found.state)

    assert "declare" not in hints(made(sequence=NUMPY.sequence, sequence_vjp=doubled))


@pytest.mark.uncounted
def test_a_refusal_at_some_lengths_that_are_not_the_shortest_is_no_declaration() -> None:
    def picky(cell: Any, inputs: Any, state: Any) -> Any:
        if len(inputs) == 2:
            raise ValueError("not two")
        return NUMPY.sequence(cell, inputs, state)

    assert "min_length" not in hints(made(sequence=picky))


# -- what features of the cases suggest ------------------------------------------------------------


def borne_out(declaration: str, strategy: Any, **methods: Any) -> bool:
    """Whether a target that fails some cases does so as one does that lacks the declaration."""
    drawn: list[Any] = []
    draw(strategy, 8, 1, drawn.append)
    target = resolve(made(**methods))
    found = Undeclared(target)
    values = [INVARIANTS[id] for id in VALUES.ids]
    for case in drawn:
        found.meet(case, list(judge(case, target, values)))
    assert found.failing
    return all(found.bears_out(one) for one in SUGGESTIONS if one.declaration == declaration)


def reading(**changed: Any) -> Any:
    """A step that reads the biases otherwise: each from both of them, bias_ih and bias_hh."""

    def step(cell: Any, x: Any, h: Any) -> Any:
        read = {name: change(cell.bias_ih, cell.bias_hh) for name, change in changed.items()}
        return NUMPY.step(replace(cell, **read), x, h)

    return step


def exchanged(bias: Any) -> Any:
    r, z, n = np.split(bias, 3)
    return np.concatenate([z, r, n])


SMALL: dict[str, Any] = {"formats": (float64,), "max_H": 3, "max_B": 2, "max_T": 3}
CELLS = cases(variants=(Variant(),), **SMALL)
STACKS = stack_cases(variants=(Variant(),), padded=True, **SMALL)


@pytest.mark.parametrize(
    ("step", "lacks"),
    [
        (reading(bias_hh=lambda x, h: 0 * h), True),
        (reading(bias_hh=lambda x, h: 2 * h), False),
        (reading(bias_ih=lambda x, h: exchanged(x), bias_hh=lambda x, h: exchanged(h)), False),
        (reading(bias_ih=lambda x, h: 2 * x, bias_hh=lambda x, h: 0 * h), False),
    ],
    ids=["ignored", "doubled", "in another order", "ignored, and wrong besides"],
)
def test_biases_that_are_read_wrongly_are_not_lacking(step: Any, lacks: bool) -> None:
    assert borne_out('biases="input"', CELLS, step=step) is lacks


def shorter(stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
    return NUMPY.stack(stack, inputs, states, np.maximum(lengths - 1, 0), batch_first)


def padded(stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
    return NUMPY.stack(stack, inputs, states, None, batch_first)


@pytest.mark.parametrize(
    ("stack", "lacks"), [(padded, True), (shorter, False)], ids=["ignored", "misread"]
)
def test_lengths_that_are_misread_are_not_lacking(stack: Any, lacks: bool) -> None:
    assert borne_out("lengths=False", STACKS, stack=stack) is lacks


def test_a_direction_that_is_wrong_is_not_lacking() -> None:
    def backward_first(stack: Any, *rest: Any) -> Any:
        return NUMPY.stack(Stack(tuple(row[::-1] for row in stack.cells)), *rest)

    assert not borne_out("bidirectional=False", STACKS, stack=backward_first)


def test_time_first_alone_lacks_the_batch_first() -> None:
    def time_first(stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        return NUMPY.stack(stack, inputs, states, lengths, False)

    def turned(stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        return NUMPY.stack(
            stack, inputs[::-1].copy() if batch_first else inputs, states, lengths, batch_first
        )

    without = stack_cases(variants=(Variant(),), padded=False, **SMALL)
    assert borne_out("batch_first=False", without, stack=time_first)
    assert not borne_out("batch_first=False", without, stack=turned)
