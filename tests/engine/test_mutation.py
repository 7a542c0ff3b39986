"""Cases that are made of the one that came closest to its bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gruverify.arithmetic import FORMATS, Format, float32
from gruverify.backends import resolve
from gruverify.cell import AnyCase
from gruverify.engine import Aim, Plan, draw, judge, run, selection
from gruverify.engine._mutation import Closest, mutated
from gruverify.engine._plan import streams_of
from gruverify.invariants import INVARIANTS

pytestmark = pytest.mark.uncounted

STEP = [INVARIANTS["agreement/step"]]


def drawn(fmt: Format, number: int = 3) -> AnyCase:
    """A case of some size."""
    found = list[AnyCase]()
    [stream, *_] = streams_of(Plan(max_cases=number), resolve("numpy"), fmt)
    draw(stream.strategy, number, 0, found.append)
    return found[-1]


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_a_mutation_has_other_numbers_of_the_same_range(fmt: Format) -> None:
    case, source = drawn(fmt), np.random.default_rng(0)

    changed = 0
    for _ in range(8):
        other = mutated(case, source)
        assert (other.sizes, other.format, other.variant) == (case.sizes, fmt, case.variant)
        for name, array in case.arrays().items():
            new, old = (a.astype(np.float64) for a in (other.arrays()[name], array))
            assert np.abs(new).max(initial=0) <= np.abs(old).max(initial=0)
            assert not new[old == 0].any()
            changed += bool((new != old).any())
    assert changed > 8


def test_the_same_source_makes_the_same_mutation() -> None:
    case = drawn(float32)

    one, other = (mutated(case, np.random.default_rng(7)) for _ in range(2))

    assert all(np.array_equal(a, other.arrays()[name]) for name, a in one.arrays().items())


def test_the_closest_case_is_kept_and_one_that_fails_is_not() -> None:
    right, wrong = resolve("numpy"), resolve("gruverify.faults:inverted-update-gate")
    closest, cases = Closest(), [drawn(float32, number) for number in range(1, 6)]
    margins = list[float]()
    for case in cases:
        found = list(judge(case, right, STEP))
        margins.append(found[0].tally.largest)
        closest.meet(case, found)
        closest.meet(case, judge(case, wrong, STEP))

    assert closest.margin == max(margins)
    assert len(list(closest.mutations(3, 0))) == 3
    assert list(Closest().mutations(3, 0)) == []


def test_a_run_that_ascends_comes_closer_than_what_it_begins_with() -> None:
    plan = Plan(formats=(float32,), selection=selection(only=["agreement/step"]))

    def largest(cases: int, aim: Aim | None) -> tuple[float, int]:
        asked = replace(plan, max_cases=cases, seed=2, aim=aim)
        result = run(resolve("numpy"), asked, "numpy", lambda event: None)
        counts = result.drawn["float32", "cells"]
        assert counts.planned == counts.judged
        return max(tally.largest for tally in result.tallies.values()), counts.judged

    ascended, cases = largest(40, Aim(ascends=True))

    assert cases == 40
    assert ascended > largest(20, None)[0] > 0
    assert largest(40, Aim(ascends=True)) == (ascended, 40)
