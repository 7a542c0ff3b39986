"""What a thousand default cases are like: the faults that stay invisible are those that the data
cannot show.
"""

from __future__ import annotations

import numpy as np
import pytest

from gruverify import FORMATS, Case, Format, float32
from gruverify import strategies as gst

from ._debug import drawn
from ._quality import COUNT, SHARES, bins, driven_to, missing_levels, share, weights

pytestmark = pytest.mark.uncounted


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return drawn(gst.cases(), COUNT)


@pytest.mark.parametrize("name", SHARES)
def test_share_of_cases(cases: list[Case], name: str) -> None:
    assert share(cases, name) >= SHARES[name][1]


def test_entries_of_a_matrix_differ() -> None:
    matrices = [
        cell.weight_ih
        for cell in drawn(gst.cells(min_H=8, max_H=8, min_I=8, max_I=8, formats=[float32]), 100)
    ]
    assert np.median([len(np.unique(matrix)) for matrix in matrices]) >= 180


def test_cases_are_independent(cases: list[Case]) -> None:
    # Hypothesis may vary one example into the next five; then few first weights would be seen.
    assert (
        len({float(case.cell.weight_hh[0, 0]) for case in cases if case.format is float32})
        >= COUNT / 6
    )


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_every_level_of_the_ladder_is_reached(cases: list[Case], format: Format) -> None:
    mine = [case for case in cases if case.format is format]
    assert missing_levels(mine, least=3) == []
    assert sum(count for level, count in driven_to(mine).items() if "near-" in level) > 30


def test_nearly_every_bin_of_gates_and_candidate_is_visited(cases: list[Case]) -> None:
    visited = bins(cases) > 0
    assert visited.shape == (8, 8, 6)
    assert visited.mean() >= 0.99


def test_catches_a_strategy_that_never_drives_a_gate() -> None:
    free = drawn(gst.cases(regimes=["free"]), 100)
    assert len(missing_levels(free, least=1)) == 22
    assert (bins(free) > 0).mean() < 0.6


def test_units_of_one_cell_are_placed_apart(cases: list[Case]) -> None:
    assert np.mean([len(set(case.regimes)) > 1 for case in cases]) > 0.4


@pytest.mark.parametrize("rung", [2.0**-10, 0.25, 1.0, 32.0])
def test_weights_are_of_every_scale(cases: list[Case], rung: float) -> None:
    largest = [np.abs(weights(case)[1]).max() for case in cases if not any(case.regimes)]
    assert any(rung / 2 < size <= rung for size in largest)
