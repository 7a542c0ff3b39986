"""Every fault of the bank is caught by the invariants that speak of it, and every invariant catches some fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gruverify import Case, float32
from gruverify.engine import Judgement, judge
from gruverify.invariants import INVARIANTS

from ._drawn import drawn
from ._faults import FAULTS, Fault

CASES = 200
PAIRS = [(fault, id) for fault in FAULTS.values() for id in fault.falsifies]


def judged(fault: Fault, id: str) -> Iterator[tuple[Case, Judgement]]:
    backend = fault.build()
    for case in drawn(float32, backend.variants, CASES):
        for judgement in judge(case, backend, [INVARIANTS[id]]):
            yield case, judgement


@pytest.mark.parametrize(("fault", "id"), PAIRS, ids=[f"{f.name}-{id.replace('/', '.')}" for f, id in PAIRS])
def test_catches(fault: Fault, id: str) -> None:
    assert any(judgement.tally.falsified for _, judgement in judged(fault, id))


def test_every_invariant_catches_a_fault() -> None:
    assert {id for _, id in PAIRS} == set(INVARIANTS)
