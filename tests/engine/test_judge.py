"""One case put to a backend, and what is said of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import Case, Cell, Variant, backend, float32
from gruverify.backends import NumpyBackend
from gruverify.engine import applicable, describe, judge
from gruverify.invariants import INVARIANTS, Residual

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

    assert [judgement.invariant for judgement in judgements] == list(INVARIANTS.values())
    assert {judgement.tally.status for judgement in judgements} == {"passed"}


def test_what_does_not_speak_of_the_variant_is_not_judged() -> None:
    silent = replace(INVARIANTS["agreement/step"], applies=lambda variant: variant.bias)

    assert len(list(judge(case(), NUMPY, [silent]))) == 1
    assert list(judge(case(Variant(bias=False)), NUMPY, [silent])) == []


def test_a_backend_is_called_once_for_all_the_invariants_that_read_a_method() -> None:
    calls: list[str] = []

    def step(cell: Any, x: Any, h: Any) -> Any:
        calls.append("step")
        return NUMPY.step(cell, x, h)

    readers = [i for i in INVARIANTS.values() if i.needs == ("step",)]
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


# -- assert_holds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["numpy", NUMPY, NUMPY.step], ids=["name", "backend", "function"])
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
    assert re.fullmatch(r"  bound    \S+e-07 = \S+ u, so the margin is \S+e\+0\d", bound)
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
    with pytest.raises(AssertionError, match=r"agreement/step: .*\n  step raised ZeroDivisionError: no gate\n"):
        gruverify.assert_holds("agreement/step", raises, case())


@pytest.mark.parametrize(
    ("id", "target", "message"),
    [
        pytest.param("agreement/stop", "numpy", "invariant='agreement/stop' is unknown: `gruverify", id="unknown"),
        pytest.param("agreement/last", too_large, "cannot be asked of too_large: the backend has no", id="method"),
        pytest.param("agreement/step", "nympy", "target 'nympy' is unknown: did you mean numpy?", id="target"),
    ],
)
def test_what_cannot_be_asked_is_no_failure_but_an_error(id: str, target: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        gruverify.assert_holds(id, target, case())


def test_a_variant_that_an_invariant_does_not_speak_of_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = replace(INVARIANTS["agreement/step"], applies=lambda variant: False)
    monkeypatch.setitem(INVARIANTS, "agreement/step", silent)

    with pytest.raises(ValueError, match="cannot be asked of numpy: it does not speak of reset after, keep"):
        gruverify.assert_holds("agreement/step", "numpy", case())


def test_infinite_errors_can_be_told() -> None:
    residual = Residual("h[b=0, i=0]", float("inf"), 0.5, float("inf"), 0.25, float("inf"))

    assert "  error    inf = inf u\n" in describe(INVARIANTS["agreement/step"], residual, case())
