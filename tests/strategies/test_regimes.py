"""Regimes hold: at every step, each driven gate is at the level that its label names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Case, Cell, Format, Variant, float32
from gruverify import strategies as gst
from gruverify.arithmetic import gate_bands

from ._debug import assert_all, drawn, find_any, minimal
from ._trajectory import holds, preactivations

pytestmark = pytest.mark.uncounted

OPEN, SHUT = {"1", "rounding", "high"}, {"0", "subnormal", "tiny", "low"}


#: So many cells and, for each, sequences: ten thousand.
CELLS, SEQUENCES = 400, 25
DRIVEN = ["mixed", "carry", "forget", "elman", "near", "reset-open", "reset-shut"]


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_every_driven_gate_stays_at_its_level_in_ten_thousand_sequences(format: Format) -> None:
    driven = gst.cases(formats=[format], regimes=DRIVEN, min_B=SEQUENCES, max_B=SEQUENCES, max_T=6)
    cases = drawn(driven, CELLS)
    assert sum(case.sizes["B"] for case in cases) >= 10_000
    assert all(holds(case) for case in cases)


def keeps_its_gates(cell: Cell, max_input: float, max_state: float) -> bool:
    """Whether r and z are at one level for all inputs and states within the bounds: between which
    extremes they lie.
    """
    at = {
        name: array.astype(np.longdouble)[: 2 * cell.hidden_size]
        for name, array in cell.packed().items()
    }
    middle = at["bias_ih"] + at["bias_hh"]
    reach = np.abs(at["weight_ih"]).sum(1) * max_input + np.abs(at["weight_hh"]).sum(1) * max(
        1, max_state
    )
    edges = [high for _, high in gate_bands(cell.format).values()][:-1]
    return bool((np.digitize(middle - reach, edges) == np.digitize(middle + reach, edges)).all())


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_gates_of_a_cell_stay_for_all_inputs_and_states_within_its_bounds(format: Format) -> None:
    asked: dict[str, Any] = {
        "regimes": ["forget", "elman"],
        "formats": [format],
        "variants": [Variant()],
    }
    assert_all(
        gst.cells(max_input=100.0, max_state=7.0, **asked),
        lambda cell: keeps_its_gates(cell, 100.0, 7.0),
    )
    find_any(gst.cells(max_input=1.0, **asked), lambda cell: not keeps_its_gates(cell, 100.0, 7.0))


def test_catches_weights_that_move_a_gate() -> None:
    find_any(gst.cases(regimes=["mixed"], pinned=False), lambda case: not holds(case))


def test_catches_a_state_beyond_the_bounds_of_a_pinned_cell() -> None:
    asked = gst.cases(regimes=["near"], min_H=2)
    beyond = lambda case: replace(case, state=case.format.cast(case.state.astype(np.float64) * 64))  # noqa: E731
    find_any(asked, lambda case: not holds(beyond(case)))


@pytest.mark.parametrize(("regime", "gate"), [("reset-open", 1.0), ("reset-shut", 0.0)])
@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_reset_is_exact_in_the_format(format: Format, regime: str, gate: float) -> None:
    def exact(case: Case) -> bool:
        a = np.concatenate([step["r"].ravel() for step in preactivations(case)])
        return bool((format.cast(1 / (1 + np.exp(-a.astype(np.longdouble)))) == gate).all())

    assert_all(gst.cases(formats=[format], regimes=[regime]), exact, count=100)


def test_case_names_a_regime_for_every_unit() -> None:
    assert_all(gst.cases(), lambda case: len(case.regimes) == case.sizes["H"])


def test_about_a_third_of_the_cells_is_not_driven() -> None:
    names = [placed.name for placed in drawn(gst.regimes(), 400)]
    share = {name: names.count(name) / len(names) for name in set(names)}
    assert share.keys() == {"free", "mixed", "carry", "forget", "elman", "near"}
    assert 0.25 < share["free"] < 0.45
    assert 0.3 < share["mixed"] < 0.5
    assert min(share["carry"], share["forget"], share["elman"]) > 0.04


@pytest.mark.thinned
@pytest.mark.parametrize(
    ("update", "name", "reset", "kept"),
    [
        ("keep", "carry", None, OPEN),
        ("keep", "forget", SHUT, SHUT),
        ("keep", "elman", OPEN, SHUT),
        ("replace", "carry", None, SHUT),
        ("replace", "forget", SHUT, OPEN),
        ("replace", "elman", OPEN, OPEN),
    ],
)
def test_named_regime_is_meant_by_what_is_kept(
    update: str, name: str, reset: set[str] | None, kept: set[str]
) -> None:
    found = [placed for placed in drawn(gst.regimes(update=update), 250) if placed.name == name]
    assert found
    assert {unit.update.level for placed in found for unit in placed.units} == kept
    assert reset is None or {unit.reset.level for placed in found for unit in placed.units} == reset


def test_cell_without_biases_is_driven_through_a_constant_input() -> None:
    variant = Variant(bias=False)
    driven = [case for case in drawn(gst.cases(variants=[variant]), 100) if any(case.regimes)]
    assert driven
    assert all((case.inputs[:, :, 0].astype(np.float64) == 1).all() for case in driven)


def test_text_of_regimes_names_unit_by_unit() -> None:
    assert str(minimal(gst.regimes(min_H=2, regimes=["forget"]))) == "forget: r=0 z=0 | r=0 z=0"
    assert str(minimal(gst.regimes())) == "free: -"


def test_regimes_shrink_to_round_preactivations() -> None:
    carried = minimal(gst.regimes(formats=[float32]), lambda placed: placed.name == "carry").units[
        0
    ]
    assert (str(carried), carried.update.at) == ("z=1", 128.0)
    assert carried.reset.level == carried.candidate.level == ""


def test_units_are_driven_to_the_levels_that_are_asked_for() -> None:
    asked = [("0", "rounding", "-mid"), ("1", "subnormal", "high"), ("mid", "tiny", "-1")]
    named = [f"r={r} z={z} c={c}" for r, z, c in asked]

    def placed(case: Case) -> bool:
        kept = [named.index(unit) for unit in case.regimes]
        return kept == sorted(kept) and holds(case)

    found = drawn(gst.cases(levels=asked), 60)

    assert all(map(placed, found))
    assert sum(len(case.regimes) == len(asked) for case in found) > 50
    assert minimal(gst.cases(levels=asked), lambda case: named[1] in case.regimes).regimes == (
        named[1],
    )
