"""What is said of a failure: how grave it is, the numbers, the case, and the case that was really
run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gruverify import Case, Cell, StackCase, Variant, backend, float32
from gruverify.backends import NumpyBackend
from gruverify.cell import Stack
from gruverify.engine import describe, judge, run_as, severity
from gruverify.invariants import INVARIANTS, Residual

NAN = math.nan


def residual(
    actual: float, expected: float, where: str = "h[b=0, i=0]", **changes: Any
) -> Residual:
    numbers = {"error": abs(actual - expected), "bound": 1e-7, "margin": 1e7, **changes}
    return Residual(where, actual, expected, **numbers)


def a_case(B: int = 1) -> Case:
    random = np.random.default_rng(3)
    weights = (
        random.normal(size=shape).astype(np.float32) for shape in ((6, 1), (6, 2), (6,), (6,))
    )
    shapes = ((1, B, 1), (B, 2), (1, B, 2), (B, 2))
    inputs, state, d_outputs, d_last = (
        random.uniform(0.25, 0.75, size=s).astype(np.float32) for s in shapes
    )
    return Case(Cell(Variant(), *weights), inputs, state, d_outputs, d_last)


def a_stack_case(lengths: list[int] | None = None, **options: Any) -> StackCase:
    one = a_case(B=2 if lengths else 1)
    inputs, d_outputs = (np.concatenate([a, a]) for a in (one.inputs, one.d_outputs))
    given = None if lengths is None else np.array(lengths)
    stack = Stack(((one.cell,),))
    return StackCase(
        stack, inputs, one.state[None], d_outputs, one.d_last[None], lengths=given, **options
    )


# -- severity --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (residual(1e-44, 0.0, bound=0.0, margin=math.inf, scale=2.0), 5e-45),
        (residual(0.75, 0.5, scale=2.0), 0.125),
        (residual(3e-10, 1e-10, scale=4e-10), 0.5),
        (residual(0.0, 0.5), 1.0),
        (residual(0.03, 1e-45, relation="≤", scale=1e-45), 1.0),
        (residual(0.5, 0.5, error=0.0), 0.0),
        (residual(NAN, 0.5), math.inf),
        (residual(math.inf, 0.5), math.inf),
        (residual(NAN, NAN, error=math.inf, bound=0.0), math.inf),
    ],
)
def test_severity_is_the_error_relative_to_the_range(one: Residual, expected: float) -> None:
    assert severity(one) == pytest.approx(expected, rel=1e-12)


# -- numbers ---------------------------------------------------------------------------------------

STEP = INVARIANTS["agreement/step"]


def test_numbers_stand_beside_a_nan() -> None:
    lines = describe(STEP, residual(NAN, 0.25), a_case()).splitlines()

    assert lines[2:5] == ["  is       nan", "  must be  0.25", "  bound    1e-07 = 1.68 u"]


def test_a_nan_against_a_limit_is_no_equation() -> None:
    assert "  is       nan\n  limit    1.0\n" in describe(
        STEP, residual(NAN, 1.0, relation="≤"), a_case()
    )


@pytest.mark.parametrize("actual", [0.25, NAN])
def test_a_nan_is_never_what_must_be(actual: float) -> None:
    text = describe(
        INVARIANTS["symmetry/sign-flip"],
        residual(actual, NAN, "h, changed and back[b=0, i=0]"),
        a_case(),
    )

    assert "must be" not in text
    assert (
        f"  is       {actual!r}\n  beside   nan, the target's other answer, which it is compared "
        "with\n" in text
    )


def test_a_statement_without_numbers_has_none() -> None:
    text = describe(STEP, Residual("it is wrong", NAN, NAN, math.inf, 0.0, math.inf), a_case())

    assert text.splitlines()[1:] == [
        "  it is wrong",
        "  float32, reset after, keep, H=2, I=1, B=1, T=1",
    ]


def test_the_condition_stands_with_the_numbers() -> None:
    text = describe(
        STEP, residual(0.75, 0.5), a_case(), "in 7 of 7 cases with B = 3H, in 0 of 93 others"
    )

    assert "\n  fails    in 7 of 7 cases with B = 3H, in 0 of 93 others\n  float32, " in text


# -- the case --------------------------------------------------------------------------------------


def test_lengths_and_arrangement_are_shown() -> None:
    outputs = INVARIANTS["stack/outputs"]

    assert "B=2, T=2, L=1, D=1, lengths=[2, 0]" in describe(
        outputs, residual(1, 0), a_stack_case([2, 0])
    )
    assert "L=1, D=1, batch first" in describe(
        outputs, residual(1, 0), a_stack_case(batch_first=True)
    )
    assert "L=1, D=1, no batch axis" in describe(
        outputs, residual(1, 0), a_stack_case(batched=False)
    )


@pytest.mark.parametrize(
    ("id", "where", "run"),
    [
        (
            "symmetry/clone",
            "h, changed and back[b=0, i=1]",
            ["H=3, I=1, B=1, T=1, derived by unit_cloned"],
        ),
        ("agreement/one-unit", "h of one unit[b=0, i=0]", ["H=1, I=1, B=1, T=1, derived by alone"]),
        (
            "sequence/chunks",
            "last, in two pieces[b=0, i=0]",
            ["H=2, I=1, B=1, T=2, derived by stretched"],
        ),
        (
            "conventions/gate-order",
            "h, update driven[b=0, i=0]",
            ["H=2, I=1, B=1, T=1, derived by update_driven"],
        ),
        (
            "dynamics/fixed-point",
            "h[b=0, i=0]",
            ["H=2, I=1, B=1, T=1, derived by at_a_fixed_point"],
        ),
        (
            "dynamics/fixed-point",
            "h, z negated[b=0, i=1]",
            ["H=2, I=1, B=1, T=1, derived by at_a_fixed_point, update_negated"],
        ),
        (
            "dynamics/contraction",
            "|h - k|[t=0, b=0, i=0]",
            [
                "H=2, I=1, B=1, T=2, derived by contractive",
                "H=2, I=1, B=1, T=2, derived by contractive_elsewhere",
            ],
        ),
        ("agreement/step", "h[b=0, i=0]", []),
    ],
)
def test_the_case_that_was_really_run_is_shown(id: str, where: str, run: list[str]) -> None:
    lines = describe(INVARIANTS[id], residual(0.75, 0.5, where), a_case()).splitlines()

    assert [
        line.removeprefix("  run as   ") for line in lines if line.startswith("  run as")
    ] == run


def test_of_few_shapes_no_case_is_shown_that_was_not_run() -> None:
    masked, where = INVARIANTS["masks/each-step"], "outputs of steps taken, every step skipped"

    assert run_as(masked, residual(1, 0, where), a_case(), few=True) == []
    assert run_as(masked, residual(1, 0, where), a_case()) == [
        "H=2, I=1, B=7, T=4, derived by with_every_mask"
    ]


def test_a_derived_stack_is_shown_with_its_lengths() -> None:
    text = describe(
        INVARIANTS["stack/members-in-any-order"], residual(1, 0, "x"), a_stack_case([2, 1])
    )

    assert (
        "\n  run as   H=2, I=1, B=2, T=2, L=1, D=1, lengths=[1, 2], derived by reversed_members"
        in text
    )


@pytest.mark.uncounted
@pytest.mark.parametrize("case", [a_case(), a_stack_case([2, 1])], ids=["cell", "stack"])
def test_every_invariant_can_be_described(case: Any) -> None:
    """What is found of the derived cases for one residual is of that residual's."""

    def lost_step(*given: Any) -> Any:
        return NumpyBackend().step(*given) * np.nan

    def lost_stack(*given: Any) -> Any:
        outputs, last = NumpyBackend().stack(*given)
        return outputs * np.nan, last

    lost = backend(step=lost_step, stack=lost_stack)
    failing = [j for j in judge(case, lost, INVARIANTS.values()) if j.failed]
    assert failing
    for judgement in failing:
        text = describe(judgement.invariant, judgement.residual, case)
        assert text.startswith(f"{judgement.invariant.id}: ")
        assert f"  {float32.name}, reset after, keep, H=2, I=1, B=" in text
