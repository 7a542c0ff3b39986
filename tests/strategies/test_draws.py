"""Every draw is valid, within its bounds, finite, and in the format asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gruverify import FORMATS, VARIANTS, Case, Cell, Format, Variant, float16, float32, float64
from gruverify import strategies as gst
from gruverify.backends import NumpyBackend
from gruverify.cell import PARTLY_BIASED

from ._debug import assert_all, assert_none, drawn, find_any

pytestmark = pytest.mark.uncounted


def wide(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return array.astype(np.float64)


@pytest.mark.thinned
@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_case_is_in_the_format_asked_for(format: Format) -> None:
    assert_all(
        gst.cases(formats=[format]),
        lambda case: all(a.dtype == format.dtype for a in case.arrays().values()),
    )


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_case_is_of_the_variant_asked_for(variant: Variant) -> None:
    assert_all(gst.cases(variants=[variant]), lambda case: case.cell.variant == variant, count=50)


def test_case_keeps_its_bounds() -> None:
    bounds: dict[str, Any] = {
        "min_H": 3,
        "max_H": 7,
        "min_I": 2,
        "max_I": 2,
        "min_B": 1,
        "max_B": 2,
        "min_T": 4,
        "max_T": 6,
    }

    def within(case: Case) -> bool:
        return all(
            bounds[f"min_{k}"] <= size <= bounds[f"max_{k}"] for k, size in case.sizes.items()
        )

    assert_all(gst.cases(**bounds), within)


@pytest.mark.slow
@pytest.mark.parametrize("letter", "HIBT")
def test_every_size_in_the_bounds_is_reached(letter: str) -> None:
    bounds: dict[str, Any] = {f"min_{letter}": 2, f"max_{letter}": 9}
    assert {case.sizes[letter] for case in drawn(gst.cases(**bounds), 500)} == set(range(2, 10))


def test_sizes_default_to_a_handful() -> None:
    assert_all(
        gst.sizes(), lambda s: min(s.H, s.I, s.B, s.T) >= 1 and max(s.H, s.I, s.B) <= 5 and s.T <= 4
    )


def test_minimum_above_the_default_maximum_raises_it() -> None:
    assert_all(gst.sizes(min_H=9), lambda s: s.H == 9, count=20)


def test_large_cell_is_dense_although_hypothesis_has_no_bytes_for_all_of_it() -> None:
    cells = gst.cells(min_H=256, max_H=256, min_I=128, max_I=128)
    sizes = {(cell.hidden_size, cell.input_size) for cell in drawn(cells, 5)}
    dense = find_any(cells, lambda cell: (wide(cell.weight_hh) != 0).mean() > 0.95)
    assert sizes == {(256, 128)}
    assert len(np.unique(wide(dense.weight_hh), axis=0)) == 3 * 256


def test_no_array_has_a_negative_zero() -> None:
    def negative_zero(case: Case) -> bool:
        return any((np.signbit(wide(a)) & (wide(a) == 0)).any() for a in case.arrays().values())

    assert_none(gst.cases(), negative_zero, count=500)


def test_inputs_and_states_reach_no_further_than_four() -> None:
    assert_all(gst.inputs(), lambda x: x.ndim == 3 and np.abs(wide(x)).max() <= 4)
    assert_all(gst.states(), lambda h: h.ndim == 2 and np.abs(wide(h)).max() <= 4)


def test_states_are_inside_the_box_and_outside() -> None:
    inside = [np.abs(wide(h)).max() <= 1 for h in drawn(gst.states(), 150)]
    assert 0.5 < np.mean(inside) < 0.9


def test_cotangents_of_outputs_and_of_the_last_state_fit() -> None:
    assert_all(
        gst.cotangents(),
        lambda pair: pair[0].shape[1:] == pair[1].shape and pair[0].dtype == pair[1].dtype,
    )
    assert_all(gst.cotangents(), lambda pair: max(np.abs(wide(g)).max() for g in pair) <= 2.0**64)


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_cotangents_come_in_every_scale(format: Format) -> None:
    def largest(pair: Any) -> float:
        return float(max(np.abs(wide(g)).max() for g in pair))

    end = min(2.0**16, format.max / 4)
    find_any(gst.cotangents(formats=[format]), lambda pair: largest(pair) > end)
    find_any(gst.cotangents(formats=[format]), lambda pair: 0 < largest(pair) <= format.min_normal)
    find_any(gst.cotangents(formats=[format]), lambda pair: 0.5 < largest(pair) <= 1)


@pytest.mark.parametrize(
    "shape",
    [
        lambda outputs, last: outputs.all() and last.all(),
        lambda outputs, last: not outputs.any() and last.sum() > 1,
        lambda outputs, last: outputs.sum() > 1 and not last.any(),
        lambda outputs, last: outputs.sum() == 1 and not last.any(),
        lambda outputs, last: not outputs.any() and last.sum() == 1,
    ],
    ids=["dense", "last state only", "outputs only", "one output", "one entry of the last state"],
)
def test_cotangents_come_in_every_shape(shape: Any) -> None:
    find_any(gst.cotangents(min_H=2, min_T=2), lambda pair: shape(*(wide(g) != 0 for g in pair)))


@pytest.mark.slow
def test_no_preactivation_comes_near_the_end_of_float16() -> None:
    def largest(cell: Cell) -> float:
        arrays = {name: np.abs(wide(array)) for name, array in cell.packed().items()}
        rows = 4 * arrays["weight_ih"].sum(1) + 4 * arrays["weight_hh"].sum(1)
        return float((rows + arrays.get("bias_ih", 0) + arrays.get("bias_hh", 0)).max())

    assert_all(gst.cells(max_H=16, formats=[float16]), lambda cell: largest(cell) < float16.max / 4)
    large = gst.cells(min_H=400, max_H=400, min_I=200, max_I=200, formats=[float16])
    assert_all(large, lambda cell: largest(cell) < float16.max / 4, count=20)


def test_variants_keep_what_is_given() -> None:
    assert {*drawn(gst.variants(reset="before", bias=False), 20)} == {
        Variant("before", "keep", False),
        Variant("before", "replace", False),
    }
    assert {*drawn(gst.variants(biases="merged"), 40)} == {
        v for v in PARTLY_BIASED if v.biases == "input"
    }
    assert {*drawn(gst.variants(), 200)} == set(VARIANTS)


@pytest.mark.parametrize("variant", PARTLY_BIASED, ids=str)
@pytest.mark.parametrize("biases", ["drawn", "chrono"])
def test_biases_that_a_variant_has_are_drawn_and_the_others_are_zero(
    variant: Variant, biases: str
) -> None:
    seen = {name: np.zeros(3, bool) for name in ("bias_ih", "bias_hh")}
    for case in drawn(gst.cases(variants=[variant], biases=biases, min_H=2), 30):
        for name in seen:
            seen[name] |= np.asarray(case.cell.packed()[name].reshape(3, -1) != 0).any(1)
    there = {name: [*variant.mask(name)] for name in seen}
    if biases == "chrono":
        there = {
            "bias_ih": [False, variant.input_bias, False],
            "bias_hh": [False, not variant.input_bias, False],
        }
    assert {name: found.tolist() for name, found in seen.items()} == there


@pytest.mark.parametrize("variant", PARTLY_BIASED, ids=str)
def test_gates_of_partly_biased_cells_are_driven(variant: Variant) -> None:
    """Carried: the update gate keeps all that there is of the state."""
    for case in drawn(gst.cases(variants=[variant], regimes=["carry"], formats=[float64]), 10):
        outputs, _ = NumpyBackend().sequence(case.cell, case.inputs, case.state)
        assert np.abs(outputs - case.state).max() < 2**-10


def test_states_are_zero_where_that_is_asked_for() -> None:
    assert_all(gst.cases(zero_state=True), lambda case: not case.state.any(), count=30)
    assert_all(gst.stack_cases(zero_state=True), lambda case: not case.states.any(), count=30)


@pytest.mark.parametrize("strategy", [gst.cases, gst.stack_cases])
def test_no_loss_is_of_subnormal_numbers_where_that_is_asked_for(strategy: Any) -> None:
    def smallest(case: Any) -> float:
        both = np.abs(np.concatenate([wide(case.d_outputs).ravel(), wide(case.d_last).ravel()]))
        return float(both.min(where=both > 0, initial=1))

    def is_normal(case: Any) -> bool:
        return smallest(case) >= float32.min_normal

    find_any(strategy(formats=[float32]), lambda case: not is_normal(case))
    assert_all(strategy(formats=[float32], subnormals=False), is_normal, count=200)


def test_lengths_are_given_where_that_is_asked_for() -> None:
    assert_all(gst.stack_cases(padded=True), lambda case: case.lengths is not None, count=30)
    assert_all(gst.stack_cases(padded=False), lambda case: case.lengths is None, count=30)


def test_formats_are_those_given() -> None:
    assert {f.name for f in drawn(gst.formats(), 50)} == {f.name for f in FORMATS}
    assert {f.name for f in drawn(gst.formats(formats=[float16]), 5)} == {"float16"}


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_floats_near_lie_on_both_sides_of_every_threshold(format: Format) -> None:
    near = np.array(drawn(gst.floats_near(format), 150))
    assert (near == wide(format.cast(near))).all()
    thresholds = (
        format.sigmoid_flushes,
        format.sigmoid_underflows,
        format.sigmoid_saturates,
        format.sigmoid_rounds_to_one,
        format.tanh_saturates,
        -format.tanh_saturates,
    )
    for threshold in thresholds:
        close = near[np.abs(near - threshold) <= 5 * 2 * format.unit_roundoff * abs(threshold)]
        assert close.min() < threshold < close.max()
