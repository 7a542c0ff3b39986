"""The bank itself: every entry is well described, can be built, and answers in every format it claims."""

from __future__ import annotations

import re

import pytest

from gruverify import faults
from gruverify.backends import METHODS, UnknownTarget, offers, resolve
from gruverify.cell import VARIANTS
from gruverify.faults import EQUIVALENTS, FAULTS, OBSERVABLES, Fault
from gruverify.faults._fault import fault

every = pytest.mark.parametrize("entry", [*FAULTS.values(), *EQUIVALENTS.values()], ids=lambda entry: entry.id)


@every
def test_entry_is_described(entry: Fault) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
    for line in (entry.mathematics, entry.description):
        assert line
        assert "\n" not in line
    assert set(entry.touches) <= set(OBSERVABLES)
    assert re.fullmatch(r"|[\w.-]+/[\w.-]+#\d+", entry.thread)


@every
def test_entry_is_a_target(entry: Fault) -> None:
    found = resolve(entry.target)
    assert found.name == entry.id
    assert set(found.variants) == set(entry.variants) <= set(VARIANTS)
    assert found.formats
    assert any(offers(found, method) for method in METHODS)


def test_build_keeps_to_the_variants_that_are_asked_for() -> None:
    built = FAULTS["inverted-update-gate"].build(VARIANTS[:3])
    assert built.variants == VARIANTS[:3]


def test_unknown_fault_is_told_with_one_like_it() -> None:
    with pytest.raises(UnknownTarget, match="did you mean inverted-update-gate"):
        resolve("gruverify.faults:inverted-update-gates")
    assert "inverted-update-gate" in dir(faults)


def test_catches_an_id_that_is_taken() -> None:
    def inverted_update_gate() -> None: ...

    with pytest.raises(ValueError, match="id='inverted-update-gate' is taken"):
        fault("forward", "h", touches="FWD")(inverted_update_gate)  # type: ignore[arg-type]


def test_catches_an_unknown_observable() -> None:
    with pytest.raises(ValueError, match="LOOKS is none of FWD"):
        fault("forward", "h", touches="LOOKS")(lambda: None)  # type: ignore[arg-type,return-value]
