"""Curves of affine forms: enclosed by IEEE's operations alone, as lines and parabolas with a proven
remainder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruverify.arithmetic import _curves
from gruverify.arithmetic._curves import SIGMOID, TANH, Bend, Curve, Line, bend_of

TRUE: dict[str, tuple[Curve, Callable[[Any], Any]]] = {
    "sigmoid": (SIGMOID, lambda x: 1 / (1 + mpmath.exp(-x))),
    "tanh": (TANH, mpmath.tanh),
}
ENDS = st.floats(-30, 30) | st.floats(-1, 1) | st.sampled_from([0.0, -0.0, 1e-9, -1e-9])


def exactly(x: float) -> Any:
    return mpmath.mpf(float(x))


@pytest.mark.parametrize("name", TRUE)
@settings(max_examples=25)
@given(x=st.floats(-800, 800) | st.floats(-1e-3, 1e-3) | st.sampled_from([0.0, 1e-300, -5e-324]))
def test_the_true_value_lies_between(name: str, x: float) -> None:
    curve, true = TRUE[name]
    low, high = curve.between(np.array([x]))
    with mpmath.workprec(2500):
        assert exactly(low[0]) <= true(exactly(x)) <= exactly(high[0])
    assert high[0] - low[0] <= 2.0**-46


@pytest.mark.parametrize("x", [1e-5, -1e-5])
def test_small_values_are_known_to_within_their_own_square(x: float) -> None:
    low, high = TANH.between(np.array([x]))
    assert high[0] - low[0] <= abs(x) ** 3
    low, high = SIGMOID.between(np.array([-700.0]))
    assert 0 < low[0] < high[0] < low[0] * (1 + 2.0**-45)


def beyond(bend: Bend, line: Line, curvature: float, c: float, x: float, true: Any) -> Any:
    """By how much the curve is outside of a line or parabola at x."""
    X = exactly(x) - exactly(c)
    found = exactly(line.slope[0]) * X + exactly(line.middle[0]) + exactly(curvature) * X * X
    return abs(true(exactly(x)) - found) - exactly(line.off[0])


def worst_beyond(name: str, a: float, b: float, c: float, shares: list[float]) -> tuple[Any, Any]:
    """Of the line and of the parabola, over some points between the ends and around c."""
    curve, true = TRUE[name]
    low, high = min(a, b), max(a, b)
    bend = bend_of(curve, np.array([low]), np.array([high]), np.array([c]))
    points = [low, high, min(max(c, low), high), min(max(0.0, low), high)]
    for share in shares:
        points.append(min(max(low + share * (high - low), low), high))
    with mpmath.workprec(300):
        off = [beyond(bend, bend.line, 0.0, c, x, true) for x in points]
        bent = [beyond(bend, bend.parabola, bend.curvature[0], c, x, true) for x in points]
    return max(off), max(bent)


SHARES = [0.03, 0.2, 0.21, 0.4, 0.5, 0.6, 0.79, 0.8, 0.97]


@pytest.mark.uncounted
@pytest.mark.parametrize("name", TRUE)
@settings(max_examples=25)
@given(a=ENDS, b=ENDS, c=ENDS, share=st.floats(0, 1))
def test_the_curve_lies_within_its_line_and_its_parabola(
    name: str, a: float, b: float, c: float, share: float
) -> None:
    line, parabola = worst_beyond(name, a, b, c, [*SHARES, share])
    assert line <= 0
    assert parabola <= 0
    line, parabola = worst_beyond(name, a, b, (a + b) / 2, [*SHARES, share])
    assert line <= 0
    assert parabola <= 0


def test_the_remainders_are_those_that_theory_has() -> None:
    """F'' w²/16 of a line, f''' w³/192 of a parabola, w the width, where it is small."""
    at, w = 0.7, 1e-2
    low, high, c = (np.array([x]) for x in (at - w / 2, at + w / 2, at))
    bend = bend_of(TANH, low, high, c)
    t = np.tanh(at)
    assert bend.line.off[0] == pytest.approx(2 * t * (1 - t * t) * w**2 / 16, rel=0.02)
    third = abs((1 - t * t) * (6 * t * t - 2))
    assert bend.parabola.off[0] < 2 * third * w**3 / 192


def test_catches_a_missing_remainder(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _curves._line

    def exact(*given: Any) -> Line:
        line = plain(*given)
        return line._replace(off=0 * line.off)

    monkeypatch.setattr(_curves, "_line", exact)
    assert worst_beyond("sigmoid", -1.0, 2.0, 0.5, SHARES)[0] > 1e-3


def test_catches_a_third_derivative_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = replace(TANH, alpha=5.9)
    monkeypatch.setitem(TRUE, "tanh", (flat, mpmath.tanh))
    assert worst_beyond("tanh", -0.5, 0.5, 0.0, SHARES)[1] > 1e-3
