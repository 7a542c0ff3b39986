"""Activation functions over arrays and balls: whatever an implementation in the format makes of
them is in the ball, where nothing can be said nothing is, and slopes hold every secant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gruverify import Format, float16, float32, float64
from gruverify.arithmetic import (
    USUAL,
    Ball,
    Functions,
    Rounding,
    activation_in,
    functions_named,
    in_words,
    with_parameters_exchanged,
)

NDArray = np.ndarray[Any, Any]
FORMATS = [float16, float32, float64]
RAMPS = {
    "relu": (1.0, 0.0, 0.0, np.inf),
    "linear": (1.0, 0.0, -np.inf, np.inf),
    "relu6": (1.0, 0.0, 0.0, 6.0),
    "hard_tanh": (1.0, 0.0, -1.0, 1.0),
    "hard_sigmoid(0.2, 0.5)": (0.2, 0.5, 0.0, 1.0),
    "hard_sigmoid(1/6, 0.5)": (1 / 6, 0.5, 0.0, 1.0),
    "hard_sigmoid(0.7, 0.3)": (0.7, 0.3, 0.0, 1.0),
    "affine(1.3, -0.2)": (1.3, -0.2, -np.inf, np.inf),
    "affine(-2.7, 0.1)": (-2.7, 0.1, -np.inf, np.inf),
}
WORDS = [
    *RAMPS,
    "leaky_relu(0.01)",
    "leaky_relu(1.7)",
    "thresholded_relu(1)",
    "thresholded_relu(0.3)",
    "elu(1)",
    "elu(0.4)",
    "scaled_tanh(1.7159, 2/3)",
    "scaled_tanh(-0.3, -4)",
    "softsign",
    "softplus",
]


def ways(word: str, x: NDArray) -> Iterator[NDArray]:
    """How libraries compute a function, every operation in x's format."""
    number = x.dtype.type
    name, _, inside = word.partition("(")
    given = [eval(each) for each in inside.rstrip(")").split(",") if each]
    first, last = (number(each) for each in (*given, 0, 0)[:2])
    match name:
        case "leaky_relu":
            yield np.where(x >= 0, x, first * x)
        case "thresholded_relu":
            yield np.where(x > first, x, number(0))
            yield np.where(x >= first, x, number(0))
        case "elu":
            yield np.where(x >= 0, x, first * (np.exp(x) - number(1)))
            yield np.where(x >= 0, x, first * np.expm1(x))
        case "scaled_tanh":
            yield first * np.tanh(last * x)
        case "softsign":
            yield x / (number(1) + np.abs(x))
        case "softplus":
            yield np.log(number(1) + np.exp(x))
            yield np.log1p(np.exp(x))
            yield np.logaddexp(x, number(0))
        case _:
            yield from ramps(*RAMPS[word], x)


def ramps(alpha: float, beta: float, low: float, high: float, x: NDArray) -> Iterator[NDArray]:
    """As written, and as relu6(x + 3) / 6 is."""
    number = x.dtype.type
    yield np.clip(number(alpha) * x + number(beta), number(low), number(high))
    if beta and alpha > 0:
        inner = np.clip(x + number(beta / alpha), number(low / alpha), number(high / alpha))
        yield inner / number(1 / alpha)
        yield inner * number(alpha)


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("word", WORDS)
def test_whatever_a_library_makes_of_it_is_in_the_ball(word: str, fmt: Format) -> None:
    f, mode, rng = activation_in(word), Rounding(fmt), np.random.default_rng(0)
    special = [0.0, 1, -1, 3, -3, 2.5, -2.5, 6, 0.3, -0.0]
    drawn = [scale * rng.standard_normal(1000) for scale in (1e-4, 1e-2, 1, 5, 30)]
    x = fmt.cast(np.concatenate([*drawn, special]))
    for spread in (0.0, 1e-3, 0.3):
        mid = x + spread * rng.uniform(-1, 1, x.shape)
        ball = f(Ball(mode, mid, np.abs(mid - x.astype(float)) if spread else None))
        with np.errstate(all="ignore"):
            for found in ways(word, x):
                there = np.isfinite(found)
                error = np.abs(found.astype(float) - ball.mid)
                assert (error[there] <= ball.radius[there]).all()
        if not spread and not word.startswith("thresholded"):
            size = np.abs(ball.mid) + np.abs(x.astype(float)) + 1
            assert (ball.radius <= 16 * fmt.unit_roundoff * size)[np.abs(x) < 8].all()


@pytest.mark.parametrize("word", WORDS)
def test_slopes_hold_every_secant(word: str) -> None:
    f, rng = activation_in(word), np.random.default_rng(1)
    low = 4 * rng.standard_normal(2000)
    high = low + rng.exponential(2.0, low.shape) ** 3
    ball = Ball(Rounding(float64), (low + high) / 2, (high - low) / 2)

    slope = f.times_slope(Ball.exact(Rounding(float64), np.ones(low.shape)), ball, f(ball))

    for _ in range(20):
        one, other = (rng.uniform(low, high) for _ in range(2))
        secant = (f(one) - f(other)) / (one - other)
        jumps = np.zeros(low.shape, bool)
        if word.startswith("thresholded"):
            jumps = (f(one) == 0) != (f(other) == 0)
        error = np.abs(secant - slope.mid) - 1e-9 * (1 + 1 / np.abs(one - other))
        assert (error <= slope.radius)[~jumps].all()
        assert (np.abs(secant) <= f.steepest + 1e-9 * (1 + 1 / np.abs(one - other))).all()


def test_where_a_hard_sigmoid_is_flat_its_argument_does_not_matter() -> None:
    f, mode = activation_in("hard_sigmoid(0.2, 0.5)"), Rounding(float32)

    ball = f(Ball(mode, np.array([-9.0, 9.0]), np.array([3.0, 3.0])))

    assert ball.mid.tolist() == [0.0, 1.0]
    assert (ball.radius <= [0.0, 2 * mode.u]).all()


def test_nothing_is_claimed_at_a_jump_and_all_of_it_beside() -> None:
    f, mode = activation_in("thresholded_relu(0.5)"), Rounding(float32)
    x = np.array([0.5, 0.5 * (1 - mode.u), 0.5 * (1 + mode.u), 0.4, 0.6])

    ball = f(Ball(mode, x))

    assert (ball.radius[:3] >= 0.5 * (1 - mode.u)).all()
    assert (ball.radius[3:] == 0).all()


def test_nothing_is_known_of_softplus_where_the_exponential_overflows() -> None:
    ball = activation_in("softplus")(Ball(Rounding(float16), np.array([5.0, 12.0])))

    assert np.isfinite(ball.radius).tolist() == [True, False]


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("hard_sigmoid(0.2, 0.5)", "hard_sigmoid 0.2x + 0.5"),
        ("HARD_SIGMOID( 1/6 , .5 )", "hard_sigmoid x/6 + 0.5"),
        ("affine(2, -1)", "affine 2x - 1"),
        ("relu", "relu"),
        ("leaky_relu(0.01)", "leaky_relu 0.01"),
        ("scaled_tanh(2, 0.5)", "scaled_tanh 2tanh(0.5x)"),
    ],
)
def test_functions_are_said_as_they_are_written(word: str, words: str) -> None:
    assert str(activation_in(word)) == words


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("gelu,tanh", "gelu is not modelled here: choose from sigmoid, tanh, relu,"),
        ("hard_sigmoid,tanh", "hard_sigmoid(0.2, 0.5) is that of ONNX and Keras 2"),
        ("leaky_relu,tanh", "leaky_relu(0.2) that of Keras"),
        ("sigmoid(1),tanh", "sigmoid has the parameters none, and 1 are given"),
        ("sigmoid", "names 1 functions: that of both gates and that of the candidate are wanted"),
        ("hard_sigmoid(a,b),tanh", "numbers are wanted, such as 0.2 or 1/6"),
        ("hard_sigmoid(1/0,b),tanh", "numbers are wanted, such as 0.2 or 1/6"),
        ("hard_sigmoid(-1,0.5),tanh", "hard_sigmoid has alpha=-1, which must be above 0"),
        ("elu(inf),tanh", "elu has alpha=inf, which must be finite"),
        ("affine(0,1),tanh", "affine has alpha=0, which makes it a constant"),
        ("si gmoid,tanh", "activation 'si gmoid' must be a name, or NAME(NUMBER, NUMBER)"),
    ],
)
def test_catches_functions_that_are_none(said: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        functions_named(said)


def test_each_direction_has_functions() -> None:
    hard, relu = activation_in("hard_sigmoid(0.2, 0.5)"), activation_in("relu")

    assert functions_named("sigmoid,tanh", 2) == (USUAL, USUAL)
    both = functions_named("sigmoid,tanh,hard_sigmoid(0.2, 0.5),relu", 2)
    assert both == (USUAL, Functions(hard, relu))
    assert in_words(both) == "sigmoid and tanh; backward hard_sigmoid 0.2x + 0.5 and relu"


def test_a_state_has_a_range_where_the_candidate_has_one_and_the_gates_are_in_0_to_1() -> None:
    ranges = {
        said: functions_named(said)[0].scale
        for said in ("sigmoid,tanh", "hard_sigmoid(0.2,0.5),relu6", "sigmoid,relu", "tanh,tanh")
    }

    assert list(ranges.values()) == [2.0, 6.0, None, None]


def test_alpha_and_beta_are_exchanged_where_there_are_both() -> None:
    exchanged = with_parameters_exchanged(activation_in("hard_sigmoid(0.2, 0.5)"))

    assert exchanged == activation_in("hard_sigmoid(0.5, 0.2)")
    assert with_parameters_exchanged(activation_in("relu")) == activation_in("relu")


def test_functions_of_their_own_are_evaluated_over_arrays_and_balls_alone() -> None:
    with pytest.raises(TypeError, match="relu is evaluated over arrays and balls, not list"):
        activation_in("relu")([1.0])
