"""Padding of NaN, infinities and the largest numbers, and members without steps: what is asked, and
of whom.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import StackCase, Variant, float32
from gruverify.backends import NumpyBackend
from gruverify.engine import Judgement, judge
from gruverify.invariants import INVARIANTS
from gruverify.invariants.core._stack_changes import followed, idle

from ._drawn import drawn_stacks

PADDING = ("stack/padding-extremes", "stack/padding-extremes-gradients")
IDLE = ("stack/members-without-steps", "stack/members-without-steps-gradients")


def cases() -> list[StackCase]:
    return drawn_stacks(float32, [Variant()], 12)


def judged(found: Any, id: str) -> list[Judgement]:
    return [judgement for case in cases() for judgement in judge(case, found, [INVARIANTS[id]])]


class Stacks:
    """Stacks of NumPy's, with nothing declared, after `checked` has seen the inputs and lengths."""

    name, variants, formats = "stacks", (Variant(),), (float32,)

    def checked(self, inputs: Any, lengths: Any) -> None:
        """Nothing is refused."""

    def stack(self, stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        self.checked(inputs, lengths)
        return NumpyBackend().stack(stack, inputs, states, lengths, batch_first)

    def stack_vjp(
        self,
        stack: Any,
        inputs: Any,
        states: Any,
        lengths: Any,
        batch_first: bool,
        *cotangents: Any,
    ) -> Any:
        self.checked(inputs, lengths)
        return NumpyBackend().stack_vjp(stack, inputs, states, lengths, batch_first, *cotangents)


class Finite(Stacks):
    """Raises for what is not finite, wherever it stands."""

    def checked(self, inputs: Any, lengths: Any) -> None:
        if not np.isfinite(inputs).all():
            raise ValueError("inputs are not finite")


class Small(Stacks):
    """Raises for large numbers, wherever they stand."""

    def checked(self, inputs: Any, lengths: Any) -> None:
        if (np.abs(inputs) > 1e6).any():
            raise OverflowError("inputs are too large")


class Short(Stacks):
    """Raises for members without steps, as PyTorch's packed sequences do."""

    def checked(self, inputs: Any, lengths: Any) -> None:
        if lengths is not None and np.min(lengths) < 1:
            raise ValueError("a length is 0")


def test_behind_every_member_there_is_padding() -> None:
    for case in map(followed, cases()):
        assert not case.real[-1].any()
        assert case.real[0].all()


def test_a_member_without_steps_has_a_state_and_a_cotangent() -> None:
    for case in map(idle, cases()):
        assert case.lengths is not None
        assert case.lengths[0] == 0
        assert case.states.all()
        assert case.d_last.all()


@pytest.mark.uncounted
@pytest.mark.parametrize("id", [*PADDING, *IDLE])
@pytest.mark.parametrize("found", [NumpyBackend(), Stacks()], ids=["declared", "undeclared"])
def test_of_a_right_one_something_is_claimed(found: Any, id: str) -> None:
    assert all(judgement.tally.passed for judgement in judged(found, id))


class Flushing(Stacks):
    """The smallest numbers that it hands on become 0, and are declared to."""

    subnormals = False

    def stack(self, *given: Any) -> Any:
        outputs, last = super().stack(*given)
        return outputs, _flushed(last)

    def stack_vjp(self, *given: Any) -> Any:
        found = super().stack_vjp(*given)
        return replace(found, states=_flushed(found.states))


def _flushed(values: Any) -> Any:
    return np.where(np.abs(values) < float32.min_normal, 0, values).astype(values.dtype)


class Silent(Flushing):
    """The same, and says nothing of it."""

    subnormals = True


@pytest.mark.parametrize("id", IDLE)
def test_what_is_declared_of_the_smallest_numbers_holds_of_those_handed_on(id: str) -> None:
    tiny = np.float32(1e-40)
    case = next(case for case in cases() if case.states.size)
    small = replace(case, states=case.states * 0 + tiny, d_last=case.d_last * 0 + tiny)

    [declared], [silent] = (
        [*judge(small, found, [INVARIANTS[id]])] for found in (Flushing(), Silent())
    )

    assert declared.tally.passed or declared.tally.unclaimed
    assert silent.tally.falsified


@pytest.mark.parametrize("id", PADDING)
def test_who_refuses_nan_may(id: str) -> None:
    assert all(judgement.tally.passed for judgement in judged(Finite(), id))


def test_who_refuses_large_numbers_in_padding_reads_them() -> None:
    assert all(judgement.tally.error for judgement in judged(Small(), PADDING[0]))


def test_who_says_that_nan_is_undefined_is_asked_the_largest_numbers_alone() -> None:
    seen = []

    class Undefined(Stacks):
        nan = "undefined"

        def checked(self, inputs: Any, lengths: Any) -> None:
            seen.append(inputs)

    assert all(judgement.tally.passed for judgement in judged(Undefined(), PADDING[0]))
    assert all(np.isfinite(inputs).all() for inputs in seen)
    assert any((np.abs(inputs) == float32.max).any() for inputs in seen)


@pytest.mark.parametrize("id", IDLE)
def test_who_raises_for_members_without_steps_refuses_them(id: str) -> None:
    found = judged(Short(), id)
    assert all(judgement.tally.declined for judgement in found)
    assert "refuses lengths[0]=0: ValueError: a length is 0" in found[0].residual.where


@pytest.mark.parametrize("id", IDLE)
def test_who_declares_a_longer_shortest_length_is_not_asked(id: str) -> None:
    class Declared(Stacks):
        min_length = 2

    found = judged(Declared(), id)
    assert all(judgement.tally.declined for judgement in found)
    assert "declared min_length=2" in found[0].residual.where
