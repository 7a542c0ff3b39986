"""From forty cases on, a run looks at every level of z × r × c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis.internal.conjecture import providers

from gruverify import FORMATS, Case, Format, float32
from gruverify.backends import NumpyBackend
from gruverify.coverage import Coverage, visits
from gruverify.engine._search import streams_for, survey
from gruverify.invariants import Trial

pytestmark = pytest.mark.uncounted

NUMPY = NumpyBackend()


def surveyed(format: Format, backend: Any = NUMPY) -> Iterator[Case]:
    """The cases of the survey."""
    found = list[Case]()
    for stream in survey(backend, format, 0):
        stream.draw(found.append)
    return iter(found)


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_a_survey_visits_nearly_all_of_the_gates(format: Format) -> None:
    found = sum((visits(Trial(case, NUMPY)) for case in surveyed(format)), Coverage())

    assert found.percent() >= 98


def test_its_cells_are_large() -> None:
    large = [case for case in surveyed(float32) if case.sizes["H"] > 1]

    assert len(large) == 8
    assert all(44 <= case.sizes["H"] <= 48 for case in large)  # one slot in 256 is empty


def test_a_backend_of_one_size_is_surveyed_in_that_size() -> None:
    sized: Any = NumpyBackend()
    sized.hidden_size = 64

    assert {case.sizes["H"] for case in surveyed(float32, sized)} == {64}


@pytest.mark.parametrize(("count", "streams"), [(25, 0), (39, 0), (40, 8), (100, 8), (2000, 8)])
def test_it_is_for_runs_of_forty_cases(count: int, streams: int) -> None:
    cells = [stream for stream in streams_for(NUMPY, float32, 0, count) if stream.survey]

    assert len(cells) == streams


def test_what_is_drawn_takes_no_constants_out_of_the_sources_of_loaded_modules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Else a seed would give other cases wherever other modules are loaded.
    monkeypatch.setattr(providers, "_get_local_constants", lambda: pytest.fail("looked for some"))
    found = list[Case]()
    [stream, *_] = streams_for(NUMPY, float32, 0, 20)

    stream.draw(found.append)

    assert len(found) == 20
