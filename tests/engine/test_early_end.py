"""A format ends when the likely cause explains all that has failed in it, and no sooner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import gruverify
from gruverify import Case, backend
from gruverify.backends import NumpyBackend
from gruverify.engine import (
    CaseJudged,
    Event,
    Flaky,
    Result,
    explained,
    save_witness,
    witness_file,
)

FAULT = "gruverify.faults:inverted-update-gate"
NUMPY = NumpyBackend()
ONLY = ("agreement/step", "agreement/outputs", "bounds")


def found(target: Any, *, keep_going: bool, **options: Any) -> Result:
    """What a run of a few cases finds."""
    options = {"formats": "f32", "max_cases": 6, "only": ONLY} | options
    return gruverify.check(target, keep_going=keep_going, **options)


def drawn(result: Result) -> int:
    """How many cases were judged."""
    return sum(found.judged for found in result.drawn.values())


def test_it_ends_with_its_likely_cause() -> None:
    result, whole = found(FAULT, keep_going=False), found(FAULT, keep_going=True)

    assert result.verdict == "falsified"
    assert drawn(result) < drawn(whole) == sum(each.planned for each in whole.drawn.values())
    assert result.explanation == result.ended_early["float32"]
    assert result.explanation.startswith("z multiplies the ")
    assert whole.explanation.startswith("z multiplies the ")
    assert any("--keep-going" in line for line in result.covers)
    assert not any("--keep-going" in line for line in whole.covers)


@pytest.mark.uncounted
def test_its_witnesses_are_small() -> None:
    result = found(FAULT, keep_going=False, only=("agreement", "conventions"))

    assert len(result.witnesses) > 3
    for witness in result.witnesses.values():
        sizes = witness.case.sizes
        assert (sizes["H"] <= 3, sizes["B"] <= 2, sizes["T"] <= 3) == (True, True, True)


@pytest.mark.uncounted
def test_what_no_cause_explains_is_drawn_to_the_end() -> None:
    """Between two cases the cause was looked for: those after it are the same ones."""
    target = backend(step=lambda cell, x, h: -NUMPY.step(cell, x, h))
    result, whole = found(target, keep_going=False), found(target, keep_going=True)

    assert result.ended_early == {}
    assert result.tallies == whole.tallies
    assert result.drawn == whole.drawn
    assert result.coverage == whole.coverage


@pytest.mark.uncounted
def test_a_cause_of_some_of_what_failed_is_not_enough() -> None:
    """Another reading of the cell, and besides it what no reading has."""

    def twice_wrong(cell: Any, x: Any, h: Any) -> Any:
        if cell.variant.reset == "before":
            return -NUMPY.step(cell, x, h)
        other = {"keep": "replace", "replace": "keep"}[cell.variant.update]
        variant = replace(cell.variant, update=other)
        return NUMPY.step(replace(cell, variant=variant), x, h)

    result = found(backend(step=twice_wrong), keep_going=False, max_cases=12)
    failed = {case.cell.variant.reset for case in cases_of(result)}
    assert result.verdict == "falsified"
    # Whoever met both sides has no cause; who met one has that of what it met.
    assert bool(result.ended_early) == (failed == {"after"})


def cases_of(result: Result) -> list[Case]:
    """The cases of the witnesses."""
    return [w.case for w in result.witnesses.values() if isinstance(w.case, Case)]


@pytest.mark.uncounted
def test_what_is_a_matter_of_accuracy_is_drawn_to_the_end() -> None:
    def narrow(cell: Any, x: Any, h: Any) -> Any:
        return NUMPY.step(cell, x, h).astype("float32").astype("float64")

    target = backend(step=narrow, formats=(gruverify.float64,))
    result = found(target, keep_going=False, formats="f64")

    assert result.ended_early == {}
    assert result.less_accurate


@pytest.mark.uncounted
def test_of_saved_witnesses_one_that_fails_is_enough(tmp_path: Path) -> None:
    for witness in found(FAULT, keep_going=True).witnesses.values():
        save_witness(witness, witness_file(tmp_path, witness))
    events = list[Event]()

    result = found(FAULT, keep_going=False, replay=tmp_path, listener=events.append)

    assert result.ended_early
    assert {replay.fate for replay in result.replays} == {"failed"}
    assert not any(isinstance(event, CaseJudged) for event in events)


@pytest.mark.uncounted
def test_a_right_target_is_drawn_to_the_end() -> None:
    result = found("numpy", keep_going=False)
    assert (result.witnesses, result.ended_early) == ({}, {})
    assert drawn(result) == sum(each.planned for each in result.drawn.values())


@pytest.mark.uncounted
def test_no_cause_is_kept_of_failures_that_turn_out_not_to_repeat() -> None:
    result = found(FAULT, keep_going=False)
    remembered = dict.fromkeys(result.witnesses, Flaky(1, 5, "remembers"))

    assert explained(replace(result, explanation=""), FAULT).explanation == result.explanation
    assert explained(replace(result, explanation="", flaky=remembered), FAULT).explanation == ""
