"""Rounding to the format in which a number is recorded is inside the ball, whatever the number."""

from __future__ import annotations

import numpy as np
import pytest

from gruverify.arithmetic import (
    FORMATS,
    Ball,
    Format,
    Rounding,
    as_recorded,
    float16,
    float32,
    float64,
    is_narrower,
    rounded_to,
    spacing,
    went_on_with,
)


def numbers(fmt: Format) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Numbers of all sizes that the format has, down to 0."""
    rng = np.random.default_rng(0)
    exponents = rng.uniform(fmt.min_exponent - fmt.precision, 2, 2000)
    return np.concatenate([[0.0], rng.choice([-1, 1], 2000) * 2.0**exponents])


@pytest.mark.parametrize("fmt", FORMATS[:3])
def test_what_rounds_to_a_record_is_in_its_ball_and_the_other_way_round(fmt: Format) -> None:
    mode, exact = Rounding(float64), numbers(fmt)
    recorded = fmt.cast(exact).astype(np.float64)

    before = went_on_with(mode, recorded, fmt)
    given = rounded_to(mode, exact, fmt)
    after = as_recorded(Ball(mode, exact), fmt)

    assert (np.abs(exact - before.mid) <= before.radius).all()
    assert (np.abs(recorded - given.mid) <= given.radius).all()
    assert (np.abs(recorded - after.mid) <= after.radius).all()
    assert (after.radius <= spacing(exact, fmt)).all()


def test_the_own_format_adds_nothing_and_an_overflow_everything() -> None:
    mode = Rounding(float32)

    assert went_on_with(mode, [0.1, 1.0], float32).exactly
    assert as_recorded(Ball(mode, np.array([0.1])), float64).exactly
    assert np.isinf(rounded_to(mode, [1e6, 1.0], float16).radius).tolist() == [True, False]


def test_half_of_float16_shows_in_float32_and_bfloat16_is_narrower_than_float16() -> None:
    assert is_narrower(float16, float32)
    assert not is_narrower(float32, float16)
    assert is_narrower(FORMATS[1], float16)
    assert is_narrower(float16, FORMATS[1])


@pytest.mark.parametrize("fmt", FORMATS[2:])
def test_an_ulp_is_the_distance_of_neighbours(fmt: Format) -> None:
    values = fmt.cast(np.array([1.0, 1.5, -3.0, 1e-3, 0.0, 2.0**-1030, 2.0**-140]))

    assert (spacing(values, fmt) == np.abs(np.spacing(values)).astype(np.float64)).all()
