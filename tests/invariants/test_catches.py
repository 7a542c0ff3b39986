"""Every fault of the bank is caught by the invariants that speak of it, and every invariant catches some fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gruverify import float32
from gruverify.cell import AnyCase
from gruverify.engine import Judgement, judge
from gruverify.invariants import INVARIANTS

from ._drawn import drawn, drawn_stacks
from ._faults import FAULTS, Fault

CASES, STACKS = 200, 50
PAIRS = [(fault, id) for fault in FAULTS.values() for id in fault.falsifies]


def judged(fault: Fault, id: str) -> Iterator[tuple[AnyCase, Judgement]]:
    backend, stacks = fault.build(), INVARIANTS[id].of_stacks
    cases = drawn_stacks(float32, backend.variants, STACKS) if stacks else drawn(float32, backend.variants, CASES)
    for case in cases:
        for judgement in judge(case, backend, [INVARIANTS[id]]):
            yield case, judgement


@pytest.mark.parametrize(("fault", "id"), PAIRS, ids=[f"{f.name}-{id.replace('/', '.')}" for f, id in PAIRS])
def test_catches(fault: Fault, id: str) -> None:
    assert any(judgement.tally.falsified for _, judgement in judged(fault, id))


def test_every_invariant_catches_a_fault() -> None:
    assert {id for _, id in PAIRS} == set(INVARIANTS)
