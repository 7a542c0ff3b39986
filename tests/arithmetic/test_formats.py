"""Formats: three integers each, from which everything else follows."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest
from hypothesis.vendor.pretty import pretty

from gruverify.arithmetic import (
    FORMATS,
    Format,
    bfloat16,
    float16,
    float32,
    float64,
    format_named,
    format_of,
    formats_named,
)

every = pytest.mark.parametrize("fmt", FORMATS, ids=str)


def limits(fmt: Format) -> Any:
    return ml_dtypes.finfo(fmt.dtype) if fmt is bfloat16 else np.finfo(fmt.dtype)


@every
def test_numbers_are_those_of_the_dtype(fmt: Format) -> None:
    assert fmt.max == float(limits(fmt).max)
    assert fmt.min_normal == float(limits(fmt).smallest_normal)
    assert fmt.min_subnormal == float(limits(fmt).smallest_subnormal)
    assert 2 * fmt.unit_roundoff == float(limits(fmt).eps)


@every
def test_the_unit_roundoff_is_half_an_ulp_of_one(fmt: Format) -> None:
    assert float(fmt.cast(1 + fmt.unit_roundoff)) == 1.0
    assert float(fmt.cast(1 + 1.5 * fmt.unit_roundoff)) > 1.0


def rounds_to_one(fmt: Format, value: mpmath.mpf) -> bool:
    """Whether a number of any precision below 1 is nearest to 1."""
    return bool(1 - value <= mpmath.mpf(2) ** -(fmt.precision + 1))


@every
def test_thresholds_are_where_the_true_functions_change(fmt: Format) -> None:
    # The thresholds take 1 + exp(-a) for 1, which shows in the coarse formats.
    step = max(2 * fmt.unit_roundoff, 2.0**-20)
    with mpmath.workprec(4000):
        for factor, changed in ((1 - step, False), (1 + step, True)):
            gate = lambda a: 1 / (1 + mpmath.exp(-a))  # noqa: E731
            assert rounds_to_one(fmt, gate(fmt.sigmoid_rounds_to_one * factor)) == changed
            assert rounds_to_one(fmt, mpmath.tanh(fmt.tanh_saturates * factor)) == changed
            assert (
                bool(gate(fmt.sigmoid_underflows * factor) < mpmath.mpf(fmt.min_subnormal) / 2)
                == changed
            )
            assert bool(mpmath.exp(-fmt.sigmoid_flushes * factor) > fmt.max) == changed
            # 1 + exp(-a) rounds to 1 once exp(-a) is at most half an ulp of 1.
            assert bool(mpmath.exp(-fmt.sigmoid_saturates * factor) <= fmt.unit_roundoff) == changed


@every
def test_a_format_is_found_by_its_names_and_its_dtype(fmt: Format) -> None:
    assert format_named(fmt.name) is format_named(fmt.short) is format_of(fmt.dtype) is fmt


@pytest.mark.parametrize(
    "given",
    ["f32,float16 , f32", ["f32", float16, "float32"], (float32, "f16")],
    ids=["text", "list", "tuple"],
)
def test_formats_are_found_one_by_one_and_no_one_twice(given: Any) -> None:
    assert formats_named(given) == (float32, float16)


def test_catches_something_that_is_no_format_among_them() -> None:
    with pytest.raises(ValueError, match="format='f8' is unknown"):
        formats_named("f32,f8")
    with pytest.raises(ValueError, match="format='3' is unknown"):
        formats_named([float32, 3])  # type: ignore[list-item]


def test_hypothesis_prints_a_format_as_its_name() -> None:
    assert pretty(float32) == "gruverify.float32"


@every
def test_casting_rounds_to_nearest(fmt: Format) -> None:
    cast = fmt.cast([0.1, 1 / 3])

    assert cast.dtype == fmt.dtype
    for value, exact in zip(cast, (Fraction(0.1), Fraction(1 / 3)), strict=True):
        assert abs(Fraction(float(value)) - exact) <= Fraction(fmt.unit_roundoff) * exact


def test_formats_go_from_coarse_range_to_fine() -> None:
    assert (float16, bfloat16, float32, float64) == FORMATS
    assert repr(float32) == "gruverify.float32"
    assert math.log2(bfloat16.unit_roundoff) == -8


@pytest.mark.parametrize("name", ["f8", "", "Float32", "double"])
def test_an_unknown_name_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(
        ValueError,
        match=rf"format='{name}' is unknown: choose from float16 \(f16\), .*float64 \(f64\)",
    ):
        format_named(name)


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.complex128, np.longdouble])
def test_another_dtype_is_no_format(dtype: Any) -> None:
    with pytest.raises(
        ValueError, match="is not a format gruverify knows: choose from float16, bfloat16"
    ):
        format_of(dtype)
