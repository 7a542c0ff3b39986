"""A right GRU passes: every invariant holds of the shipped backends in every format, and every one of them is asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from gruverify import FORMATS, Format, Variant, backend
from gruverify.backends import TARGETS, NumpyBackend, resolve
from gruverify.engine import Judgement, Plan, judge, run
from gruverify.engine._judge import applicable
from gruverify.invariants import INVARIANTS

from ._built import COMPLETE, SATURATED, case_of, cell_at
from ._drawn import drawn, drawn_stacks

pytestmark = pytest.mark.thorough

#: How many cases of cells and of stacks, and how many are put to the invariants of the deep profile too.
CASES, STACKS, DEEP = 12, 6, 1
on_every_backend = pytest.mark.parametrize("name", COMPLETE)
in_every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)


@cache
def judgements(name: str, format: Format) -> list[Judgement]:
    found = resolve(name)
    quick = [invariant for invariant in INVARIANTS.values() if not invariant.deep]
    cases = [*drawn(format, found.variants, CASES), *drawn_stacks(format, found.variants, STACKS)]
    asked = [list(INVARIANTS.values())] * DEEP + [quick] * (len(cases) - DEEP)
    return [j for case, invariants in zip(cases, asked, strict=True) for j in judge(case, found, invariants)]


def asked_of(name: str) -> set[str]:
    """The invariants that the backend has the methods for."""
    return {invariant.id for invariant in INVARIANTS.values() if not applicable(invariant, resolve(name))}


def needs_its_package(name: str) -> None:
    package = next(target.needs for target in TARGETS if target.name == name)
    if package:
        pytest.importorskip(package)


@on_every_backend
@in_every_format
def test_right_cell_falsifies_nothing(name: str, format: Format) -> None:
    needs_its_package(name)
    assert [
        (j.invariant.id, j.residual) for j in judgements(name, format) if not (j.tally.passed or j.tally.declined)
    ] == []


@on_every_backend
@in_every_format
def test_every_invariant_is_asked(name: str, format: Format) -> None:
    needs_its_package(name)
    assert {j.invariant.id for j in judgements(name, format)} == asked_of(name)


@on_every_backend
@in_every_format
def test_radii_are_not_so_wide_that_nothing_is_claimed(name: str, format: Format) -> None:
    needs_its_package(name)
    claimed = {j.invariant.id for j in judgements(name, format) if np.isfinite(j.residual.bound)}
    assert claimed == asked_of(name)


@on_every_backend
@in_every_format
def test_right_cell_may_overflow_where_the_format_does(name: str, format: Format) -> None:
    needs_its_package(name)
    case = case_of(cell_at(format, Variant(), kept=[-SATURATED] * 2, r=[-SATURATED] * 2), B=3)
    loud = replace(case, d_last=np.full_like(case.d_last, format.max * (1 - 4 * format.unit_roundoff)))
    overflowing = {j.invariant.id: j for j in judge(loud, resolve(name), INVARIANTS.values())}
    assert not np.isfinite(overflowing["agreement/gradient-bias_ih-candidate"].residual.bound)
    assert [id for id, j in overflowing.items() if j.fell] == []


def test_what_a_backend_lacks_is_said_and_not_passed() -> None:
    alone = backend(step=NumpyBackend().step, name="step alone", formats=FORMATS[:1])
    tallies = run(alone, Plan(max_cases=3), "step alone", lambda event: None).tallies
    wanted = {invariant.id: invariant.needs for invariant in INVARIANTS.values()}
    for (id, _, variant), tally in tallies.items():
        missing = [method for method in wanted[id] if method != "step"]
        assert tally.status == ("not applicable" if missing else "passed")
        assert tally.reason == (f"the backend has no {', no '.join(missing)}" if missing else "")
        assert (variant == "-") == bool(missing)
    assert {id for id, _, _ in tallies} == set(INVARIANTS)
