"""A right GRU passes: every invariant holds of the shipped backends in every format, and every one of them is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gruverify import FORMATS, Backend, Format, Variant, backend
from gruverify.backends import TARGETS, NumpyBackend, resolve
from gruverify.cell import BLOCKS, Parameters
from gruverify.engine import Judgement, Plan, judge, run
from gruverify.engine._judge import applicable
from gruverify.invariants import INVARIANTS
from gruverify.invariants._changes import packed

from ._built import COMPLETE, SATURATED, case_of, cell_at
from ._drawn import drawn, drawn_stacks

pytestmark = pytest.mark.uncounted

#: How many cases of cells and of stacks, and how many are put to the invariants of the deep profile too.
CASES, STACKS, DEEP = 8, 4, 1
on_every_backend = pytest.mark.parametrize("name", COMPLETE)
in_every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)


def judgements(found: Backend, format: Format) -> list[Judgement]:
    quick = [invariant for invariant in INVARIANTS.values() if not invariant.deep]
    cases = [*drawn(format, found.variants, CASES), *drawn_stacks(format, found.variants, STACKS)]
    asked = [list(INVARIANTS.values())] * DEEP + [quick] * (len(cases) - DEEP)
    return [j for case, invariants in zip(cases, asked, strict=True) for j in judge(case, found, invariants)]


def asked_of(found: Backend) -> set[str]:
    """The invariants that the backend has the methods for."""
    return {invariant.id for invariant in INVARIANTS.values() if not applicable(invariant, found)}


def needs_its_package(name: str) -> None:
    package = next(target.needs for target in TARGETS if target.name == name)
    if package:
        pytest.importorskip(package)


@on_every_backend
@in_every_format
def test_right_cell_is_asked_everything_and_falsifies_nothing(name: str, format: Format) -> None:
    needs_its_package(name)
    found = resolve(name)
    everything = judgements(found, format)

    assert [(j.invariant.id, j.residual) for j in everything if not (j.tally.passed or j.tally.declined)] == []
    assert {j.invariant.id for j in everything} == asked_of(found)
    # Radii are not so wide that nothing is claimed.
    assert {j.invariant.id for j in everything if np.isfinite(j.residual.bound)} == asked_of(found)


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


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_fixed_point_of_a_unit_that_forgets_is_no_false_alarm(name: str) -> None:
    """J is 5e-10 there, as small as what J - I = D(take)(C - I) would lose in float64 to the 1 that it takes away."""
    needs_its_package(name)
    at = {"W_xr": -16.0, "W_xz": -37.25, "W_hr": 1.0, "b_xr": -0.0078125, "b_hc": -0.0046875}
    blocks = {block: np.full((1, 1) if block.startswith("W") else 1, at.get(block, 0.0)) for block in BLOCKS}
    still = case_of(packed(Variant(), Parameters(**blocks)))
    still = replace(still, inputs=np.ones_like(still.inputs), state=np.zeros_like(still.state))
    (judgement,) = judge(still, resolve(name), [INVARIANTS["dynamics/fixed-point-jacobian"]])
    assert judgement.tally.passed
    assert judgement.residual.bound < 1e-15
