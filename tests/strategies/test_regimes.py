"""Regimes hold: at every step, each driven gate is at the level that its label names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Case, Cell, Format, Variant, float32
from gruverify import strategies as gst
from gruverify.formulas import activations, next_state
from gruverify_strategies._ladder import candidate_bands, candidate_thresholds, gate_bands, gate_thresholds

from ._debug import assert_all, drawn, minimal

OPEN, SHUT = {"1", "rounding", "high"}, {"0", "subnormal", "tiny", "low"}


def preactivations(cell: Cell, inputs: Any, state: Any) -> Iterator[dict[str, Any]]:
    """Of r, z and c at each step, in float64."""
    p, h = cell.parameters(lambda array: array.astype(np.float64)), state.astype(np.float64)
    for x in inputs.astype(np.float64):
        step = activations(cell.variant, p, x, h)
        recalled = (
            step.r * (h @ p.W_hc.T + p.b_hc) if cell.variant.reset == "after" else (step.r * h) @ p.W_hc.T + p.b_hc
        )
        yield {
            "r": x @ p.W_xr.T + p.b_xr + h @ p.W_hr.T + p.b_hr,
            "z": x @ p.W_xz.T + p.b_xz + h @ p.W_hz.T + p.b_hz,
            "c": x @ p.W_xc.T + p.b_xc + recalled,
        }
        h = next_state(cell.variant, step)


def band(format: Format, gate: str, level: str) -> tuple[float, float]:
    bands = candidate_bands(format) if gate == "c" else gate_bands(format)
    if level in bands:
        return bands[level]
    thresholds = candidate_thresholds(format) if gate == "c" else gate_thresholds(format)
    at = thresholds[level.removeprefix("near-")]
    reach = 1 + 16 * format.unit_roundoff * abs(at)
    return at - reach, at + reach


def holds(case: Case) -> bool:
    for step in preactivations(case.cell, case.inputs, case.state):
        for unit, label in enumerate(case.regimes):
            for gate, _, level in (placement.partition("=") for placement in label.split()):
                low, high = band(case.format, gate, level)
                if not ((step[gate][:, unit] >= low) & (step[gate][:, unit] <= high)).all():
                    return False
    return True


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_every_driven_gate_stays_at_its_level(format: Format) -> None:
    assert_all(gst.cases(formats=[format], max_H=8, max_T=6), holds, count=400)


def test_case_names_a_regime_for_every_unit() -> None:
    assert_all(gst.cases(), lambda case: len(case.regimes) == case.sizes["H"])


def test_about_a_third_of_the_cells_is_not_driven() -> None:
    names = [placed.name for placed in drawn(gst.regimes(), 1000)]
    share = {name: names.count(name) / len(names) for name in set(names)}
    assert share.keys() == {"free", "mixed", "carry", "forget", "elman", "near"}
    assert 0.25 < share["free"] < 0.45
    assert 0.3 < share["mixed"] < 0.5
    assert min(share["carry"], share["forget"], share["elman"]) > 0.04


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
def test_named_regime_is_meant_by_what_is_kept(update: str, name: str, reset: set[str] | None, kept: set[str]) -> None:
    found = [placed for placed in drawn(gst.regimes(update=update), 500) if placed.name == name]
    assert found
    assert {unit.update.level for placed in found for unit in placed.units} == kept
    assert reset is None or {unit.reset.level for placed in found for unit in placed.units} == reset


def test_cell_without_biases_is_driven_through_a_constant_input() -> None:
    variant = Variant(bias=False)
    driven = [case for case in drawn(gst.cases(variants=[variant]), 200) if any(case.regimes)]
    assert driven
    assert all((case.inputs[:, :, 0].astype(np.float64) == 1).all() for case in driven)


def test_repr_of_regimes_names_unit_by_unit() -> None:
    assert repr(minimal(gst.regimes(min_H=2), lambda placed: placed.name == "forget")) == (
        "Regimes(forget: r=0 z=0 | r=0 z=0)"
    )
    assert repr(minimal(gst.regimes())) == "Regimes(free: -)"


def test_regimes_shrink_to_round_preactivations() -> None:
    carried = minimal(gst.regimes(formats=[float32]), lambda placed: placed.name == "carry").units[0]
    assert (str(carried), carried.update.at) == ("z=1", 128.0)
    assert carried.reset.level == carried.candidate.level == ""
