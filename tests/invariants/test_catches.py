"""Every fault of the bank is caught by the invariants that speak of it, and every invariant catches
some fault.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gruverify import Backend, float32
from gruverify.cell import AnyCase
from gruverify.engine import Judgement, judge
from gruverify.invariants import INVARIANTS, Invariant

from ._drawn import drawn, drawn_stacks
from ._faults import FAULTS, Fault

#: How many cases of cells and of stacks are drawn; most faults show in the first few, and no more
#: are drawn for those.
CASES, STACKS, FEW = 200, 50, 12
PAIRS = [(fault, id) for fault in FAULTS.values() for id in fault.falsifies]
#: The first pair of each fault and of each invariant goes over all of their lines that any does.
FIRST = {
    *{fault.name: (fault.name, id) for fault, id in reversed(PAIRS)}.values(),
    *{id: (fault.name, id) for fault, id in reversed(PAIRS)}.values(),
}


def judged(fault: Fault, id: str) -> Iterator[tuple[AnyCase, Judgement]]:
    backend = fault.build()
    for case in some(backend, INVARIANTS[id]):
        for judgement in judge(case, backend, [INVARIANTS[id]]):
            yield case, judgement


def some(backend: Backend, invariant: Invariant) -> Iterator[AnyCase]:
    """Cases that the invariant reads: a few, then those of a longer run."""
    draw, most = (drawn_stacks, STACKS) if invariant.of_stacks else (drawn, CASES)
    for count in (FEW, most):
        yield from draw(float32, backend.variants, count)


@pytest.mark.parametrize(
    ("fault", "id"),
    [
        pytest.param(fault, id, marks=[pytest.mark.uncounted] * ((fault.name, id) not in FIRST))
        for fault, id in PAIRS
    ],
    ids=[f"{f.name}-{id.replace('/', '.')}" for f, id in PAIRS],
)
def test_catches(fault: Fault, id: str) -> None:
    assert any(judgement.tally.falsified for _, judgement in judged(fault, id))


def test_every_invariant_catches_a_fault() -> None:
    assert {id for _, id in PAIRS} == set(INVARIANTS)
