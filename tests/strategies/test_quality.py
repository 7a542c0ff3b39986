"""What a thousand default cases are like: the faults that stay invisible are those that the data cannot show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Case, Format, float32
from gruverify import strategies as gst

from ._debug import drawn

LEVELS = {
    "r": ("0", "subnormal", "tiny", "low", "mid", "high", "rounding", "1"),
    "z": ("0", "subnormal", "tiny", "low", "mid", "high", "rounding", "1"),
    "c": ("-1", "-high", "-mid", "mid", "high", "1"),
}
COUNT = 1000


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return drawn(gst.cases(), COUNT)


def weights(case: Case) -> list[Any]:
    return [array.astype(np.float64) for array in case.cell.packed().values()]


def has_distinct_gates(case: Case) -> bool:
    gates = [gate for array in weights(case) for gate in combinations(np.split(array, 3), 2)]
    sides = list(pairwise(weights(case)[2:]))
    return not any(np.array_equal(a, b) for a, b in [*gates, *sides])


def nonzero_share(case: Case) -> float:
    return float(np.mean(np.concatenate([array.ravel() for array in weights(case)]) != 0))


@pytest.mark.parametrize(
    ("quality", "least"),
    [
        (lambda case: case.sizes["H"] >= 2, 0.85),
        (lambda case: case.sizes["T"] >= 2, 0.85),
        (lambda case: case.sizes["H"] >= 2 and case.sizes["T"] >= 2, 0.8),
        (lambda case: case.sizes["I"] >= 2, 0.8),
        (lambda case: case.sizes["B"] >= 2, 0.8),
        (lambda case: case.state.astype(np.float64).any(), 0.8),
        (has_distinct_gates, 0.95),
        (lambda case: nonzero_share(case) > 0.9, 0.95),
        (lambda case: case.inputs.astype(np.float64).any(), 0.95),
        (lambda case: case.d_last.astype(np.float64).all(), 0.65),
        (lambda case: case.cell.variant.bias, 0.65),
    ],
    ids=[
        "H >= 2",
        "T >= 2",
        "H, T >= 2",
        "I >= 2",
        "B >= 2",
        "state not zero",
        "gates and sides distinct",
        "weights dense",
        "inputs not zero",
        "last cotangent dense",
        "biases",
    ],
)
def test_share_of_cases(cases: list[Case], quality: Callable[[Case], bool], least: float) -> None:
    assert np.mean([bool(quality(case)) for case in cases]) >= least


def test_entries_of_a_matrix_differ() -> None:
    matrices = [cell.weight_ih for cell in drawn(gst.cells(min_H=8, max_H=8, min_I=8, max_I=8, formats=[float32]), 200)]
    assert np.median([len(np.unique(matrix)) for matrix in matrices]) >= 180


def test_cases_are_independent(cases: list[Case]) -> None:
    # Hypothesis may vary one example into the next five; then few first weights would be seen.
    assert len({float(case.cell.weight_hh[0, 0]) for case in cases if case.format is float32}) >= COUNT / 6


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_every_level_of_the_ladder_is_reached(cases: list[Case], format: Format) -> None:
    placed = [unit.split() for case in cases if case.format is format for unit in case.regimes]
    reached = Counter(placement for unit in placed for placement in unit)
    assert [
        f"{gate}={level}" for gate, levels in LEVELS.items() for level in levels if reached[f"{gate}={level}"] < 3
    ] == []
    assert sum(count for placement, count in reached.items() if "near-" in placement) > 30


def test_units_of_one_cell_are_placed_apart(cases: list[Case]) -> None:
    assert np.mean([len(set(case.regimes)) > 1 for case in cases]) > 0.4


@pytest.mark.parametrize("rung", [2.0**-10, 0.25, 1.0, 32.0])
def test_weights_are_of_every_scale(cases: list[Case], rung: float) -> None:
    largest = [np.abs(weights(case)[1]).max() for case in cases if not any(case.regimes)]
    assert any(rung / 2 < size <= rung for size in largest)
