"""Numbers that were written in text and read back."""

from __future__ import annotations

import numpy as np
import pytest

from gruverify.arithmetic import Ball, Format, Rounding, decimals_of, float32, float64

WRITTEN = {
    "%.1f": "1 decimal",
    "%f": "6 decimals",
    "%g": "6 significant digits",
    "%.3e": "4 significant digits",
}


@pytest.mark.parametrize("fmt", [float32, float64], ids=str)
@pytest.mark.parametrize("text", WRITTEN)
def test_how_they_were_written_is_found_and_they_are_within_half_a_digit(
    text: str, fmt: Format
) -> None:
    rng = np.random.default_rng(0)
    own = fmt.cast(rng.normal(size=500) * 10.0 ** rng.uniform(-3, 0, 500))
    read = fmt.cast([float(text % value) for value in own])

    ways = list(decimals_of(read, fmt))

    [way] = [way for way in ways if str(way) == WRITTEN[text]]
    ball = way.read_back(Ball.exact(Rounding(fmt), read), fmt)
    error = np.abs(ball.mid - own.astype(np.float64))
    assert (error <= ball.radius).all()
    # Half a unit of the last digit is attained, and no more is allowed for.
    assert (error / ball.radius).max() > 0.97


def test_numbers_with_all_their_digits_were_not_written_with_fewer() -> None:
    own = np.random.default_rng(0).normal(size=50)

    for fmt in (float32, float64):
        read = fmt.cast([float(f"{value:.17g}") for value in fmt.cast(own)])
        assert not list(decimals_of(read, fmt))
    assert not list(decimals_of(np.zeros(5), float64))
