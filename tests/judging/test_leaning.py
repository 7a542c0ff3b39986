"""Errors that lean: 64 units of roundoff that no bound sees are found in what all steps have in
common, and right runs are not accused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Stack, Variant, float32, float64
from gruverify.arithmetic import Format
from gruverify.backends import NumpyBackend
from gruverify.judging import Ruling, _errors, _leaning, judge
from gruverify.judging._suspects import Suspect
from gruverify.reporting import ruling_lines
from gruverify.testing import assert_gru_close

from ._runs import NDArray, Run, run

#: NumPy's σ and tanh (docs/tolerances.md).
MEASURED: dict[Format, dict[str, Any]] = {
    float32: {"kappa_sigma": 5, "kappa_tanh": 2},
    float64: {"kappa_sigma": 3, "kappa_tanh": 2},
}
H = 8
WEIGHT = "weight_hh[17, 3] (candidate of unit 1)"
SLICE = "bias_hh of the update gate"
#: What is multiplied, by the name under which it is to be found.
PLACES: dict[str, tuple[tuple[str, ...], Any]] = {
    WEIGHT: (("weight_hh",), (17, 3)),
    SLICE: (("bias_hh",), slice(H, 2 * H)),
    "all of the reset gate": (("weight_ih", "weight_hh", "bias_ih", "bias_hh"), slice(0, H)),
}


def usual(fmt: Format = float32, reset: Any = "after", **given: Any) -> Run:
    """A hundred steps of a layer as PyTorch draws it."""
    given = {"T": 100, "B": 4, "seed": 1, **given}
    return run(H, 4, fmt=fmt, variant=Variant(reset), reach=0.35, **given)


def another(one: Run, along: str) -> NDArray:
    """What our formulas return if what is named is 64 u larger."""
    fmt, (names, at) = one.stack.format, PLACES[along]
    arrays = {name: array.copy() for name, array in one.cell.packed().items()}
    for name in names:
        arrays[name][at] *= fmt.cast(1 + 64 * fmt.unit_roundoff)
    stack = Stack(((Cell(one.cell.variant, **arrays),),))
    return NumpyBackend().stack(stack, one.inputs, one.state, None, False)[0]


def judged(one: Run, outputs: NDArray, **given: Any) -> Ruling:
    measured = MEASURED[one.stack.format]
    return judge(one.cell, one.inputs, outputs, state=one.state, **measured, **given)


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", [float32, float64])
@pytest.mark.parametrize(
    ("along", "reset"), [(WEIGHT, "before"), *((along, "after") for along in PLACES)]
)
def test_catches_64_u_that_no_bound_sees(along: str, reset: Any, fmt: Format) -> None:
    one = usual(fmt, reset)

    ruling = judged(one, another(one, along))

    assert (ruling.verdict, ruling.beyond) == ("undecidable", 0)
    assert ruling.leaning is not None
    assert ruling.leaning.along == along
    assert abs(ruling.leaning.units - 64) < 4 * ruling.leaning.error < 16
    assert judged(one, one.outputs).leaning is None


def test_of_a_long_record_steps_all_along_tell_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    one = usual(float64, T=200)
    monkeypatch.setattr(_errors, "_SEEN", 5000)
    monkeypatch.setattr(_leaning, "_NUMBERS", 3200)

    for along in PLACES:
        leaning = judged(one, another(one, along)).leaning
        assert leaning is not None
        assert leaning.along == along


def one_by_one(x: NDArray, W: NDArray) -> NDArray:
    """The product with Wᵀ, term by term."""
    total = np.zeros((len(x), len(W)), x.dtype)
    for column, weights in zip(x.T, W.T, strict=True):
        total = total + column[:, None] * weights
    return total


def leans(f: Callable[[NDArray], NDArray], wave: float) -> Callable[[NDArray], NDArray]:
    """A function that is wrong by up to 3 u, one way for long."""

    def found(a: NDArray) -> NDArray:
        most = 3 * np.finfo(a.dtype).eps / 2
        exact = f(a.astype(np.longdouble))
        return (exact * (1 + most * np.cos(wave * a))).astype(a.dtype)

    return found


def ours(cell: Cell, x: NDArray, wave: float) -> NDArray:
    """A right GRU whose sums are added up one by one, and whose functions lean."""
    σ, tanh = leans(lambda a: 1 / (1 + np.exp(-a)), wave), leans(np.tanh, wave)
    W, U, b, c = cell.packed().values()
    h, outputs = np.zeros((x.shape[1], H), x.dtype), list[NDArray]()
    for x_t in x:
        of_x, of_h = one_by_one(x_t, W) + b, one_by_one(h, U) + c
        r, z = np.split(σ(of_x[:, : 2 * H] + of_h[:, : 2 * H]), 2, axis=1)
        n = tanh(of_x[:, 2 * H :] + r * of_h[:, 2 * H :])
        h = n + z * (h - n)
        outputs.append(h)
    return np.stack(outputs)


#: Inputs (T, B, I) under which right runs repeat themselves, or rest.
INPUTS: dict[str, Callable[[NDArray], NDArray]] = {
    "any": lambda x: x,
    "one input throughout": lambda x: np.broadcast_to(x[:1], x.shape),
    "silence": lambda x: 0 * x,
    "two inputs": lambda x: x[np.arange(len(x)) % 2],
    "ever larger": lambda x: x[:1] * np.linspace(0, 1, len(x), dtype=x.dtype)[:, None, None],
}


@pytest.mark.uncounted
@pytest.mark.parametrize(("fmt", "wave"), [(float32, 1.5), (float64, 0)])
@pytest.mark.parametrize("inputs", INPUTS)
def test_right_runs_that_repeat_themselves_are_not_accused(
    inputs: str, fmt: Format, wave: float
) -> None:
    one = usual(fmt)
    x = INPUTS[inputs](one.inputs)

    ruling = judge(one.cell, x, ours(one.cell, x, wave))

    assert (ruling.beyond, ruling.leaning) == (0, None)
    assert ruling.verdict == "rounding"


def test_nor_are_records_in_fewer_digits_that_repeat_themselves() -> None:
    one = usual(T=300)
    x = INPUTS["two inputs"](one.inputs)

    ruling = judge(one.cell, x, ours(one.cell, x, 1.5).astype(np.float16), **MEASURED[float32])

    assert (ruling.verdict, ruling.leaning) == ("rounding", None)


def test_what_one_number_alone_shows_is_nothing_that_steps_have_in_common(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = run(32, 4, 40, reach=0.35)
    outputs = one.outputs.copy()
    outputs[-1, -1, 0] += np.float32(6e-7)

    def last(steps: _errors.Steps) -> NDArray:
        """The last number, a thousand times as much as others of the unit."""
        part = np.zeros_like(steps.a.h)
        part[:, 0], part[-1, 0] = 1e-3, 1
        return part

    def right(steps: _errors.Steps, count: int) -> list[NDArray]:
        """The others are right there."""
        return [steps.errors * (1 - last(steps))] * (count - 1) + [steps.errors * 0.1]

    suspect = Suspect("the last number", 1.0, 2, False, last)
    monkeypatch.setattr(_leaning, "suspects_of", lambda _steps, _errors: ([suspect], 1))
    monkeypatch.setattr(_errors.Steps, "of_right_runs", right)
    ruling = judged(one, outputs)

    assert (ruling.verdict, ruling.leaning) == ("rounding", None)


def test_of_one_step_of_one_member_nothing_is_said() -> None:
    one = usual(T=1, B=1)

    assert judged(one, another(one, WEIGHT)).leaning is None


def test_what_leans_fails_a_test_unless_that_is_left_out() -> None:
    one = usual()
    outputs = another(one, WEIGHT)
    given = {"state": one.state, **MEASURED[float32]}

    with pytest.raises(AssertionError, match=r"errors lean\n.*\n  the errors follow weight_hh\[17"):
        assert_gru_close(one.cell, one.inputs, outputs, **given)
    assert_gru_close(one.cell, one.inputs, outputs, leaning=False, **given)


@pytest.mark.uncounted
def test_the_lines_say_what_it_follows_and_how_often_by_chance() -> None:
    one = usual()

    first, _, second, third = ruling_lines(judged(one, another(one, WEIGHT)))

    assert first == "undecidable: all 3,200 numbers are within their bounds, but their errors lean"
    assert second.startswith(f"the errors follow {WEIGHT}, as if it were 6")
    assert " u larger than in the file: by chance in one of 10^" in second
    assert third == "it is a bug if sums add up in float64: declare accumulates='float64'"
    declared: dict[str, Any] = {**MEASURED[float32], "accumulates": "float64"}
    assert judge(one.cell, one.inputs, another(one, WEIGHT), **declared).verdict == "bug"


def test_where_inner_layers_are_not_recorded_it_is_not_looked_for_and_that_is_said() -> None:
    two = run(3, 2, 20, layers=2)

    last = judge(two.stack, two.inputs, two.outputs, state=two.state, kappa_sigma=5)

    assert (last.verdict, last.unsought) == ("rounding", "what layer 1 reads is not recorded")
    assert judged(usual(T=5), usual(T=5).outputs).unsought == ""
