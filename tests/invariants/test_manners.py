"""Empty arguments, memory and weights: what may be refused, and what a finding says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, backend, faults, float32
from gruverify.backends import METHODS, STACK_METHODS, NumpyBackend
from gruverify.engine import Judgement, judge
from gruverify.faults._faulty import TwoWays
from gruverify.invariants import INVARIANTS, Trial
from gruverify.invariants.core._layouts import awkward, overlapping, repeated, transposed
from gruverify.invariants.gradient._cotangents import early_loss, scaled_cotangents

from ._built import a_case
from ._drawn import drawn_stacks
from ._duties import every_array
from ._faulty import Faulty

CASE = a_case()
RIGHT = NumpyBackend()


def judged(sequence: Any, id: str) -> Judgement:
    """What becomes of an invariant of a backend that has this sequence alone."""
    return next(iter(judge(CASE, backend(sequence=sequence), [INVARIANTS[id]])))


@pytest.mark.parametrize(
    ("id", "size"),
    [("contract/no-steps", "T=0"), ("contract/no-members", "B=0")],
    ids=["steps", "members"],
)
def test_empty_arguments_may_be_refused(id: str, size: str) -> None:
    def fussy(cell: Any, inputs: Any, state: Any) -> Any:
        if not inputs.size:
            raise ValueError("nothing to do")
        return RIGHT.sequence(cell, inputs, state)

    found = judged(fussy, id)
    assert found.tally.status == "not applicable"
    assert found.tally.reason == f"sequence refuses {size}: ValueError: nothing to do"


def test_catches_an_empty_batch_of_another_shape() -> None:
    found = next(
        iter(
            judge(
                CASE,
                faults.FAULTS["empty-batch-has-a-member"].build(),
                [INVARIANTS["contract/no-members"]],
            )
        )
    )
    assert found.tally.falsified == 1
    assert "outputs has shape (3, 1, 3), expected (T, B, H) = (3, 0, 3)" in found.residual.where


def test_sequence_that_always_raises_is_an_error_and_not_a_refusal() -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("always")

    assert judged(broken, "contract/no-steps").tally.status == "error"


def test_shared_memory_is_named() -> None:
    def views(cell: Any, inputs: Any, state: Any) -> Any:
        outputs, _ = RIGHT.sequence(cell, inputs, state)
        return outputs, outputs[-1]

    found = judged(views, "contract/own-memory-sequence")
    assert found.residual.where == "answer 0 of sequence shares memory with answer 1"


def test_view_of_an_argument_is_named() -> None:
    def echo(cell: Any, inputs: Any, state: Any) -> Any:
        return RIGHT.sequence(cell, inputs, state)[0], state

    assert judged(echo, "contract/own-memory-sequence").residual.where.endswith(
        "shares memory with state"
    )


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_awkward_arrays_hold_the_same_numbers(format: Any) -> None:
    array = format.cast(np.arange(24.0).reshape(2, 3, 4))
    found = awkward(array)
    assert np.array_equal(found, array)
    assert not found.flags.writeable
    assert not found.flags.contiguous
    assert all(stride < 0 for stride in found.strides)


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_arrays_in_fortran_order_hold_the_same_numbers(format: Any) -> None:
    array = format.cast(np.arange(24.0).reshape(2, 3, 4))
    found = transposed(array)
    assert np.array_equal(found, array)
    assert found.flags.f_contiguous
    assert not found.flags.c_contiguous


@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 2), (4,), (1, 1)], ids=str)
@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_rows_that_share_memory_hold_what_fits(format: Any, shape: tuple[int, ...]) -> None:
    array = format.cast(np.arange(float(np.prod(shape))).reshape(shape))
    for layout in (overlapping, repeated):
        found = layout(array)
        assert found.shape == shape
        assert found.flags.writeable
        assert np.array_equal(layout(found.copy()), found)
    assert all(stride == array.itemsize for stride in overlapping(array).strides)
    assert repeated(array).strides[0] == 0
    assert not repeated(array).strides[-1] or len(shape) > 1


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_answer_that_repeats_itself_breaks_no_duty(method: str) -> None:
    """They compare answers with answers: what is wrong with a plain one is not for them to say."""
    backend = Faulty(
        **{method: lambda answer, *_: every_array(lambda a: a + a.dtype.type(0.25), answer)}
    )
    cases = drawn_stacks(float32, backend.variants, 4) if method in STACK_METHODS else [CASE]
    duties = [
        i
        for i in INVARIANTS.values()
        if i.needs == (method,) and i.asks_more and i.family == "contract"
    ]
    duties = [
        i for i in duties if not i.id.startswith(("contract/no-steps", "contract/no-members"))
    ]
    assert len(duties) >= 5
    assert [
        j.invariant.id for case in cases for j in judge(case, backend, duties) if not j.tally.passed
    ] == []


@pytest.mark.parametrize("method", METHODS)
def test_refusal_of_an_empty_batch_is_said_for_every_method(method: str) -> None:
    def fussy(subject: Any, first: Any, *others: Any) -> Any:
        if not first.size:
            raise IndexError("nobody")
        return getattr(TwoWays(), method)(subject, first, *others)

    case: Any = (
        CASE if method not in STACK_METHODS else drawn_stacks(float32, TwoWays.variants, 1)[0]
    )
    id = (
        "contract/no-members"
        if method == "sequence"
        else f"contract/no-members-{method.replace('_', '-')}"
    )
    (found,) = judge(case, backend(**{method: fussy}, variants=TwoWays.variants), [INVARIANTS[id]])
    assert found.tally.status == "not applicable"
    assert found.tally.reason == f"{method} refuses B=0: IndexError: nobody"


def test_refusal_of_no_steps_is_the_cause_of_nothing() -> None:
    def fussy(cell: Any, inputs: Any, state: Any) -> Any:
        if not len(inputs):
            raise ValueError("no steps")
        return RIGHT.sequence(cell, inputs, state)

    found = {
        j.invariant.id: j.tally for j in judge(CASE, backend(sequence=fussy), INVARIANTS.values())
    }
    assert found["contract/no-steps"].status == "not applicable"
    assert {tally.cause for tally in found.values()} == {""}
    assert not any(tally.blocked for tally in found.values())


def test_changes_of_the_cotangents_alone_share_the_run() -> None:
    trial = Trial(CASE, RIGHT)
    for change in (scaled_cotangents, early_loss):
        assert trial.on(change).exact.run is trial.exact.run
    assert trial.on(lambda case: replace(case, state=-case.state)).exact.run is not trial.exact.run


def test_catches_a_state_written_to_where_its_rows_share_memory() -> None:
    """What is changed is said, though the answer is right."""

    def step(cell: Any, x: Any, h: Any) -> Any:
        after = RIGHT.step(cell, x, h)
        if h.strides[0] == 0:
            h[...] = 0
        return after

    (found,) = judge(CASE, backend(step=step), [INVARIANTS["contract/layout-step"]])
    assert found.tally.falsified
    assert found.residual.where == "h changed by step, inputs overlapping, the state repeated"
