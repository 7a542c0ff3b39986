"""Dual numbers: each operation's tangent is the derivative of its value, found by complex steps and
held by balls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gruverify import Format, float64
from gruverify.arithmetic import (
    FORMATS,
    Ball,
    Dual,
    Rounding,
    blend,
    combined_rows,
    diagonal,
    sigmoid,
    tanh,
)

#: So small that its square vanishes beside 1.
STEP = 2.0**-64

CONSTANT = np.array([[0.5, -0.25, 2.0], [1.0, 0.75, -1.5]])

MOVING: dict[str, Callable[..., Any]] = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "product": lambda x, y: x * y,
    "matrix product": lambda x, y: x @ y.T,
    "negative": lambda x, y: -x * y,
    "number on the left": lambda x, y: 1 - x * y,
    "number on the right": lambda x, y: 2 * x + y * 3 - 1,
    "index": lambda x, y: x[..., None, :] * y[:1],
    "sum over an axis": lambda x, y: (x * y).sum(0),
    "sigmoid": lambda x, y: sigmoid(x + y),
    "tanh": lambda x, y: tanh(x) * y,
    "blend": lambda x, y: blend(sigmoid(x), x, y),
    "diagonal": lambda x, y: diagonal(x * y),
    "rows combined": lambda x, y: combined_rows((x, y.T @ x), (y, x.T @ y), on_diagonal=x),
}
WITH_CONSTANTS: dict[str, Callable[..., Any]] = {
    "constant on the left": lambda x, y: CONSTANT + x * CONSTANT,
    "constant on the right": lambda x, y: (x + CONSTANT) * y + CONSTANT @ y.T @ x,
    "constant that broadcasts": lambda x, y: CONSTANT + x[0],
    "blend of a constant": lambda x, y: (
        blend(sigmoid(x), CONSTANT, y) + blend(sigmoid(x), x, CONSTANT)
    ),
    "blend by a constant": lambda x, y: blend(
        Dual(CONSTANT) if isinstance(x, Dual) else CONSTANT, x, y
    ),
}
OPERATIONS = {**MOVING, **WITH_CONSTANTS}

each = pytest.mark.parametrize("f", OPERATIONS.values(), ids=OPERATIONS)


def operands(seed: int = 0) -> list[Any]:
    """Two arrays (2, 3) and a direction for each."""
    return list(np.random.default_rng(seed).uniform(-2, 2, (4, 2, 3)))


@each
def test_tangent_is_the_derivative_along_the_direction(f: Callable[..., Any]) -> None:
    x, y, dx, dy = operands()
    found = f(Dual(x, dx), Dual(y, dy))
    complex_step = f(x + 1j * STEP * dx, y + 1j * STEP * dy)
    assert found.shape == found.tangent.shape == complex_step.shape
    assert np.array_equal(found.value, f(x, y))
    np.testing.assert_allclose(
        found.tangent, complex_step.imag / STEP, rtol=32 * float64.unit_roundoff
    )


@pytest.mark.uncounted
@pytest.mark.parametrize("f", MOVING.values(), ids=MOVING)
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_tangent_over_balls_holds_the_derivative_and_little_else(
    f: Callable[..., Any], fmt: Format
) -> None:
    mode = Rounding(fmt)
    x, y, dx, dy = (fmt.cast(a).astype(np.float64) for a in operands(1))
    lifted = [Ball.exact(mode, a) for a in (x, y, dx, dy)]
    found = f(Dual(lifted[0], lifted[2]), Dual(lifted[1], lifted[3])).tangent
    exact = f(x + 1j * STEP * dx, y + 1j * STEP * dy).imag / STEP
    assert (np.abs(exact - found.mid) <= found.radius).all()
    assert (found.radius < 256 * fmt.unit_roundoff * (1 + np.abs(found.mid))).all()


def test_constant_stays_a_constant() -> None:
    x, y, *_ = operands()
    for f in OPERATIONS.values():
        assert f(Dual(x), Dual(y)).tangent is None


def test_catches_a_gate_whose_own_movement_is_left_out_of_the_blend() -> None:
    x, y, dx, dy = operands()
    gate = sigmoid(Dual(x, dx))
    whole = blend(gate, Dual(x, dx), Dual(y, dy)).tangent
    held = blend(Dual(gate.value), Dual(x, dx), Dual(y, dy)).tangent
    np.testing.assert_allclose(whole - held, gate.tangent * (x - y))
    assert not np.allclose(whole, held)
