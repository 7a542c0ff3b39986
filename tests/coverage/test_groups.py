"""What there is to visit, and what cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Format, backend
from gruverify.arithmetic import candidate_bands, gate_bands
from gruverify.backends import NumpyBackend
from gruverify.coverage import GATES, GROUPS, Coverage, excluded


def nothing(*_: Any) -> Any:
    """Stand for any method."""


def of(group: str, **methods: Any) -> dict[str, str]:
    """The bins of a group that a backend cannot reach, spelled, to why."""
    return {
        GROUPS[name].spelled(bin): why for (name, bin), why in excluded(backend(**methods)).items() if name == group
    }


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_the_levels_of_the_gates_are_those_of_every_format(format: Format) -> None:
    z, r, c = (axis.levels for axis in GATES.axes)

    assert z == r == tuple(gate_bands(format))
    assert c == tuple(candidate_bands(format))


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("bands", [gate_bands, candidate_bands])
def test_levels_follow_each_other_and_each_holds_a_number_of_the_format(format: Format, bands: Any) -> None:
    found = list(bands(format).values())

    assert [high for _, high in found[:-1]] == [low for low, _ in found[1:]]
    for low, high in found:
        inside = (max(low, -format.max) + min(high, format.max)) / 2
        assert low < float(format.cast(inside)) < high


def test_paths_that_contradict_each_other_are_excluded() -> None:
    left = [bin for bin in GROUPS["paths"].bins() if ("paths", bin) not in excluded(NumpyBackend())]

    assert len(left) == Coverage(excluded=excluded(NumpyBackend())).reachable(GROUPS["paths"]) == 9
    assert all(candidate == "open" for _, _, candidate, reset in left if reset == "open")
    assert all(carry == "open" for carry, update, _, _ in left if update == "open")


def test_a_backend_without_sequences_takes_one_step() -> None:
    assert of("T", step=nothing) == dict.fromkeys(["T=2", "T=more"], "the backend has no sequence")
    assert of("T", sequence=nothing) == of("T", sequence_vjp=nothing) == {}


@pytest.mark.parametrize(("size", "level"), [(1, "1"), (2, "2"), (3, "more"), (64, "more")])
def test_a_backend_of_one_size_has_no_other(size: int, level: str) -> None:
    sized = NumpyBackend()
    sized.hidden_size = size  # type: ignore[attr-defined]  # a backend may have one

    found = {bin[0] for name, bin in excluded(sized) if name == "H"}

    assert found == {"1", "2", "more"} - {level}


def test_a_hole_is_what_can_be_reached_and_was_not_often_enough() -> None:
    hits = np.array([4, 0, 0])

    found = Coverage({"H": hits}, {("H", ("more",)): "too large"})

    assert found.holes(GROUPS["H"]) == [("2",)]
    assert (found.reachable(GROUPS["H"]), found.percent(GROUPS["H"])) == (2, 50.0)
    assert found.percent() == 0.0
