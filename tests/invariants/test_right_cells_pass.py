"""A right GRU passes: every invariant holds of the shipped backends in every format, and every one
of them is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from gruverify import FORMATS, Backend, Case, Format, Variant, backend
from gruverify.backends import DIRECTIONAL_METHODS, STACK_OPTIONS, TARGETS, NumpyBackend, resolve
from gruverify.cell import BLOCKS, AnyCase, Parameters
from gruverify.engine import Judgement, Plan, judge, run
from gruverify.engine._judge import applicable
from gruverify.invariants import INVARIANTS
from gruverify.invariants.core._changes import packed
from gruverify.invariants.core._methods import named

from ._built import COMPLETE, SATURATED, case_of, cell_at
from ._drawn import drawn, drawn_stacks

pytestmark = pytest.mark.uncounted

#: How many cases of cells and of stacks are put to everything, and the first of each to the deep
#: profile too.
CASES, STACKS = 2, 2
#: How many more are drawn for what claims nothing of those, and how many where that is not enough:
#: gates must be far enough open or closed for it.
MORE, MANY = 8, 60
_EMPTY_STACKS = {"contract/no-steps-stack", "contract/no-steps-stack-vjp"}
_EMPTY = {
    f"contract/no-steps{of}"
    for of in ("", "-sequence-vjp", *(f"-{named(m)}" for m in DIRECTIONAL_METHODS))
}
_IDLE = {"stack/members-without-steps", "stack/members-without-steps-gradients"}
_OTHER_MODULES = {
    f"contract/weights-{way}" for way in ("as-given", "script", "script-after-functional-call")
}
#: What never applies: torch's own GRU, which is run over sequences and stacks, refuses sequences of
#: no steps and, as torch-formulas, members of none; and some ways to a module's weights are those
#: of scripted modules, or of modules that come with a parametrization.
REFUSED: dict[str, set[str]] = {
    "numpy": set(),
    "torch": _EMPTY | _EMPTY_STACKS | _IDLE | _OTHER_MODULES,
    "torch-formulas": _EMPTY_STACKS | {f"contract/no-steps-{named(m)}" for m in STACK_OPTIONS},
}
#: What torch's own GRU refuses where there are lengths as well: a batch of no members.
REFUSED_OF_LENGTHS = {"contract/no-members-stack", "contract/no-members-stack-vjp"}
on_every_backend = pytest.mark.parametrize("name", COMPLETE)
in_every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)


def judgements(found: Backend, format: Format) -> Iterator[Judgement]:
    """Every invariant on a few cases, and whatever claimed nothing of them on others, until it
    does.
    """
    everything = {
        invariant.id: invariant
        for invariant in INVARIANTS.values()
        if not applicable(invariant, found)
    }
    quick = [invariant for invariant in everything.values() if not invariant.deep]
    silent = {
        id: invariant for id, invariant in everything.items() if id not in REFUSED[found.name]
    }

    def put(cases: Iterable[AnyCase], few: int) -> Iterator[Judgement]:
        for number, case in enumerate(cases):
            if number >= few:
                asked = [*silent.values()]
            else:
                asked = [*everything.values()] if number == 0 else quick
            for judgement in judge(case, found, asked):
                if judgement.tally.passed:
                    silent.pop(judgement.invariant.id, None)
                yield judgement

    variants = found.variants
    yield from put(drawn(format, variants, CASES + MORE), CASES)
    yield from put(drawn_stacks(format, variants, STACKS + MORE), STACKS)
    yield from put([forgetful(format)], 0)
    # What is still silent is asked of many more, which take longer to draw than to judge.
    if any(not invariant.of_stacks for invariant in silent.values()):
        yield from put(drawn(format, variants, MANY), 0)
    if any(invariant.of_stacks for invariant in silent.values()):
        yield from put(drawn_stacks(format, variants, MANY), 0)


def forgetful(format: Format) -> Case:
    """So many steps that what a cell has forgotten since is less than what it may have: else
    nothing can be claimed.
    """
    return case_of(cell_at(format, Variant(), kept=[0.5] * 3, r=[0] * 3), B=1, T=16)


def needs_its_package(name: str) -> None:
    package = next(target.needs for target in TARGETS if target.name == name)
    if package:
        pytest.importorskip(package)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        # Each backend and each format at every commit, each of their pairs at night.
        pytest.param(name, fmt, marks=[pytest.mark.slow] * ((i + j) % len(COMPLETE) > 0))
        for i, name in enumerate(COMPLETE)
        for j, fmt in enumerate(FORMATS)
    ],
    ids=str,
)
def test_right_cell_passes_everything_and_of_everything_something_is_claimed(
    name: str, format: Format
) -> None:
    needs_its_package(name)
    found = resolve(name)
    everything = list(judgements(found, format))

    failed = [
        j for j in everything if not (j.tally.passed or j.tally.unclaimed or j.tally.declined)
    ]
    assert [(j.invariant.id, j.residual) for j in failed] == []
    asked = {invariant.id for invariant in INVARIANTS.values() if not applicable(invariant, found)}
    assert {j.invariant.id for j in everything} == asked
    # Radii are not so wide that nothing is claimed.
    assert asked - {j.invariant.id for j in everything if j.tally.passed} == REFUSED[name]
    declined = {j.invariant.id for j in everything if j.tally.declined}
    assert (
        REFUSED[name]
        <= declined
        <= REFUSED[name] | (REFUSED_OF_LENGTHS if name != "numpy" else set())
    )


@pytest.mark.thinned
@on_every_backend
@in_every_format
def test_right_cell_may_overflow_where_the_format_does(name: str, format: Format) -> None:
    needs_its_package(name)
    case = case_of(cell_at(format, Variant(), kept=[-SATURATED] * 2, r=[-SATURATED] * 2), B=3)
    loud = replace(
        case, d_last=np.full_like(case.d_last, format.max * (1 - 4 * format.unit_roundoff))
    )
    overflowing = {j.invariant.id: j for j in judge(loud, resolve(name), INVARIANTS.values())}
    assert not np.isfinite(overflowing["agreement/gradient-bias_ih-candidate"].residual.bound)
    assert [id for id, j in overflowing.items() if j.failed] == []


def test_what_a_backend_lacks_is_said_and_not_passed() -> None:
    alone = backend(step=NumpyBackend().step, name="step alone", formats=FORMATS[:1])
    tallies = run(alone, Plan(max_cases=3), "step alone", lambda event: None).tallies
    wanted = {invariant.id: invariant.needs for invariant in INVARIANTS.values()}
    for (id, _, variant), tally in tallies.items():
        if id == "agreement/kinks":  # of other activation functions alone
            continue
        missing = [method for method in wanted[id] if method != "step"]
        assert tally.status == ("not applicable" if missing else "passed")
        assert tally.reason == (f"the backend has no {', no '.join(missing)}" if missing else "")
        assert (variant == "-") == bool(missing)
    assert {id for id, _, _ in tallies} == set(INVARIANTS)


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_fixed_point_of_a_unit_that_forgets_is_no_false_alarm(name: str) -> None:
    """J is 5e-10 there, as small as what J - I = D(take)(C - I) would lose in float64 to the 1 that
    it takes away.
    """
    needs_its_package(name)
    at = {"W_xr": -16.0, "W_xz": -37.25, "W_hr": 1.0, "b_xr": -0.0078125, "b_hc": -0.0046875}
    blocks = {
        block: np.full((1, 1) if block.startswith("W") else 1, at.get(block, 0.0))
        for block in BLOCKS
    }
    still = case_of(packed(Variant(), Parameters(**blocks)))
    still = replace(still, inputs=np.ones_like(still.inputs), state=np.zeros_like(still.state))
    (judgement,) = judge(still, resolve(name), [INVARIANTS["dynamics/fixed-point-jacobian"]])
    assert judgement.tally.passed
    assert judgement.residual.bound < 1e-15
