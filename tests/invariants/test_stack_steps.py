"""Each step of a stack of one layer from what it returned before: forward, backward, and at
padding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from gruverify import FORMATS, Cell, Format, Stack, StackCase, Variant, float32
from gruverify import strategies as gst
from gruverify.backends import NumpyBackend
from gruverify.engine import judge
from gruverify.invariants import INVARIANTS, StackTrial

ID = "stack/each-step"
FEW = settings(max_examples=20, deadline=None)


def margin(case: StackCase, backend: Any) -> float:
    with np.errstate(all="ignore"):
        return max(residual.margin for residual in INVARIANTS[ID].check(StackTrial(case, backend)))


@pytest.mark.uncounted
@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_a_right_stack_passes_with_every_call(format: Format) -> None:
    @FEW
    @given(case=gst.stack_cases(max_layers=1, max_T=9, formats=[format]))
    def passes(case: StackCase) -> None:
        assert margin(case, NumpyBackend()) <= 1

    passes()


@FEW
@given(case=gst.stack_cases(min_layers=2, formats=[float32]))
def test_nothing_is_claimed_of_layers_that_do_not_show_their_states(case: StackCase) -> None:
    [judgement] = judge(case, NumpyBackend(), [INVARIANTS[ID]])

    assert judgement.tally.status == "nothing claimed"


class Wrong(NumpyBackend):
    """Its outputs and last states are changed after the fact."""

    def __init__(self, change: Any) -> None:
        self._change = change

    def stack(self, stack: Stack, *arguments: Any) -> Any:
        outputs, last = super().stack(stack, *arguments)
        return self._change(outputs.copy(), last.copy(), stack.hidden_size)


def _late(outputs: Any, last: Any, H: int) -> Any:
    outputs[-1, :, :H] += np.float32(0.25)
    return outputs, last


def _backward(outputs: Any, last: Any, H: int) -> Any:
    outputs[0, :, H:] = outputs[1, :, H:]
    return outputs, last


def _last(outputs: Any, last: Any, H: int) -> Any:
    return outputs, -last


@pytest.mark.parametrize("change", [_late, _backward, _last], ids=["late", "backward", "last"])
def test_catches_a_step_that_does_not_follow_from_the_one_before(change: Any) -> None:
    assert margin(long_case(), NumpyBackend()) <= 1
    assert margin(long_case(), Wrong(change)) > 1000


def test_catches_what_stands_at_padding() -> None:
    case = replace(long_case(), lengths=np.array([3, 12]))

    def padded(outputs: Any, last: Any, H: int) -> Any:
        outputs[5, 0] = 1
        return outputs, last

    assert margin(case, NumpyBackend()) <= 1
    assert margin(case, Wrong(padded)) == np.inf


def long_case() -> StackCase:
    """Two members of twelve steps in two directions."""
    random = np.random.default_rng(5)

    def some(*shape: int) -> Any:
        return float32.cast(random.uniform(-1, 1, shape))

    cells = tuple(Cell(Variant(), some(9, 2), some(9, 3), some(9), some(9)) for _ in range(2))
    states, d_last = some(2, 2, 3), some(2, 2, 3)
    return StackCase(Stack((cells,)), some(12, 2, 2), states, some(12, 2, 6), d_last)
