"""One case put to a backend, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import Case, Cell, Variant, backend, float32
from gruverify.backends import NumpyBackend
from gruverify.engine import NotJudged, applicable, describe, judge, reads
from gruverify.invariants import INVARIANTS, Invariant, Residual, Trial

pytestmark = pytest.mark.uncounted

NUMPY = NumpyBackend()


def case(variant: Variant = Variant()) -> Case:  # noqa: B008  # immutable
    """A case of one unit, input, member and step."""
    biases = [float32.cast([0.5] * 3)] * 2 if variant.bias else []
    cell = Cell(variant, *[float32.cast([[1.0]] * 3)] * 2, *biases)
    one = float32.cast([[1.0]])
    return Case(cell, one[None], one, one[None], one)


def too_large(cell: Any, x: Any, h: Any) -> Any:
    """A step that is off by 1."""
    return NUMPY.step(cell, x, h) + np.float32(1)


def raises(cell: Any, x: Any, h: Any) -> Any:
    """A step that is none."""
    raise ZeroDivisionError("no gate")


def test_every_invariant_that_applies_judges_once() -> None:
    judgements = list(judge(case(), NUMPY, INVARIANTS.values()))

    asked = [i for i in INVARIANTS.values() if reads(i, case()) and not applicable(i, NUMPY)]
    assert [judgement.invariant for judgement in judgements] == asked
    assert {judgement.tally.status for judgement in judgements} <= {"passed", "nothing claimed"}


def test_what_does_not_speak_of_the_variant_is_not_judged() -> None:
    silent = replace(INVARIANTS["agreement/step"], applies=lambda variant: variant.bias)

    assert len(list(judge(case(), NUMPY, [silent]))) == 1
    assert list(judge(case(Variant(bias=False)), NUMPY, [silent])) == []


def test_a_backend_is_called_once_for_all_the_invariants_that_read_a_method() -> None:
    calls: list[str] = []

    def step(cell: Any, x: Any, h: Any) -> Any:
        calls.append("step")
        return NUMPY.step(cell, x, h)

    ids = ("agreement/step", "bounds/box", "bounds/between", "regimes/carry-copies-state")
    readers = [INVARIANTS[id] for id in ids]
    judged = list(judge(case(), backend(step=step), readers))

    assert len(judged) == len(readers) > 3
    assert calls == ["step"]


@pytest.mark.parametrize(
    ("id", "why"),
    [
        ("agreement/step", ""),
        ("contract/no-mutation", ""),
        ("agreement/outputs", "the backend has no sequence"),
        ("agreement/decomposition", "the backend has no step_vjp, no sequence, no sequence_vjp"),
    ],
)
def test_why_an_invariant_cannot_be_asked(id: str, why: str) -> None:
    assert applicable(INVARIANTS[id], backend(step=NUMPY.step)) == why


# -- what stands in the way ------------------------------------------------------------------------


def reading(id: str, read: Callable[[Trial], Any]) -> Invariant:
    """An invariant that only reads."""

    def check(trial: Trial) -> Iterator[Residual]:
        read(trial)
        yield Residual("", 0.0, 0.0, 0.0, 0.0, 0.0)

    return replace(INVARIANTS["agreement/step"], id=id, check=check)


def twice(case: Case) -> Case:
    """The case with its member twice."""
    arrays = {
        name: np.repeat(getattr(case, name), 2, -2)
        for name in ("inputs", "state", "d_outputs", "d_last")
    }
    return replace(case, **arrays)


DRAWN = reading("a/drawn", lambda trial: trial.observed.step)
CHANGED = reading("b/changed", lambda trial: trial.on(twice).observed.step)
ANEW = reading("c/anew", lambda trial: trial.observed.chained_vjp(trial.case.state[None]))


def outcomes(step: Any, *invariants: Invariant) -> list[tuple[str, str, str]]:
    """Status, cause and reason of each, in order."""
    found = [judgement.tally for judgement in judge(case(), backend(step=step), invariants)]
    return [(tally.status, tally.cause, tally.reason) for tally in found]


def one_member_only(cell: Any, x: Any, h: Any) -> Any:
    """A step that takes no batch."""
    if len(h) > 1:
        raise ValueError("one at a time")
    return NUMPY.step(cell, x, h)


def loses_a_member(cell: Any, x: Any, h: Any) -> Any:
    """A step that answers for the first member."""
    return NUMPY.step(cell, x, h)[:1]


def test_the_first_that_meets_an_obstacle_reports_it_and_the_others_are_blocked_by_it() -> None:
    why = "step raised ZeroDivisionError: no gate"

    assert outcomes(raises, DRAWN, CHANGED, DRAWN) == [
        ("error", "", why),
        *[("blocked", "a/drawn", why)] * 2,
    ]
    assert outcomes(raises, CHANGED, DRAWN) == [("error", "", why), ("blocked", "b/changed", why)]


def test_what_fails_on_a_changed_case_only_is_a_finding_of_the_invariant_that_changes_it() -> None:
    raised, malformed = (
        outcomes(one_member_only, DRAWN, CHANGED, DRAWN),
        outcomes(loses_a_member, DRAWN, CHANGED),
    )

    assert raised == [
        ("passed", "", ""),
        ("error", "", "step raised ValueError: one at a time"),
        ("passed", "", ""),
    ]
    assert malformed[0] == ("passed", "", "")
    assert malformed[1][:2] == ("falsified", "")
    assert malformed[1][2].startswith("step has shape (1, 1), expected (B, H) = (2, 1)")


def test_a_method_that_fails_on_the_drawn_case_blocks_what_asks_it_of_another() -> None:
    found = outcomes(lambda cell, x, h: h[0], DRAWN, CHANGED)

    assert [status for status, *_ in found] == ["falsified", "blocked"]
    assert found[0][2] != found[1][2]


def stumbles(trial: Trial) -> Any:
    raise ValueError("our own")


def test_what_goes_wrong_in_a_check_is_no_fault_of_the_target_and_ends_nothing() -> None:
    ours = reading("agreement/step", stumbles)
    [(status, cause, reason), (after, _, _)] = outcomes(
        NumpyBackend().step, ours, INVARIANTS["contract/shape-step"]
    )

    assert (status, cause) == ("blocked", "gruverify itself")
    assert reason.startswith(
        "an error in the check, which is not a fault of the target: ValueError: o"
    )
    assert after == "passed"


def test_a_run_in_which_a_check_went_wrong_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {
        "formats": [float32],
        "profile": "quick",
        "max_cases": 12,
        "only": ["bounds", "agreement"],
    }
    right = gruverify.check("numpy", **asked)
    monkeypatch.setitem(INVARIANTS, "bounds/box", reading("bounds/box", stumbles))
    wrong = gruverify.check("numpy", **asked)

    assert not right.witnesses
    assert not wrong.witnesses
    assert wrong.verdict == "inconclusive"
    [line] = set(wrong.doubts) - set(right.doubts)
    assert line.startswith("float32: bounds/box was not judged (an error in the check")


def test_an_obstacle_in_one_method_does_not_block_what_needs_another() -> None:
    both = backend(step=raises, step_vjp=NUMPY.step_vjp)

    assert [j.tally.status for j in judge(case(), both, [DRAWN, ANEW])] == ["error", "passed"]


def test_a_method_is_asked_once_though_it_fails() -> None:
    calls: list[int] = []

    def step(cell: Any, x: Any, h: Any) -> Any:
        calls.append(1)
        raise ZeroDivisionError

    outcomes(step, DRAWN, DRAWN)

    assert calls == [1]


# -- assert_holds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["numpy", NUMPY, NUMPY.step], ids=["name", "backend", "function"]
)
def test_nothing_is_said_of_what_holds(target: Any) -> None:
    assert gruverify.assert_holds("agreement/step", target, case()) is None


def test_a_failure_is_told_in_numbers_and_units_of_roundoff() -> None:
    with pytest.raises(AssertionError) as caught:
        gruverify.assert_holds("agreement/step", too_large, case())

    name, where, is_, must_be, error, bound, place = str(caught.value).splitlines()
    assert name == f"agreement/step: {INVARIANTS['agreement/step'].statement}"
    assert where == "  h[b=0, i=0]"
    assert re.fullmatch(r"  is       1\.\d+", is_)
    assert re.fullmatch(r"  must be  0\.\d+", must_be)
    assert error == "  error    1 = 1.68e+07 u"
    assert re.fullmatch(r"  bound    \S+e-0[78] = \S+ u, so the margin is \S+e\+0\d", bound)
    assert place == "  float32, reset after, keep, H=1, I=1, B=1, T=1"


def test_an_exceeded_limit_is_told_with_what_rounding_allows() -> None:
    with pytest.raises(AssertionError) as caught:
        gruverify.assert_holds("bounds/box", too_large, case())

    lines = str(caught.value).splitlines()
    assert lines[3] == "  limit    1.0"
    assert re.fullmatch(r"  rounding \S+ = \S+ u, so the margin is \S+", lines[4])


def test_what_has_no_numbers_is_told_without() -> None:
    with pytest.raises(AssertionError) as caught:
        gruverify.assert_holds("contract/shape-step", lambda cell, x, h: h[0], case())

    _, where, place = str(caught.value).splitlines()
    assert where == "  step has shape (1,), expected (B, H) = (1, 1) with H=1, I=1, B=1, T=1"
    assert place.startswith("  float32, ")


def test_a_backend_that_raises_is_told_so() -> None:
    with pytest.raises(
        AssertionError, match=r"agreement/step: .*\n  step raised ZeroDivisionError: no gate\n"
    ):
        gruverify.assert_holds("agreement/step", raises, case())


def test_what_goes_wrong_in_a_check_is_neither_a_failure_nor_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(INVARIANTS, "bounds/box", reading("bounds/box", stumbles))

    with pytest.raises(
        NotJudged, match=r"^bounds/box: an error in the check, which is not a fault"
    ):
        gruverify.assert_holds("bounds/box", "numpy", case())


@pytest.mark.parametrize(
    ("id", "target", "message"),
    [
        pytest.param(
            "agreement/stop",
            "numpy",
            "invariant='agreement/stop' is unknown: `gruverify",
            id="unknown",
        ),
        pytest.param(
            "agreement/last",
            too_large,
            "cannot be checked on too_large: the backend has no",
            id="method",
        ),
        pytest.param(
            "agreement/step", "nympy", "target 'nympy' is unknown: did you mean numpy?", id="target"
        ),
    ],
)
def test_what_cannot_be_asked_is_no_failure_but_an_error(
    id: str, target: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        gruverify.assert_holds(id, target, case())


def test_a_variant_that_an_invariant_does_not_speak_of_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = replace(INVARIANTS["agreement/step"], applies=lambda variant: False)
    monkeypatch.setitem(INVARIANTS, "agreement/step", silent)

    with pytest.raises(
        ValueError, match="cannot be checked on numpy: it does not speak of reset after, keep"
    ):
        gruverify.assert_holds("agreement/step", "numpy", case())


def test_infinite_errors_can_be_told() -> None:
    residual = Residual("h[b=0, i=0]", float("inf"), 0.5, float("inf"), 0.25, float("inf"))

    assert "  error    inf = inf u\n" in describe(INVARIANTS["agreement/step"], residual, case())


def test_an_answer_that_is_no_number_is_told_beside_what_it_must_be() -> None:
    residual = Residual("h[b=0, i=0]", float("nan"), 0.0, float("inf"), 0.25, float("inf"))

    assert "  is       nan\n  must be  0.0\n" in describe(
        INVARIANTS["agreement/step"], residual, case()
    )
