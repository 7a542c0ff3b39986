"""Right implementations, one more each time: each within the bounds of its format, no two alike."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from gruverify import Variant
from gruverify.arithmetic import (
    DRAWS,
    FORMATS,
    Ball,
    Format,
    NDArray,
    Rounding,
    chance,
    in_any_order,
)
from gruverify.cell import Reset, unpack
from gruverify.formulas import step


@pytest.mark.parametrize("reset", ["after", "before"])
@pytest.mark.parametrize("fmt", FORMATS)
def test_each_draw_is_another_right_implementation(fmt: Format, reset: Reset) -> None:
    rng, H = np.random.default_rng(0), 6
    packed = {
        "weight_ih": rng.normal(size=(3 * H, 5)),
        "weight_hh": rng.normal(size=(3 * H, H)),
        "bias_ih": rng.normal(size=3 * H),
        "bias_hh": rng.normal(size=3 * H),
    }
    given = {name: fmt.cast(array).astype(np.float64) for name, array in packed.items()}
    x, h = (fmt.cast(rng.uniform(-1, 1, (20, n))).astype(np.float64) for n in (5, H))
    mode, v, p = Rounding(fmt), Variant(reset), unpack(given, H)
    exact = p.map(partial(Ball.exact, mode))
    ball = step(v, exact, Ball.exact(mode, x), Ball.exact(mode, h))

    found = list[NDArray]()
    for _ in range(8):
        lift = in_any_order(mode, rng)
        after = step(v, p.map(lift), lift(x), lift(h))
        found.append(fmt.cast(after.value).astype(np.float64))

    assert all((np.abs(one - ball.mid) <= ball.radius).all() for one in found)
    assert len({one.tobytes() for one in found}) == len(found)


def test_chance_is_no_less_than_what_students_t_has_beyond() -> None:
    s = np.linspace(0, 400, 2_000_001)
    density = (1 + s * s / DRAWS) ** (-(DRAWS + 1) / 2)
    beyond = np.cumsum(density[::-1])[::-1] / density.sum()

    for times in (1.0, 2.0, 5.0, 9.0, 20.0):
        tail = beyond[np.searchsorted(s, times)]
        assert tail <= chance(times, 1, DRAWS) < 3 * tail * times
    assert chance(9.0, 1000, DRAWS) == 1000 * chance(9.0, 1, DRAWS)
    assert chance(0.0, 1, DRAWS) == chance(2.0, 10**6, DRAWS) == chance(1e6, 1, 4) == 1.0
