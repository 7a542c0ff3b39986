"""Affine arithmetic: what a format computes lies in it, wherever in the boxes the numbers are."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Cell, Format, Variant, bfloat16, float16, float32, float64
from gruverify.arithmetic import Affine, Noise, Rounding, carried, placed
from gruverify.arithmetic._affine import promoted, reduced
from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._form import Form
from gruverify.backends import NumpyBackend, rounding_of
from gruverify.formulas import step
from tests.arithmetic._noise import middles

B, H, I, T = 2, 5, 2, 4
VARIANTS = [
    Variant("after", "keep"),
    Variant("before", "replace"),
    Variant("before", "keep", biases="input"),
    Variant("after", "replace", bias=False),
]


def cell(variant: Variant, fmt: Format, scale: float = 0.8) -> Cell:
    """A cell of normal weights, those that the variant lacks 0."""
    rng = np.random.default_rng(1)
    packed: dict[str, Any] = {
        "weight_ih": rng.normal(size=(3 * H, I), scale=scale),
        "weight_hh": rng.normal(size=(3 * H, H), scale=scale),
    }
    for name in ("bias_ih", "bias_hh"):
        if variant.bias:
            there = np.repeat(variant.mask(name), H)
            packed[name] = rng.normal(size=3 * H, scale=scale) * there
    return Cell(variant, **{name: fmt.cast(array) for name, array in packed.items()})


def enclosed(one: Cell, noise: Noise, xs: Floats, radius: float, h: Affine) -> list[Affine]:
    """States after each step."""
    p, found = one.parameters(noise.point), [h]
    for x in xs:
        between = noise.between(x - radius, x + radius)
        found.append(carried(step(one.variant, p, between, found[-1])))
    return found[1:]


def beyond(one: Cell, fmt: Format, noise: Noise, radius: float, scale: float = 1.0) -> float:
    """How far runs in a format, from anywhere in the boxes, leave the enclosures; 0 if nowhere."""
    rng = np.random.default_rng(2)
    xs = rng.normal(size=(T, B, I), scale=scale)
    states = enclosed(one, noise, xs, radius, noise.point(np.zeros((B, H))))
    worst = 0.0
    for _ in range(12):
        side = rng.choice([-1.0, 1.0, rng.uniform(-1, 1)], size=xs.shape)
        given = fmt.cast(np.clip(xs + radius * side, xs - radius, xs + radius))
        if radius == 0:
            given = fmt.cast(xs)
        wide = np.clip(given.astype(np.float64), xs - radius, xs + radius)
        if not np.array_equal(fmt.cast(wide), given):
            continue  # rounding has left the box
        outputs, _ = NumpyBackend().sequence(one, given, None)
        for h, state in zip(outputs.astype(np.float64), states, strict=True):
            worst = max(worst, float(np.maximum(state.low - h, h - state.high).max()))
    return worst


def numpys(fmt: Format) -> Rounding:
    return rounding_of(NumpyBackend(), fmt)


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_runs_in_a_format_stay_inside(variant: Variant, fmt: Format) -> None:
    one = cell(variant, fmt)
    for radius, settings in ((0.01, {}), (0.7, {"roots": 0}), (0.1, {"generators": 0})):
        assert beyond(one, fmt, Noise(numpys(fmt), **settings), radius) == 0


@pytest.mark.parametrize("fmt", [float16, bfloat16, float32], ids=str)
def test_catches_roundings_that_are_not_charged(
    fmt: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, xs = cell(VARIANTS[0], fmt), np.zeros((T, B, I))
    h = fmt.cast(np.full((B, H), 0.7))
    outputs, _ = NumpyBackend().sequence(one, fmt.cast(xs), h)

    def outside() -> float:
        noise = Noise(numpys(fmt))
        states = enclosed(one, noise, xs, 0.0, noise.point(h))
        far = [
            np.maximum(state.low - y, y - state.high).max()
            for state, y in zip(states, outputs.astype(np.float64), strict=True)
        ]
        return float(max(far))

    assert outside() <= 0
    monkeypatch.setattr(Affine, "_charged", lambda self, rounding: self)
    assert outside() > 0


def test_an_enclosure_knows_what_depends_on_what() -> None:
    """Twelve steps with pairs of symbols, without them, and without any symbol."""
    one, xs = cell(VARIANTS[0], float64), np.zeros((12, 1, I))
    widths = list[float]()
    for settings in ({}, {"roots": 0}, {"generators": 0}):
        noise = Noise(numpys(float64), **settings)
        last = enclosed(one, noise, xs, 0.02, noise.point(np.zeros((1, H))))[-1]
        widths.append(float((last.high - last.low).max()))

    assert widths[0] < widths[1] / 2 < widths[2] / 4


@pytest.mark.parametrize("limit", [2, 12, 40])
def test_no_more_generators_than_asked_for(limit: int) -> None:
    one = cell(VARIANTS[1], float32)
    noise = Noise(numpys(float32), generators=limit)
    states = enclosed(one, noise, np.zeros((6, B, I)), 0.1, noise.point(np.zeros((B, H))))

    assert all(len(state.form.symbols) <= limit for state in states)
    assert beyond(one, float32, noise, 0.1) == 0


def test_what_reduction_leaves_out_is_each_numbers_own() -> None:
    rng = np.random.default_rng(3)
    noise = Noise(numpys(float64), generators=6)
    form = Form(
        noise.fresh(9), rng.normal(size=(1, 3)), rng.normal(size=(9, 1, 3)), np.full((1, 3), 0.1)
    )
    ends, small = form.ends, form
    for _ in range(20):
        drawn = {k: Fraction(int(e)) for k, e in enumerate(rng.integers(-1, 2, 9))}
        exact = middles(form, drawn)
        small = reduced(noise, form, ends)
        kept = {k: drawn.get(k, Fraction(0)) for k in map(int, small.symbols)}
        fresh = np.abs(small.parts[small.symbols >= 9]).sum(0).ravel()
        for middle, value, room in zip(middles(small, kept), exact, fresh, strict=True):
            assert abs(value - middle) <= Fraction(float(room)) + Fraction(1, 2**40)
    assert len(small.symbols) == 6


def test_a_much_narrower_interval_becomes_the_form() -> None:
    noise = Noise(numpys(float64))
    form = promoted(noise, Form.point(np.zeros((1, 2)), np.ones((1, 2))))
    ends = np.array([[0.1, -1.0]]), np.array([[0.2, 1.0]])

    found = reduced(noise, form, ends)

    assert found.centre[0, 0] == pytest.approx(0.15)
    assert found.radius[0, 0] == pytest.approx(0.05)
    assert list(found.parts[0, 0]) == [0.0, 0.0]  # the first symbol is forgotten
    assert found.radius[0, 1] == pytest.approx(1.0)


def test_numbers_that_are_exactly_known_stay_exact() -> None:
    noise = Noise(numpys(float32))
    zeros = noise.point(np.zeros((1, 2)))

    assert not zeros.tanh().form.own.any() or zeros.tanh().magnitude.max() < 1e-14
    assert zeros.load.nonzero is not None
    assert noise.point(np.array([[1.0, 0.5]])).load.rough is not None
    assert (zeros + 0) is zeros


def test_beyond_the_range_of_a_format_nothing_is_claimed() -> None:
    one = cell(VARIANTS[0], float16, scale=1e4)
    noise = Noise(numpys(float16))
    with np.errstate(all="ignore"):
        h = noise.point(np.ones((B, H)))
        states = enclosed(one, noise, np.full((1, B, I), 100.0), 1.0, h)

    assert not np.isfinite(states[0].low).any()
    assert not np.isfinite(states[0].high).any()


def test_a_state_outside_of_the_box_is_enclosed_as_well() -> None:
    one = cell(VARIANTS[0], float32)
    noise = Noise(numpys(float32))
    h = float32.cast(np.full((B, H), 3.0))
    states = enclosed(one, noise, np.zeros((T, B, I)), 0.0, noise.point(h))
    outputs, _ = NumpyBackend().sequence(one, np.zeros((T, B, I), np.float32), h)

    for state, y in zip(states, outputs, strict=True):
        assert (state.low <= y).all()
        assert (y <= state.high).all()
    assert states[0].high.max() > 1


@pytest.mark.parametrize(
    "declared",
    [
        {"subnormals": False},
        {"computes": bfloat16},
        {"carry": 3.0},
        {"kappa_sigma": 100.0},
        {"blend": "A+B+C+D"},
        {"tanh": "absolute"},
        {"products": "bf16"},
        {"accumulates": bfloat16},
    ],
    ids=lambda declared: next(iter(declared)),
)
def test_what_is_declared_only_widens(declared: dict[str, Any]) -> None:
    one, xs = cell(VARIANTS[0], float32), np.full((T, B, I), 1e-39)
    found = list[tuple[Floats, Floats]]()
    for mode in (Rounding(float32), Rounding(float32, **declared)):
        noise = Noise(mode)
        last = enclosed(one, noise, xs, 1e-39, noise.point(np.zeros((B, H))))[-1]
        found.append((last.low, last.high))

    slack = 1e-15
    assert (found[1][0] <= found[0][0] + slack).all()
    assert (found[1][1] >= found[0][1] - slack).all()


@pytest.mark.parametrize(
    ("declared", "stays"),
    [({}, True), ({"subnormals": False}, True), ({"blend": "D"}, False), ({"kappa": 9}, False)],
)
def test_states_never_leave_their_box(declared: dict[str, Any], stays: bool) -> None:
    said = {"kappa_sigma": declared["kappa"]} if "kappa" in declared else declared
    noise = Noise(Rounding(bfloat16, **said))
    one, wide = cell(VARIANTS[0], bfloat16, 2.0), noise.between(-np.ones((B, H)), np.ones((B, H)))
    last = enclosed(one, noise, np.zeros((1, B, I)), 9.0, wide)[-1]

    assert (last.high.max() <= 1 and last.low.min() >= -1) == stays


def test_arrays_side_by_side() -> None:
    noise = Noise(numpys(float64))
    low = np.array([[0.1, 0.2]])
    a, b = noise.between(low, low + 1), noise.between(low - 3, low)
    both = placed(a, (1, 4), (np.s_[:, 0:2], a), (np.s_[:, 2:4], b))

    assert both.shape == (1, 4)
    np.testing.assert_array_equal(both.low, np.concatenate([a.low, b.low], 1))
    np.testing.assert_array_equal(both[:, 2:].high, b.high)
    gone = both[:, 0:1] - a[:, 0:1]
    assert (gone.high - gone.low).max() < 1e-14  # it is the same number
    assert "float64" in repr(-both)


def test_a_matrix_product_is_with_weights() -> None:
    noise = Noise(numpys(float64))
    a = noise.between(np.zeros((1, 2)), np.ones((1, 2)))
    with pytest.raises(AssertionError, match="with weights"):
        assert a @ a.T is None
