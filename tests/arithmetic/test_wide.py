"""Half formats in float32 arrays: each operation is that of the format itself."""

from __future__ import annotations

import numpy as np
import pytest

from gruverify import bfloat16, float16, float32, float64
from gruverify.arithmetic import Format, emulated, floating, sigmoid, tanh

HALVES = pytest.mark.parametrize("fmt", [float16, bfloat16], ids=str)
RNG = np.random.default_rng(0)


def numbers(fmt: Format, shape: tuple[int, ...] = (4096,)) -> np.ndarray:
    """Numbers of a format, of all sizes between 2^-10 and 2^4."""
    return fmt.cast(RNG.choice([-1, 1], shape) * np.exp2(RNG.uniform(-10, 4, shape)))


@HALVES
def test_elementwise_operations_round_once(fmt: Format) -> None:
    a, b = numbers(fmt), numbers(fmt)
    x, y = emulated(a, fmt), emulated(b, fmt)

    for found, expected in (
        (x + y, a + b),
        (x * y, a * b),
        (1 - x, (1 - a.astype(float)).astype(fmt.dtype)),
        (sigmoid(x), sigmoid(floating(a))),
        (tanh(x), tanh(floating(a))),
    ):
        assert found.dtype == np.float32
        assert np.array_equal(np.asarray(found), expected.astype(np.float32))


@HALVES
def test_a_matrix_product_adds_up_in_float32_and_rounds_once(fmt: Format) -> None:
    a, b = numbers(fmt, (3, 50)), numbers(fmt, (50, 2))

    wide = a.astype(np.float32) @ b.astype(np.float32)
    found = emulated(a, fmt) @ emulated(b, fmt)

    assert np.array_equal(np.asarray(found), wide.astype(fmt.dtype).astype(np.float32))
    assert np.array_equal(np.asarray(found[:1].T), np.asarray(found)[:1].T)


def test_what_is_too_large_becomes_infinite_and_comparisons_are_booleans() -> None:
    large = emulated([65504.0, 1.0], float16)

    assert np.isinf(np.asarray(large * 2)).tolist() == [True, False]
    assert (large > 1).dtype == np.dtype(bool)


def test_wider_formats_are_plain_arrays() -> None:
    assert type(emulated([1.0], float32)) is np.ndarray
    assert emulated([1.0], float64).dtype == np.float64


@HALVES
def test_catches_a_sum_that_is_not_rounded(fmt: Format) -> None:
    one, small = emulated([1.0], fmt), emulated([fmt.unit_roundoff / 2], fmt)

    assert float((one + small)[0]) == 1.0
    assert float((np.asarray(one) + np.asarray(small))[0]) != 1.0
