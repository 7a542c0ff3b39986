"""Sums over the steps of a sequence: those of all steps at once are those of each step, added
up.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gruverify.arithmetic import (
    Ball,
    Dual,
    Rounding,
    bfloat16,
    each_by_itself,
    float32,
    float64,
    joined_rows,
    steps_of,
)

MODES = [
    Rounding(float32),
    Rounding(float32, accumulates=float64),
    Rounding(float32, subnormals=False),
    Rounding(float32, products="tf32"),
    Rounding(bfloat16),
    Rounding(bfloat16, sums_in_format=True),
    Rounding(bfloat16, accumulates=bfloat16),
]
IDS = [f"{m.format.short}-{n}" for n, m in enumerate(MODES)]


def balls(mode: Rounding, columns: int, *, seed: int) -> list[Ball]:
    """Three steps (4, columns): plain numbers with zeros and powers of two, balls, and a sum not
    yet rounded.
    """
    random = np.random.default_rng(seed)
    first, second, third = random.normal(size=(3, 4, columns)) * np.exp2(
        random.integers(-3, 3, (3, 4, columns))
    )
    first[random.random(first.shape) < 0.4] = 0.0
    first[0, 0] = 0.5
    ball = Ball(mode, second, np.abs(second) * 1e-3 * (random.random(second.shape) < 0.7))
    return [Ball.exact(mode, first), ball, Ball.exact(mode, third) * ball + Ball.exact(mode, first)]


def same(one: Ball, other: Ball) -> None:
    """The same numbers, but for the order in which float64 added them up."""
    for a, b in ((one.mid, other.mid), (one.radius, other.radius)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15 * np.abs(one.mid).max())


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_products_of_balls_add_up_over_steps(mode: Rounding) -> None:
    a, b = balls(mode, 3, seed=0), balls(mode, 5, seed=1)
    same(
        steps_of(a).products(steps_of(b)), reduce(add, (x.T @ y for x, y in zip(a, b, strict=True)))
    )


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_members_of_balls_add_up_over_steps(mode: Rounding) -> None:
    a = balls(mode, 3, seed=2)
    same(steps_of(a).sum(), reduce(add, (x.sum(0) for x in a)))


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_what_treats_members_alone_is_found_of_all_steps_at_once(mode: Rounding) -> None:
    a, W = balls(mode, 3, seed=3), balls(mode, 3, seed=4)[1]
    for together, alone in zip(each_by_itself(lambda x: x @ W.T, steps_of(a)), a, strict=True):
        same(together, alone @ W.T)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_duals_of_balls_add_up_over_steps(mode: Rounding) -> None:
    a, b = (
        [
            Dual(x, dx)
            for x, dx in zip(balls(mode, n, seed=n), balls(mode, n, seed=n + 9), strict=True)
        ]
        for n in (3, 5)
    )
    found, expected = (
        steps_of(a).products(steps_of(b)),
        reduce(add, (x.T @ y for x, y in zip(a, b, strict=True))),
    )
    assert found.tangent is not None
    assert expected.tangent is not None
    same(found.value, expected.value)
    same(found.tangent, expected.tangent)
    same(steps_of(a).sum().tangent, reduce(add, (x.sum(0) for x in a)).tangent)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_a_batch_may_have_the_members_of_several_steps(mode: Rounding) -> None:
    (a, b), (whole, other) = (
        (balls(mode, 3, seed=5), balls(mode, 5, seed=6)),
        (joined_rows(balls(mode, 3, seed=5)), joined_rows(balls(mode, 5, seed=6))),
    )
    found = steps_of([whole], within=3).products(steps_of([other], within=3))
    same(found, steps_of(a).products(steps_of(b)))
    same(steps_of([whole], within=3).sum(), steps_of(a).sum())


def test_a_step_of_one_sequence_is_itself() -> None:
    a, b = balls(MODES[4], 3, seed=0)[1:2], balls(MODES[4], 5, seed=1)[1:2]
    found, expected = steps_of(a).products(steps_of(b)), a[0].T @ b[0]
    assert (found.radius == expected.radius).all()


def test_floats_are_added_up_in_order() -> None:
    random = np.random.default_rng(0)
    a: list[npt.NDArray[Any]] = list(random.normal(size=(3, 4, 2)).astype(np.float32))
    assert (
        steps_of(a).products(steps_of(a)) == ((a[0].T @ a[0]) + a[1].T @ a[1]) + a[2].T @ a[2]
    ).all()
    assert (steps_of(a).sum() == (a[0].sum(0) + a[1].sum(0)) + a[2].sum(0)).all()
    together = steps_of([np.concatenate(a)], within=3)
    assert (together.sum() == steps_of(a).sum()).all()
