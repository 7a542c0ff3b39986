"""Cases of stacks: what does not fit is said with T, B, I, H, L and D; and how calls are
arranged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from gruverify import Cell, Stack, StackCase, Variant, float32
from gruverify import strategies as gst
from gruverify.cell import Arrangement

T, B, I, H, L, D = 2, 3, 1, 2, 2, 2


def cell(I: int) -> Cell:
    return Cell(
        Variant(bias=False), np.ones((3 * H, I), np.float32), np.ones((3 * H, H), np.float32)
    )


STACK = Stack(((cell(I), cell(I)), (cell(D * H), cell(D * H))))


def arrays() -> dict[str, Any]:
    shapes = {
        "inputs": (T, B, I),
        "states": (L * D, B, H),
        "d_outputs": (T, B, D * H),
        "d_last": (L * D, B, H),
    }
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "inputs of one step": (
        {"inputs": np.ones((B, I))},
        r"inputs has shape \(3, 1\), expected \(T, B, I\) with I=1",
    ),
    "no members": (
        {"inputs": np.ones((T, 0, I), np.float32)},
        r"that is T=2, B=0: a case has a step and a member",
    ),
    "states of one layer": (
        {"states": np.ones((D, B, H), np.float32)},
        r"states has shape \(2, 3, 2\), expected \(L·D, B, H\) = \(4, 3, 2\) with H=2, I=1, B=3, "
        r"T=2, L=2, D=2",
    ),
    "cotangents of one direction": (
        {"d_outputs": np.ones((T, B, H), np.float32)},
        r"d_outputs has shape \(2, 3, 2\), expected \(T, B, D·H\) = \(2, 3, 4\)",
    ),
    "another format": (
        {"d_last": np.ones((L * D, B, H))},
        "d_last has dtype float64, but the cell is float32",
    ),
    "infinite": (
        {"states": np.full((L * D, B, H), np.inf, np.float32)},
        r"states\[0, 0, 0\] is inf",
    ),
    "too long": (
        {"lengths": [2, 3, 1]},
        r"lengths\[1\] is 3: a member has between 0 and T=2 steps",
    ),
    "negative": ({"lengths": [2, 2, -1]}, r"lengths\[2\] is -1"),
    "too few lengths": ({"lengths": [2, 2]}, r"lengths=\[2, 2\] must be \(B,\) integers with B=3"),
    "lengths in part": ({"lengths": [2.0, 1.5, 1.0]}, r"must be \(B,\) integers"),
    "a batch that is none": (
        {"batched": False},
        "batched=False with B=3, lengths=None: it means one unpadded member",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_said(wrong: str) -> None:
    changes, message = WRONG[wrong]

    with pytest.raises(ValueError, match=message):
        StackCase(STACK, **{**arrays(), **changes})


def test_a_case_knows_its_sizes() -> None:
    case = StackCase(STACK, **arrays())

    assert case.sizes == {"H": H, "I": I, "B": B, "T": T, "L": L, "D": D}
    assert (case.format, case.variant) == (float32, Variant(bias=False))
    assert set(case.arrays()) == {*STACK.packed(), *arrays()}


def test_real_steps_are_those_below_the_length() -> None:
    case = StackCase(STACK, **arrays(), lengths=np.array([2, 0, 1]))

    assert case.real.tolist() == [[True, False, True], [True, False, False]]
    assert replace(case, lengths=None).real.all()


@given(gst.stack_cases())
def test_a_repr_can_be_pasted_back(case: StackCase) -> None:
    namespace: dict[str, Any] = {}
    exec("from gruverify import *", namespace)

    assert eval(repr(case), namespace) == case


@pytest.mark.parametrize(
    "change",
    [
        {"lengths": [2, 2, 2]},
        {"batch_first": True},
        {"states": np.zeros((L * D, B, H), np.float32)},
    ],
    ids=str,
)
def test_cases_are_equal_by_everything_in_them_and_so_are_their_keys(
    change: dict[str, Any],
) -> None:
    case = StackCase(STACK, **arrays())

    assert case == StackCase(STACK, **arrays())
    assert case != replace(case, **change)
    assert replace(case, **change) == replace(case, **change)
    assert case.key() == StackCase(STACK, **arrays()).key()
    assert case.key() != replace(case, **change).key()


@pytest.mark.parametrize(
    ("arrangement", "steps", "states"),
    [
        (Arrangement(), (T, 1, I), (L, 1, H)),
        (Arrangement(batch_first=True), (1, T, I), (L, 1, H)),
        (Arrangement(batched=False), (T, I), (L, H)),
        (Arrangement(batch_first=True, batched=False), (T, I), (L, H)),
    ],
    ids=str,
)
def test_arrays_are_arranged_and_put_back(
    arrangement: Arrangement, steps: Any, states: Any
) -> None:
    xs, hs = np.arange(T * I).reshape(T, 1, I), np.arange(L * H).reshape(L, 1, H)

    arranged, kept = arrangement.steps(xs), arrangement.states(hs)

    assert (arranged.shape, kept.shape) == (steps, states)
    assert np.array_equal(arrangement.steps_of(arranged), xs)
    assert np.array_equal(arrangement.states_of(kept), hs)
    assert Arrangement.of_call(arranged, arrangement.batch_first) == arrangement
