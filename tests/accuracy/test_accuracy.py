"""Errors of σ, tanh and steps, measured on GRUs whose errors are known."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

pytest.importorskip("flint")

from gruverify import Case, Cell, Variant, backend, bfloat16, float16, float32, float64
from gruverify.accuracy import (
    Accuracy,
    _answers,
    accuracy,
    accuracy_of,
    errors_of,
    shown_functions,
)
from gruverify.accuracy._regimes import regime_of
from gruverify.accuracy._truth import Truth
from gruverify.backends import NumpyBackend
from gruverify.engine import Probe

from ..engine._lesser import LESSER

NUMPY = NumpyBackend()


def sigmas(step: Any, fmt: Any = float32) -> Any:
    """What is shown of the σ of a step."""
    return next(shown_functions(backend(step=step, formats=[fmt]), fmt))


def right(cell: Any, x: Any, h: Any) -> Any:
    return NUMPY.step(cell, x, h)


@pytest.mark.parametrize("fmt", [float16, bfloat16], ids=lambda fmt: fmt.name)
def test_in_a_half_numpys_functions_are_as_good_as_correctly_rounded(fmt: Any) -> None:
    """They are computed in float32, and then rounded once more."""
    for shown in shown_functions(NUMPY, fmt):
        assert 0.4 < shown.worst[0] <= 0.5 + 2.0**-8
        assert shown.percentile(50) <= shown.percentile(99) <= shown.worst[0]
        assert not shown.leaves_range
        assert shown.falls == 0


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", [float32, float64], ids=lambda fmt: fmt.name)
def test_thresholds_are_those_of_the_format(fmt: Any) -> None:
    sigma, tanh = shown_functions(NUMPY, fmt)

    # 1 + exp(-a) is 1 before 1 / (1 + exp(-a)) rounds to it.
    assert sigma.first_one == pytest.approx(-np.log(fmt.unit_roundoff), rel=1e-3)
    assert sigma.first_one < fmt.sigmoid_rounds_to_one
    assert sigma.last_zero == pytest.approx(fmt.sigmoid_underflows, rel=1e-2)
    assert tanh.first_one is not None
    assert tanh.worst[0] < 2


def test_catches_a_sigma_that_is_off_by_so_many_units() -> None:
    """55 units of roundoff are 27.5 to 55 ulp."""
    off = LESSER["σ off by 55 u"].kernel.target(float32)

    sigma = next(shown_functions(off, float32))

    assert 25 <= sigma.worst[0] <= 57


def test_catches_a_tanh_of_float32_in_float64() -> None:
    off = LESSER["tanh in float32"].kernel.target(float64)

    _, tanh = shown_functions(off, float64)

    assert tanh.worst[0] > 2**27


def test_catches_a_gate_that_leaves_its_range_falls_and_is_never_1() -> None:
    def step(cell: Any, x: Any, h: Any) -> Any:
        found = right(cell, x, h)
        return np.where(found == 1, np.nextafter(np.float32(1), np.float32(2)), found)

    def shaking(cell: Any, x: Any, h: Any) -> Any:
        found = right(cell, x, h)
        return np.where(np.abs(x[:, :1]) % 2 < 1, found, found * np.float32(0.99))

    assert sigmas(step).leaves_range
    assert sigmas(step).first_one is None
    assert sigmas(shaking).falls > 10
    assert not sigmas(right).leaves_range


def test_what_is_no_number_is_an_infinite_error() -> None:
    def step(cell: Any, x: Any, h: Any) -> Any:
        return np.where(np.abs(x).max(1, keepdims=True) > 5, np.nan, right(cell, x, h)).astype("f4")

    def never(cell: Any, x: Any, h: Any) -> Any:
        return right(cell, x, h) * np.float32(np.nan)

    assert sigmas(step).worst[0] == np.inf
    assert np.isnan(sigmas(never).range).all()
    assert not sigmas(never).leaves_range


def test_who_starts_from_zeros_shows_tanh_alone() -> None:
    def sequence(cell: Any, inputs: Any, state: Any) -> Any:
        return NUMPY.sequence(cell, inputs, None)

    zeros = backend(sequence=sequence, initial_state=False, variants=[Variant()])

    assert not Probe(zeros, float32).shows_sigma
    assert [shown.function for shown in shown_functions(zeros, float32)] == ["tanh"]


def test_errors_of_steps_are_in_units_of_roundoff() -> None:
    def off(cell: Any, x: Any, h: Any) -> Any:
        return right(cell, x, h) + np.float32(64 * float32.unit_roundoff)

    found = errors_of("step", NUMPY, float32, cases=4, seed=0)
    wrong = errors_of("step", backend(step=off), float32, cases=4, seed=0)

    assert 0 < found.worst < 16
    assert found.refused == 0
    assert 60 < wrong.percentile(50) <= wrong.worst < 80


def rounded_step(cell: Any, x: Any, h: Any) -> Any:
    """The true step, by mpmath, rounded to the format."""
    numbers = np.vectorize(mpmath.mpf, otypes=[object])
    sigma = np.vectorize(lambda a: 1 / (1 + mpmath.exp(-a)), otypes=[object])
    tanh = np.vectorize(mpmath.tanh, otypes=[object])
    with mpmath.workprec(2000):
        p = cell.parameters(lambda array: numbers(array.astype(float)))
        x, h = numbers(x.astype(float)), numbers(h.astype(float))
        r, z = (
            sigma(x @ W.T + b + h @ U.T + d)
            for W, b, U, d in ((p.W_xr, p.b_xr, p.W_hr, p.b_hr), (p.W_xz, p.b_xz, p.W_hz, p.b_hz))
        )
        c = tanh(x @ p.W_xc.T + p.b_xc + r * (h @ p.W_hc.T + p.b_hc))
        return (z * h + (1 - z) * c).astype(float).astype(cell.format.dtype)


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", [float32, float64], ids=lambda fmt: fmt.name)
def test_a_step_that_is_off_by_three_units_is_measured_as_that(fmt: Any) -> None:
    """float64, too, whose digits are far from all that is true."""

    def off(cell: Any, x: Any, h: Any) -> Any:
        close = rounded_step(cell, x, h)
        return close - np.sign(close) * close.dtype.type(3 * fmt.unit_roundoff)

    def errors(step: Any) -> Any:
        return errors_of("step", backend(step=step, variants=[Variant()]), fmt, cases=4, seed=0)

    # Rounding to nearest moves a number below 1 by half a unit at most.
    assert 0 < errors(rounded_step).worst <= 0.5
    wrong = errors(off).errors
    assert wrong.size
    assert (np.abs(wrong - 3) <= 0.5).mean() > 0.9, wrong
    assert wrong.max() <= 4


@pytest.mark.parametrize(
    ("update", "labels", "regime"),
    [
        ("keep", (), "free"),
        ("keep", ("r=0 z=1 c=mid", "z=rounding"), "carry"),
        ("replace", ("r=0 z=0", "z=low"), "carry"),
        ("keep", ("r=0 z=tiny", "r=low z=0"), "forget"),
        ("replace", ("r=1 z=1", "r=high z=1"), "elman"),
        ("keep", ("r=near-u z=near-saturates",) * 2, "near"),
        ("keep", ("r=0 z=1", "r=0 z=mid"), "mixed"),
        ("keep", ("z=0", ""), "mixed"),
    ],
)
def test_the_regime_of_a_case_is_that_of_all_its_units(
    update: Any, labels: tuple[str, ...], regime: str
) -> None:
    cell = Cell(Variant(update=update, biases="none"), np.zeros((6, 1)), np.zeros((6, 2)))
    case = Case(cell, *(np.zeros(shape) for shape in ((1, 1, 1), (1, 2), (1, 1, 2), (1, 2))))

    assert regime_of(replace(case, regimes=labels)) == regime


def test_errors_are_told_apart_by_regime() -> None:
    found = errors_of("step", NUMPY, float32, cases=8, seed=0)

    assert len(found.regimes) > 1
    assert found.worst == max(each.worst for each in found.regimes.values())
    assert found.errors.size == sum(each.errors.size for each in found.regimes.values())
    for regime, each in found.regimes.items():
        assert each.worst_case is not None
        assert isinstance(each.worst_case.case, Case)
        assert regime_of(each.worst_case.case) == regime


def test_what_cancels_takes_more_bits() -> None:
    """1e200 - 1e200 + 1 is 1, and not 0, wherever the 1 stands."""
    one = np.ones((1, 1))
    cell = Cell(
        Variant(),
        weight_ih=np.array([[0, 1e200], [0, 1e200], [1.0, 1e200]]),
        weight_hh=np.zeros((3, 1)),
        bias_ih=np.array([-1e200, -1e200, -1e200]),
        bias_hh=np.zeros(3),
    )
    case = Case(cell, np.ones((1, 1, 2)), 0 * one, np.ones((1, 1, 1)), one)
    true = (1 - 1 / (1 + mpmath.exp(0))) * mpmath.tanh(1)

    found = Truth(case, 2048).next_state

    assert found.rad[0, 0] < 1e-15
    assert found.mid[0, 0] == pytest.approx(float(true), rel=1e-15)
    errors = _answers._errors("step", case, np.array([[float(true)]]))
    assert errors[0] <= 0.5


def test_without_python_flint_sigma_and_tanh_of_narrow_formats_remain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "flint", None)
    for module in ("gruverify.arithmetic.arb", "gruverify.arithmetic._arb"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    narrow, wide = accuracy("numpy", [float32, float64], cases=1)

    assert len(narrow.shown) == 2
    assert not narrow.answers
    assert not wide.answers
    assert not wide.shown
    install = "pip install 'gruverify[arb]'"
    assert narrow.trouble.startswith("σ and tanh alone are measured: ")
    assert narrow.trouble.endswith(install)
    assert wide.trouble.startswith("not measured: ")
    assert wide.trouble.endswith(install)


@pytest.mark.parametrize("method", ["step_jacobian", "sequence_vjp"])
def test_derivatives_of_numpys_formulas_are_off_by_few_units(method: str) -> None:
    found = errors_of(method, NUMPY, float32, cases=4, seed=0)

    assert 0 < found.worst < 64
    assert found.percentile(50) <= found.percentile(99) <= found.worst


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", [float32, float64], ids=lambda fmt: fmt.name)
def test_catches_a_jacobian_and_a_gradient_that_are_off_by_so_many_units(fmt: Any) -> None:
    off = 64 * fmt.unit_roundoff

    def step_jacobian(cell: Any, x: Any, h: Any) -> Any:
        of_state, of_input = NUMPY.step_jacobian(cell, x, h)
        return of_state + of_state.dtype.type(off), of_input

    def sequence_vjp(*given: Any) -> Any:
        found = NUMPY.sequence_vjp(*given)
        largest = max(np.abs(given[3]).max(initial=0.0), np.abs(given[4]).max(initial=0.0))
        return replace(found, inputs=found.inputs + found.inputs.dtype.type(off * largest))

    mine = backend(step=right, step_jacobian=step_jacobian, sequence=NUMPY.sequence)
    jacobian = errors_of("step_jacobian", mine, fmt, cases=4, seed=0)
    gradients = errors_of(
        "sequence_vjp",
        backend(sequence=NUMPY.sequence, sequence_vjp=sequence_vjp),
        fmt,
        cases=4,
        seed=0,
    )

    assert 40 < jacobian.worst < 80
    assert 10 < gradients.worst < 100


def test_the_worst_case_is_a_witness_of_its_target() -> None:
    found = errors_of("step", NUMPY, float32, cases=4, seed=0, target="mine")

    assert found.worst_case is not None
    assert (found.worst_case.target, found.worst_case.invariant) == ("mine", "agreement/step")


def fails(cell: Any, x: Any, h: Any) -> Any:
    raise RuntimeError("no kernel")


def nothing(cell: Any, x: Any, h: Any) -> Any:
    return None


@pytest.mark.parametrize(
    ("step", "sizes", "why"),
    [
        (fails, {}, "RuntimeError: no kernel"),
        (nothing, {}, "ValueError: a step returned shape (), expected ("),
        (right, {"input_size": 1}, "ValueError: a cell of one input cannot shut one gate"),
    ],
    ids=["raises", "returns nothing", "one input"],
)
def test_a_target_that_shows_nothing_is_not_measured_and_says_why(
    step: Any, sizes: dict[str, int], why: str
) -> None:
    found = accuracy_of(backend(step=step, **sizes), float32, "mine")

    assert found.trouble.startswith(f"not measured: {why}")
    assert not found.shown


def test_other_functions_than_sigma_and_tanh_are_not_taken_for_wrong_ones() -> None:
    found = accuracy_of(backend(step=right, activations="sigmoid,relu"), float32, "mine")

    assert found.trouble.startswith("not measured: it declares other activation functions")
    assert not found.shown


def test_formats_that_a_target_does_not_claim_are_left_out() -> None:
    found = accuracy("numpy", [float32], cases=2)

    assert [(one.target, one.format) for one in found] == [("numpy", float32)]
    assert isinstance(found[0], Accuracy)
    assert list(found[0].answers) == ["step", "step_jacobian", "sequence_vjp"]


def test_an_error_of_ours_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("ours")

    assert errors_of("step", backend(step=fails), float32, cases=2, seed=0).refused == 2
    monkeypatch.setattr("gruverify.accuracy._answers._errors", broken)
    with pytest.raises(RuntimeError, match="ours"):
        errors_of("step", NUMPY, float32, cases=2, seed=0)


def test_a_stack_of_two_layers_shows_no_step() -> None:
    stack = backend(stack=NUMPY.stack, num_layers=2, variants=[Variant()])

    found = accuracy_of(stack, float32, "mine")

    assert found.trouble.startswith("it has no step and no sequence")
