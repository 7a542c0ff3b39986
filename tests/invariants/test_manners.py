"""Empty arguments, memory and weights: what may be refused, and what a finding says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, backend, faults
from gruverify.backends import NumpyBackend
from gruverify.engine import Judgement, judge
from gruverify.invariants import INVARIANTS, Trial
from gruverify.invariants._cotangents import early_loss, turned
from gruverify.invariants._manners import awkward, negated

from ._built import a_case

CASE = a_case()
RIGHT = NumpyBackend()


def judged(sequence: Any, id: str) -> Judgement:
    """What becomes of an invariant of a backend that has this sequence alone."""
    return next(iter(judge(CASE, backend(sequence=sequence), [INVARIANTS[id]])))


@pytest.mark.parametrize(
    ("id", "size"), [("contract/no-steps", "T=0"), ("contract/no-members", "B=0")], ids=["steps", "members"]
)
def test_empty_arguments_may_be_refused(id: str, size: str) -> None:
    def fussy(cell: Any, inputs: Any, state: Any) -> Any:
        if not inputs.size:
            raise ValueError("nothing to do")
        return RIGHT.sequence(cell, inputs, state)

    found = judged(fussy, id)
    assert found.tally.status == "not applicable"
    assert found.tally.reason == f"sequence is not implemented: {size} raises ValueError: nothing to do"


def test_catches_an_empty_batch_of_another_shape() -> None:
    found = next(
        iter(judge(CASE, faults.FAULTS["empty-batch-has-a-member"].build(), [INVARIANTS["contract/no-members"]]))
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

    assert judged(echo, "contract/own-memory-sequence").residual.where.endswith("shares memory with argument 1")


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_awkward_arrays_hold_the_same_numbers(format: Any) -> None:
    array = format.cast(np.arange(24.0).reshape(2, 3, 4))
    found = awkward(array)
    assert np.array_equal(found, array)
    assert not found.flags.writeable
    assert not found.flags.contiguous
    assert all(stride < 0 for stride in found.strides)


def test_changes_of_the_cotangents_alone_share_the_run() -> None:
    trial = Trial(CASE, RIGHT)
    for change in (turned, early_loss):
        assert trial.on(change).exact.run is trial.exact.run
    assert trial.on(negated).exact.run is not trial.exact.run
