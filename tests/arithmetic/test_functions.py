"""σ, tanh and the combinations of arrays that the formulas are made of, over plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruverify.arithmetic import (
    FORMATS,
    KAPPA,
    Format,
    bfloat16,
    blend,
    combined_rows,
    diagonal,
    float16,
    floating,
    placed,
    sigmoid,
    tanh,
)
from tests.arithmetic._operands import numbers

every = pytest.mark.parametrize("fmt", FORMATS, ids=str)
FUNCTIONS = {
    "sigmoid": (sigmoid, lambda a: 1 / (1 + mpmath.exp(-a)), 0.0),
    "tanh": (tanh, mpmath.tanh, -1.0),
}


@pytest.mark.uncounted
@every
@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
def test_functions_are_as_accurate_as_the_balls_grant(
    name: str, fmt: Format, data: st.DataObject
) -> None:
    f, exact, _ = FUNCTIONS[name]
    a = data.draw(numbers(fmt))
    found = float(f(fmt.cast([a]))[0])
    with mpmath.workprec(200):
        true = exact(mpmath.mpf(a))
        relative = abs(true) if name == "sigmoid" else 1
        assert (
            abs(mpmath.mpf(found) - true)
            <= KAPPA * fmt.unit_roundoff * relative + fmt.min_subnormal
        )


@every
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_stay_in_range_and_format_wherever(name: str, fmt: Format) -> None:
    f, _, lowest = FUNCTIONS[name]
    found = f(fmt.cast([-fmt.max, -100.0, 0.0, 100.0, fmt.max]))

    assert found.dtype == fmt.dtype
    values = found.astype(float)
    assert (values >= lowest).all()
    assert (values <= 1).all()
    assert values[0] == lowest
    assert values[-1] == 1


@every
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan(name: str, fmt: Format) -> None:
    assert np.isnan(FUNCTIONS[name][0](fmt.cast([np.nan])).astype(float)).all()


@pytest.mark.parametrize("fmt", [float16, bfloat16], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_never_decrease(name: str, fmt: Format) -> None:
    """Over every number of the format."""
    bits = np.arange(2**16, dtype=np.uint16).view(fmt.dtype)
    with np.errstate(invalid="ignore"):
        values = bits.astype(float)
    ordered = np.sort(values[np.isfinite(values)])

    values = FUNCTIONS[name][0](fmt.cast(ordered)).astype(float)
    assert (np.diff(values) >= 0).all()


def test_sigmoid_of_complex_numbers_does_not_overflow() -> None:
    assert np.isfinite(sigmoid(np.array([-800 + 1e-9j, 800 + 1e-9j]))).all()


def test_diagonal_matrices_stand_on_the_last_two_axes() -> None:
    v = np.array([[1.0, 2.0], [3.0, 4.0]])

    assert diagonal(v).tolist() == [[[1, 0], [0, 2]], [[3, 0], [0, 4]]]
    assert diagonal(v[0]).tolist() == [[1, 0], [0, 2]]
    assert diagonal(v[None, :, :1]).tolist() == [[[[1]], [[3]]]]


def test_combined_rows_are_scaled_rows_added_up() -> None:
    random = np.random.default_rng(0)
    d, e, on = random.normal(size=(3, 2, 4))
    W, U = random.normal(size=(2, 4, 4))
    expected = np.stack([np.diag(on[b]) + np.diag(d[b]) @ W + np.diag(e[b]) @ U for b in range(2)])

    np.testing.assert_array_almost_equal_nulp(
        combined_rows((d, W), (e, U), on_diagonal=on), expected, nulp=16
    )
    np.testing.assert_array_equal(combined_rows((d, W)), d[..., None] * W)


@pytest.mark.parametrize("z", [0.0, 1.0])
def test_a_blend_is_one_end_where_the_gate_is_shut_or_open(z: float) -> None:
    one, zero = np.array([3.0]), np.array([-0.1])

    assert blend(np.array([z]), one, zero) == (one if z else zero)


@every
def test_formulas_stay_in_the_format(fmt: Format) -> None:
    a = floating(fmt.cast(np.eye(2)))
    operations: list[Callable[[Any], Any]] = [
        lambda m: m @ m,
        lambda m: m + 1,
        lambda m: 1 - m,
        lambda m: m * m.T,
    ]

    assert {operation(a).dtype for operation in operations} == {fmt.dtype}
    # Only bfloat16 needs an array type of its own.
    assert (type(a) is np.ndarray) == (fmt is not bfloat16)


@every
def test_parts_are_placed_among_zeros_of_their_own_kind(fmt: Format) -> None:
    like = floating(fmt.cast([3.0, 4.0]))
    found = placed(like, (2, 3), (0, like[:1]), ((1, slice(1, 3)), like))

    assert (type(found), found.dtype) == (type(like), fmt.dtype)
    assert found.tolist() == [[3, 3, 3], [0, 3, 4]]


def test_tensors_are_placed_among_tensors() -> None:
    torch = pytest.importorskip("torch")
    like = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    found = placed(like, (2, 2), (1, like))

    assert (found.dtype, found.tolist()) == (torch.float64, [[0, 0], [3, 4]])
    assert torch.autograd.grad(found.sum(), like)[0].tolist() == [1, 1]
