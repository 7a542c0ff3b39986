"""Controls: cases on which reset before and reset after agree, as theory.md 2 says, and hardly any
others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gruverify import FORMATS, Case, Format, Variant, float32, float64
from gruverify import strategies as gst
from gruverify.arithmetic import Ball, Rounding
from gruverify.formulas import bptt, sequence
from gruverify_strategies import Control

from ._debug import assert_all, drawn, find_any, minimal

REASONS = ("one-unit", "diagonal", "reset-open", "equal-resets", "reset-shut")


def enclosures(case: Case) -> list[Ball]:
    """Of the outputs, and of the gradients of inputs and state."""
    mode = Rounding(case.format)
    lift = lambda array: Ball.exact(mode, array)  # noqa: E731
    run = sequence(
        case.cell.variant,
        case.cell.parameters(lift),
        [lift(x) for x in case.inputs],
        lift(case.state),
    )
    gradients = bptt(run, [lift(g) for g in case.d_outputs], lift(case.d_last))
    return [*run.states[1:], *gradients.inputs, gradients.state]


def agree(control: Control) -> bool:
    """Whether what the two variants may return overlaps everywhere."""
    pairs = zip(enclosures(control.case), enclosures(control.twin), strict=True)
    return all((np.abs(a.mid - b.mid) <= a.radius + b.radius).all() for a, b in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("why", REASONS)
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_both_variants_agree(fmt: Format, why: str) -> None:
    assert_all(gst.controls(formats=[fmt], reasons=[why]), agree, count=40)


@pytest.mark.uncounted
def test_catches_a_case_that_is_no_control() -> None:
    shown = [
        not agree(Control("none", case))
        for case in drawn(gst.cases(formats=[float64], min_H=2), 100)
    ]
    assert np.mean(shown) > 0.5


@pytest.mark.parametrize("why", [why for why in REASONS if why != "reset-open"])
def test_catches_a_control_with_a_recurrent_bias(why: str) -> None:
    def biased(control: Control) -> Control:
        cell = control.case.cell
        bias = cell.bias_hh.copy()
        bias[2 * cell.hidden_size :] = 1
        return replace(control, case=replace(control.case, cell=replace(cell, bias_hh=bias)))

    asked = gst.controls(formats=[float64], variants=[Variant()], reasons=[why])
    find_any(asked, lambda control: agree(control) and not agree(biased(control)))


def test_a_control_says_why_and_which_variant_is_its_twin() -> None:
    seen = drawn(gst.controls(), 100)
    assert {control.why for control in seen} == set(REASONS)
    assert all(
        control.case.cell.variant.reset != control.twin.cell.variant.reset for control in seen
    )
    assert all(control.case.sizes["H"] == 1 for control in seen if control.why == "one-unit")


def test_labels_of_equal_resets_are_equal() -> None:
    def resets(case: Case) -> set[str]:
        return {part for label in case.regimes for part in label.split() if part.startswith("r=")}

    seen = drawn(gst.controls(reasons=["equal-resets"], min_H=3, max_H=3), 60)
    assert all(len(resets(control.case)) <= 1 for control in seen)
    assert any(len(set(control.case.regimes)) == 3 for control in seen)


def test_controls_keep_their_bounds() -> None:
    asked = gst.controls(
        min_H=3, max_H=4, min_T=2, max_T=2, variants=[Variant("before")], reasons=REASONS[1:]
    )
    assert_all(asked, lambda c: 3 <= c.case.sizes["H"] <= 4 and c.case.sizes["T"] == 2, count=60)


def test_controls_shrink_to_one_unit() -> None:
    control = minimal(gst.controls())
    assert (control.why, control.case.sizes) == ("one-unit", {"H": 1, "I": 1, "B": 1, "T": 1})
    assert (control.case.format, control.twin.cell.variant) == (float32, Variant("before"))
