"""What there is to visit, and what cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Format, backend
from gruverify.arithmetic import candidate_bands, gate_bands
from gruverify.backends import NumpyBackend
from gruverify.coverage import GATES, GROUPS, Coverage, excluded, sizes_visited
from gruverify.coverage._groups import ANSWERS


def nothing(*_: Any) -> Any:
    """Stand for any method."""


def of(group: str, **methods: Any) -> dict[str, str]:
    """The bins of a group that a backend cannot reach, spelled, to why."""
    return {
        GROUPS[name].spelled(bin): why
        for (name, bin), why in excluded(backend(**methods)).items()
        if name == group
    }


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_the_levels_of_the_gates_are_those_of_every_format(format: Format) -> None:
    z, r, c = (axis.levels for axis in GATES.axes)

    assert z == r == tuple(gate_bands(format))
    assert c == tuple(candidate_bands(format))


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("bands", [gate_bands, candidate_bands])
def test_levels_follow_each_other_and_each_holds_a_number_of_the_format(
    format: Format, bands: Any
) -> None:
    found = list(bands(format).values())

    assert [high for _, high in found[:-1]] == [low for low, _ in found[1:]]
    for low, high in found:
        inside = (max(low, -format.max) + min(high, format.max)) / 2
        assert low < float(format.cast(inside)) < high


@pytest.mark.uncounted
def test_paths_that_contradict_each_other_are_excluded() -> None:
    left = [bin for bin in GROUPS["paths"].bins() if ("paths", bin) not in excluded(NumpyBackend())]

    assert len(left) == Coverage(excluded=excluded(NumpyBackend())).reachable(GROUPS["paths"]) == 9
    assert all(candidate == "open" for _, _, candidate, reset in left if reset == "open")
    assert all(carry == "open" for carry, update, _, _ in left if update == "open")


def test_a_backend_without_sequences_takes_one_step() -> None:
    longer = [
        GROUPS["T"].spelled(bin)
        for bin in GROUPS["T"].bins()
        if bin[0] == "values" and bin[1] != "1"
    ]

    assert [of("T", step=nothing)[spelled] for spelled in longer] == [
        "the backend has no sequence"
    ] * len(longer)
    assert not any(spelled.startswith("of=values") for spelled in of("T", sequence=nothing))


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("size", "level"), [(1, "1"), (2, "2–7"), (8, "8"), (15, "9–15"), (256, "256 and more")]
)
def test_a_backend_of_one_size_has_no_other(size: int, level: str) -> None:
    sized = NumpyBackend()
    sized.hidden_size = size  # type: ignore[attr-defined]  # a backend may have one

    found = {bin[1] for name, bin in excluded(sized) if name == "H" and bin[0] == "values"}

    assert found == {*GROUPS["H"].axes[1].levels} - {level}


def test_what_a_backend_does_not_answer_is_asked_of_no_size() -> None:
    found = of("B", step=nothing)

    assert "of=values B=8" not in found
    assert (
        found["of=gradients B=8"]
        == "the backend has no step_vjp, no step_jacobian, no sequence_vjp"
    )


@pytest.mark.parametrize(
    ("size", "level"),
    [(1, "1"), (7, "2–7"), (8, "8"), (9, "9–15"), (33, "33–64"), (300, "300 and more")],
)
def test_a_size_is_at_one_level_of_what_was_answered(size: int, level: str) -> None:
    hits = sizes_visited({"H": 1, "I": 1, "B": 1, "T": size}, ["sequence"]).hits_of(GROUPS["T"])

    assert hits.sum() == 1
    assert (
        hits[GROUPS["T"].axes[0].levels.index("values"), GROUPS["T"].axes[1].levels.index(level)]
        == 1
    )


def test_a_step_is_one_step_of_however_long_a_case() -> None:
    hits = sizes_visited({"H": 1, "I": 1, "B": 1, "T": 9}, ["step"]).hits_of(GROUPS["T"])

    assert hits[0].tolist() == [1, *[0] * (len(hits[0]) - 1)]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"H": 3, "I": 2, "B": 9, "T": 4}, {"B=3H", "8n+1"}),
        ({"H": 1, "I": 1, "B": 2, "T": 2}, {"H=1", "I=H", "T=B"}),
        ({"H": 5, "I": 15, "B": 8, "T": 2}, {"I=3H", "8n", "8n-1"}),
        ({"H": 3, "I": 6, "B": 4, "T": 2, "L": 2, "D": 2}, {"I=D·H, L>1"}),
    ],
)
def test_coincidences_are_those_of_the_sizes(sizes: dict[str, int], expected: set[str]) -> None:
    hits = sizes_visited(sizes, ["stack"]).hits_of(GROUPS["coincidences"])[
        list(ANSWERS).index("stacks")
    ]

    assert {
        level for level, hit in zip(GROUPS["coincidences"].axes[1].levels, hits, strict=True) if hit
    } == expected


def test_a_hole_is_what_can_be_reached_and_was_not_often_enough() -> None:
    hits = np.zeros(GROUPS["paths"].shape, np.int64)
    hits[1, 1, 1, 1] = 4
    others = {("paths", bin): "not here" for bin in GROUPS["paths"].bins() if "shut" in bin[1:]}

    found = Coverage({"paths": hits}, others)

    assert found.holes(GROUPS["paths"]) == [("shut", "open", "open", "open")]
    assert (found.reachable(GROUPS["paths"]), found.percent(GROUPS["paths"])) == (2, 50.0)
    assert found.share([GROUPS["paths"]]) == 50.0
    assert found.percent() == 0.0
