"""Last states of which nothing else is recorded; and what is clipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Variant
from gruverify.arithmetic import Ball, Rounding, float16, float32
from gruverify.backends import NumpyBackend
from gruverify.judging import record, rule, rule_last

from ._runs import KAPPA, Run, run


def last_of(given: Run, lengths: Any = None) -> dict[int, Any]:
    """The last states (D, B, H) of every layer."""
    _, last = NumpyBackend().stack(given.stack, given.inputs, given.state, lengths, False)
    states = last.reshape(given.stack.layers, given.stack.directions, *last.shape[1:])
    return dict(enumerate(states))


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("lengths", [None, [5, 1]])
def test_last_states_are_held_from_the_initial_ones(directions: int, lengths: Any) -> None:
    given = run(T=5, layers=2, directions=directions, reach=0.5, lengths=lengths)
    last = last_of(given, None if lengths is None else np.array(lengths))
    found = record(given.stack, given.inputs, None, state=given.state, lengths=lengths)

    right = rule_last(found, last, KAPPA)
    last[0][0, 1, 2] += 2.0**-12
    wrong = rule_last(found, last, KAPPA)

    assert (right.verdict, right.claimed) == ("rounding", right.entries)
    assert right.entries == 4 * 3 * directions
    assert (wrong.verdict, wrong.beyond) == ("bug", 1)
    assert wrong.first is not None
    assert (wrong.first.layer, wrong.first.member, wrong.first.unit) == (0, 1, 2)


def test_another_reading_explains_last_states() -> None:
    given = run(T=2, H=4)
    other = Cell(Variant("before"), *given.cell.packed().values())
    found = record(other, given.inputs, None, state=given.state)

    ruling = rule_last(found, last_of(given), KAPPA)

    assert ruling.cause is not None
    assert ruling.cause.words == "reset gate applied after the product"


def test_of_a_long_run_of_large_weights_nothing_is_claimed() -> None:
    given = run(T=60, H=6, reach=6.0)
    found = record(given.stack, given.inputs, None, state=given.state, format="float16")

    ruling = rule_last(found, last_of(given), KAPPA)

    assert ruling.verdict == "undecidable"
    assert "what rounding may do on the way to them is not small" in ruling.reasons[0]


@pytest.mark.slow
def test_inner_states_are_held_beside_outputs_of_the_last_layer() -> None:
    given = run(T=3, layers=2, reach=0.5)
    last = last_of(given)
    found = record(given.stack, given.inputs, given.outputs, state=given.state)

    assert rule_last(found, {0: last[0]}, KAPPA).verdict == "rounding"
    assert rule_last(found, {0: last[1]}, KAPPA).verdict == "bug"


@contextmanager
def numpy_clipped(limit: float) -> Iterator[None]:
    """NumPy's σ and tanh with no larger arguments."""
    import gruverify.arithmetic._activation as functions

    with pytest.MonkeyPatch.context() as patch:
        for name in ("sigmoid", "tanh"):
            own = getattr(functions, name)
            patch.setattr(functions, name, lambda a, own=own: own(_clip(a, limit)))
        yield


def _clip(a: Any, limit: float) -> Any:
    return np.clip(a, a.dtype.type(-limit), a.dtype.type(limit))


@pytest.mark.parametrize("side", ["after", "before"])
def test_a_clip_is_heeded_and_its_absence_is_named(side: Any) -> None:
    free = run(variant=Variant(side), H=4, T=30, reach=2.0)
    with numpy_clipped(0.5):
        clipped = run(variant=Variant(side), H=4, T=30, reach=2.0)
    options: Any = {"state": free.state, "clip": 0.5}

    right = rule(record(clipped.stack, clipped.inputs, clipped.outputs, **options), KAPPA)
    without = rule(record(free.stack, free.inputs, free.outputs, **options), KAPPA)

    assert (right.verdict, right.claimed) == ("rounding", right.entries)
    assert without.verdict == "bug"
    assert without.cause is not None
    assert without.cause.words == "clip=0.5 is not applied"


@pytest.mark.parametrize("limit", [0.5, 0.3])
def test_a_clipped_ball_holds_whatever_is_clipped(limit: float) -> None:
    rng = np.random.default_rng(0)
    mid, radius = rng.normal(size=200), rng.uniform(0, 0.4, 200)
    mode = replace(Rounding(float16), clip=limit)
    ball = Ball(mode, mid, radius)
    for _ in range(20):
        a = mid + radius * rng.uniform(-1, 1, 200)
        for function, own in ((Ball.sigmoid, _sigmoid), (Ball.tanh, np.tanh)):
            found = function(ball)
            for edge in (limit, float(float16.cast(np.array(limit)))):
                inside = np.abs(own(np.clip(a, -edge, edge)) - found.mid) <= found.radius
                assert inside.all()
    far = Ball(mode, np.array([9.0]), np.array([1.0])).tanh()
    assert far.radius < 0.01  # all of it is beyond the clip
    unknown = Ball(mode, np.array([0.0]), np.array([np.inf])).tanh()
    assert np.isinf(unknown.radius)


def _sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def test_without_a_clip_nothing_changes() -> None:
    ball = Ball(Rounding(float32), np.array([3.0]), np.array([0.5]))

    assert np.array_equal(ball.tanh().mid, np.tanh([3.0]))


def test_where_no_member_has_a_step_nothing_is_decided() -> None:
    given = run(T=3)
    found = record(given.stack, given.inputs, None, state=given.state, lengths=[0, 0])

    ruling = rule_last(found, {0: given.state[None, 0]}, KAPPA)

    assert (ruling.verdict, ruling.entries) == ("undecidable", 0)
    assert ruling.reasons == ("no step was recorded: every length is 0",)
