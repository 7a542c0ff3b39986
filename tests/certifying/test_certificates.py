"""Certificates hold, are confirmed by the second checker, and are not given to who remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Format, Variant, bfloat16, float16, float32
from gruverify.arithmetic import Rounding
from gruverify.backends import NumpyBackend
from gruverify.cell import contraction_rate
from gruverify.certifying import (
    Certificate,
    Floats,
    Refuted,
    certificate_of,
    check_certificate,
    jacobian_bound,
    rounding_bound,
)
from gruverify.formulas import activations, jacobian

VARIANTS = [
    Variant(reset, update) for reset in ("after", "before") for update in ("keep", "replace")
]
each = pytest.mark.parametrize("variant", VARIANTS, ids=str)


def cell(variant: Variant, rng: np.random.Generator, scale: float, H: int = 4, I: int = 3) -> Cell:
    """A cell in float64 with normal weights of that scale over the root of their number."""
    shapes = {"weight_ih": (3 * H, I), "weight_hh": (3 * H, H), "bias_ih": 3 * H, "bias_hh": 3 * H}
    arrays = {name: rng.normal(size=shape, scale=scale) for name, shape in shapes.items()}
    return Cell(variant, **{name: array / 2 for name, array in arrays.items()})


def with_bias(one: Cell, rows: slice, value: float) -> Cell:
    """The cell with that number in some rows of its input bias."""
    assert one.bias_ih is not None
    bias = one.bias_ih.copy()
    bias[rows] = value
    return replace(one, bias_ih=bias)


def certified(variant: Variant, count: int) -> list[tuple[Cell, Certificate]]:
    """So many cells that have a certificate, with it."""
    rng, found = np.random.default_rng(0), list[tuple[Cell, Certificate]]()
    while len(found) < count:
        one = cell(variant, rng, rng.uniform(0.05, 0.6))
        if (certificate := certificate_of(one)).certifies:
            found.append((one, certificate))
    return found


@each
def test_no_entry_of_the_jacobian_exceeds_its_bound(variant: Variant) -> None:
    rng, nearest = np.random.default_rng(1), 0.0
    for _ in range(20):
        one = cell(variant, rng, rng.uniform(0.1, 2))
        bound, p = jacobian_bound(one), one.parameters(lambda array: array)
        for _ in range(10):
            x, h = (np.sign(rng.normal(size=(1, n))) * rng.uniform(0.9, 1) for n in (3, 4))
            step = activations(variant, p, x, h)
            found, keep = np.abs(jacobian(variant, p, step)[0][0]), np.asarray(step.keep[0])
            most = np.diag(keep) + (1 - keep)[:, None] * bound.taken + bound.moved
            assert (bound.least <= keep).all()
            assert (keep <= bound.most).all()
            assert (found <= most * (1 + 1e-12)).all()
            nearest = max(nearest, float((found / most).max()))
    assert nearest > 0.5  # the bound is not wide


@pytest.mark.uncounted
@each
def test_two_runs_come_nearer_by_the_rate(variant: Variant) -> None:
    rng = np.random.default_rng(2)
    for one, certificate in certified(variant, 5):
        xs, starts = rng.uniform(-1, 1, (6, 8, 3)), rng.uniform(-1, 1, (2, 8, 4))
        runs = [NumpyBackend().sequence(one, xs, start)[0] for start in starts]
        states = np.concatenate([np.abs(starts[:1] - starts[1:]), np.abs(runs[0] - runs[1])[:, :]])
        distances = (states / certificate.weights).max(-1)
        assert (distances[1:] <= certificate.rate * distances[:-1] * (1 + 1e-9)).all()


@pytest.mark.uncounted
@each
def test_the_second_checker_confirms_them(variant: Variant) -> None:
    pytest.importorskip("flint")
    for one, certificate in certified(variant, 5):
        check_certificate(one, certificate)


@pytest.mark.uncounted
def test_weights_certify_more_than_the_norm_of_the_largest_entry() -> None:
    rng = np.random.default_rng(0)
    cells = [cell(VARIANTS[k % 4], rng, rng.uniform(0.05, 0.6)) for k in range(200)]
    plain = sum(contraction_rate(one) < 1 for one in cells)
    weighted = sum(certificate_of(one).certifies for one in cells)

    assert plain > 20
    assert weighted >= 1.3 * plain


@each
def test_catches_a_rate_that_is_too_small_and_weights_that_are_none(variant: Variant) -> None:
    pytest.importorskip("flint")
    [(one, right)] = certified(variant, 1)
    wrong = [
        replace(right, rate=right.rate * 0.999),
        replace(right, weights=np.roll(right.weights, 1) * np.array([1, 0.2, 1, 5])),
        replace(right, weights=-right.weights),
        replace(right, rate=1.0),
        replace(right, weights=right.weights[:-1]),
        replace(right, largest_input=9.0),
        replace(right, gain=right.gain * 0.999),
    ]

    for each in wrong:
        with pytest.raises(Refuted):
            check_certificate(one, each)


@each
def test_who_remembers_has_no_certificate(variant: Variant) -> None:
    """An update gate that may be all open keeps a state for ever."""
    sign = 1 if variant.update == "keep" else -1
    one = cell(variant, np.random.default_rng(0), 0.1)
    latch = with_bias(one, slice(4, 8), sign * 40.0)

    certificate = certificate_of(latch)

    assert not certificate.certifies
    with pytest.raises(ValueError, match="certifies nothing"):
        certificate.steps_in(float32)


def test_the_term_of_the_reset_gate_is_needed_behind_the_product() -> None:
    """b_hc alone, large: without q σ'(a_r) W_hr nothing of the candidate would depend on h."""
    zeros = {"weight_ih": np.zeros((6, 1)), "weight_hh": np.zeros((6, 2)), "bias_ih": np.zeros(6)}
    weights, bias = zeros["weight_hh"].copy(), np.zeros(6)
    weights[:2], bias[4:] = 4 * np.eye(2)[::-1], 4.0
    one = Cell(Variant(), **{**zeros, "weight_hh": weights, "bias_hh": bias})

    assert np.abs(one.weight_hh[4:]).max() == 0
    assert jacobian_bound(one).taken.max() > 1
    assert not certificate_of(one).certifies


def test_steps_follow_from_the_rate() -> None:
    half = Certificate(0.5, np.array([1.0, 0.25]), 1.0, 2.0)

    assert half.steps_to(2.0**-7) == 10  # 2 / 0.25 is 2^3
    assert half.steps_in(float16) < half.steps_in(float32)
    assert half.input_gain == 4
    assert replace(half, rate=1.0).input_gain == np.inf


@pytest.mark.uncounted
@each
def test_no_row_of_the_input_jacobian_exceeds_the_gain(variant: Variant) -> None:
    rng = np.random.default_rng(3)
    for one, certificate in certified(variant, 5):
        xs, more = rng.uniform(-1, 1, (2, 1, 8, 3))
        starts = rng.uniform(-1, 1, (8, 4))
        runs = [NumpyBackend().sequence(one, x, starts)[0][-1] for x in (xs, more)]
        apart = (np.abs(runs[0] - runs[1]) / certificate.weights).max(-1)
        assert (apart <= certificate.gain * np.abs(xs - more).max((0, 2))).all()


def in_format(one: Cell, fmt: Format) -> Cell:
    """The cell with its weights rounded to the format."""
    return Cell(one.variant, **{name: fmt.cast(each) for name, each in one.packed().items()})


def moved_by_rounding(one: Cell, fmt: Format) -> Floats:
    """The most by which some long runs in the format are away from those in float64, per unit."""
    xs = np.random.default_rng(4).uniform(-1, 1, (200, 16, one.input_size))
    zeros = np.zeros((16, one.hidden_size))
    exact = NumpyBackend().sequence(one, xs, zeros)[0]
    there = NumpyBackend().sequence(in_format(one, fmt), fmt.cast(xs), fmt.cast(zeros))[0]
    return np.asarray(np.abs(there.astype(np.float64) - exact).max((0, 1)))


@pytest.mark.uncounted
@each
def test_rounding_moves_no_state_past_its_bound_however_long_the_run(variant: Variant) -> None:
    for one, certificate in certified(variant, 3):
        for fmt in (float16, bfloat16, float32):
            # NumPy adds up in the halves themselves.
            mode = Rounding(fmt, accumulates=fmt, sums_in_format=True)
            bound = rounding_bound(one, certificate, mode)
            assert (moved_by_rounding(one, fmt) <= bound).all()
            assert bound.max() < 200 * fmt.unit_roundoff  # and so it claims something


def test_catches_a_run_that_rounds_more_than_its_format() -> None:
    [(one, certificate)] = certified(Variant(), 1)

    assert (
        moved_by_rounding(one, float16) > rounding_bound(one, certificate, Rounding(float32))
    ).all()


def test_what_is_wrong_with_the_inputs_moves_states_too() -> None:
    [(one, certificate)] = certified(Variant(), 1)
    exactly = rounding_bound(one, certificate, Rounding(float32))
    off = rounding_bound(one, certificate, Rounding(float32), 0.01)

    assert (off > 10 * exactly).all()
    assert (off <= exactly + 4 * certificate.input_gain * 0.01 * certificate.weights).all()


@each
def test_rounding_is_bounded_where_states_come_near_to_1(variant: Variant) -> None:
    one = cell(variant, np.random.default_rng(0), 0.1)
    saturated = with_bias(one, slice(8, 12), 12.0)  # of the candidate
    bound = rounding_bound(saturated, certificate_of(saturated), Rounding(float16))

    assert (moved_by_rounding(saturated, float16) <= bound).all()
    assert bound.max() < 200 * float16.unit_roundoff


def test_without_a_certificate_nothing_is_said_of_rounding() -> None:
    one = cell(Variant(), np.random.default_rng(0), 3.0)

    assert rounding_bound(one, certificate_of(one), Rounding(float32)).min() == np.inf


def test_overflow_leaves_nothing_claimed() -> None:
    one = cell(Variant(), np.random.default_rng(0), 0.1)
    huge = certificate_of(one, 1e6)

    assert rounding_bound(one, replace(huge, rate=0.5), Rounding(float16)).min() == np.inf


@pytest.mark.parametrize("largest", [-1.0, np.nan, np.inf])
def test_a_bound_of_inputs_that_is_none_is_refused(largest: Any) -> None:
    with pytest.raises(ValueError, match="a number of 0 or more is wanted"):
        certificate_of(cell(Variant(), np.random.default_rng(0), 0.1), largest)
