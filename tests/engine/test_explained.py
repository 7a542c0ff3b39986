"""One fault that explains what failed, where there is one."""

from __future__ import annotations

from typing import Any

import pytest

import gruverify
from gruverify import backend, float32, float64
from gruverify.backends import NumpyBackend
from gruverify.engine import Reading, explanation
from gruverify.formulas import step

pytestmark = pytest.mark.uncounted

NUMPY = NumpyBackend()


def explained(f: Any) -> str:
    """What explains the fall of a step."""
    target = backend(step=f)
    result = gruverify.check(
        target, formats=[float32, float64], max_cases=4, only=["agreement/step", "bounds"]
    )
    return explanation(result, target)


def test_another_convention_that_agrees_with_every_case_is_named() -> None:
    other = Reading(other_reset=True)

    def before(cell: Any, x: Any, h: Any) -> Any:
        return step(other.variant(cell.variant), cell.parameters(), x, h)

    said = (
        "reset gate applied before the product (float64, every case): declare "
        'variants=[Variant(reset="before")]?'
    )
    assert explained(before) == said


def test_what_no_convention_explains_is_left_unexplained() -> None:
    assert explained(lambda cell, x, h: -NUMPY.step(cell, x, h)) == ""


def test_what_holds_needs_no_explanation() -> None:
    assert explained(NUMPY.step) == ""


def test_ctrl_c_while_it_is_looked_for_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("gruverify.engine._explained.explanation", interrupted)
    result = gruverify.check(
        "gruverify.faults:inverted-update-gate", formats="f32", max_cases=2, only="agreement/step"
    )

    assert result.verdict == "falsified"
    assert result.witnesses
    assert result.explanation == ""
