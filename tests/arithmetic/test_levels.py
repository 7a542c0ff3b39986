"""The ladder: what a gate or a candidate of a format is at each of its levels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest

from gruverify.arithmetic import FORMATS, Band, Format, candidate_bands, gate_bands

every = pytest.mark.parametrize("fmt", FORMATS, ids=str)

#: What the true gate is at a level. To round to 1 it must be within a quarter of the last place
#: below 1.
GATE: dict[str, Callable[[Format, mpmath.mpf], bool]] = {
    "0": lambda f, z: z <= mpmath.mpf(f.min_subnormal) / 2,
    "subnormal": lambda f, z: mpmath.mpf(f.min_subnormal) / 2 < z < f.min_normal,
    "tiny": lambda f, z: f.min_normal <= z <= f.unit_roundoff,
    "low": lambda f, z: f.unit_roundoff < z <= 1 / (1 + mpmath.exp(2)),
    "mid": lambda f, z: abs(mpmath.log(z / (1 - z))) <= 2,
    "high": lambda f, z: f.unit_roundoff <= 1 - z <= 1 / (1 + mpmath.exp(2)),
    "rounding": lambda f, z: f.unit_roundoff / 2 <= 1 - z <= f.unit_roundoff,
    "1": lambda f, z: 1 - z <= f.unit_roundoff / 2,
}
CANDIDATE: dict[str, Callable[[Format, mpmath.mpf], bool]] = {
    "-1": lambda f, c: 1 + c <= f.unit_roundoff / 2,
    "-high": lambda f, c: f.unit_roundoff / 2 <= 1 + c and mpmath.atanh(c) <= -1.5,
    "-mid": lambda f, c: -1.5 <= mpmath.atanh(c) <= 0,
    "mid": lambda f, c: 0 <= mpmath.atanh(c) <= 1.5,
    "high": lambda f, c: f.unit_roundoff / 2 <= 1 - c and mpmath.atanh(c) >= 1.5,
    "1": lambda f, c: 1 - c <= f.unit_roundoff / 2,
}


def ends(band: Band, fmt: Format) -> list[float]:
    """Pre-activations just inside a band, and its middle; where it has no end, far out.

    "Just" is what the thresholds neglect: they take 1 + exp(-a) for 1.
    """
    inside = max(4 * fmt.unit_roundoff, 2.0**-20)
    low, high = (math.copysign(2000.0, end) if math.isinf(end) else end for end in band)
    width = high - low
    return [low + inside * min(width, 1.0), (low + high) / 2, high - inside * min(width, 1.0)]


def gate(a: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-a))


@pytest.mark.uncounted
@every
@pytest.mark.parametrize(
    ("bands", "levels", "true"),
    [(gate_bands, GATE, gate), (candidate_bands, CANDIDATE, mpmath.tanh)],
    ids=["gate", "candidate"],
)
def test_each_is_what_its_level_says(bands: Any, levels: Any, true: Any, fmt: Format) -> None:
    found = bands(fmt)
    assert list(found) == list(levels)
    with mpmath.workprec(8000):
        for level, band in found.items():
            for a in ends(band, fmt):
                assert levels[level](fmt, true(mpmath.mpf(a))), (level, a)


@every
@pytest.mark.parametrize("bands", [gate_bands, candidate_bands])
def test_levels_follow_each_other_over_all_numbers(
    bands: Callable[[Format], dict[str, Band]], fmt: Format
) -> None:
    found = list(bands(fmt).values())

    assert [high for _, high in found[:-1]] == [low for low, _ in found[1:]]
    assert (found[0][0], found[-1][1]) == (-math.inf, math.inf)
