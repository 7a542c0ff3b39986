"""GRUs that are wrong in the ways GRUs are wrong: each fails, with a small witness that replays."""

from __future__ import annotations

from pathlib import Path

import pytest

import gruverify
from gruverify import Result, float32, float64
from gruverify.engine import load_witness, save_witness

pytestmark = [pytest.mark.uncounted, pytest.mark.usefixtures("unexplained")]


def test_a_planted_fault_falls_with_small_witnesses_that_replay(
    planted: str, tmp_path: Path
) -> None:
    result = gruverify.check(f"{planted}:outside", formats=[float32], max_cases=4, seed=1)

    assert result.verdict == "falsified"
    assert "agreement/step" in {id for id, _ in result.witnesses}
    they_are_small_and_replay(result, tmp_path / "w.json")


def test_a_module_whose_gradient_lacks_the_factor_r_falls(planted: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")

    result = gruverify.check("planted_torch:Scaled", formats=[float64], max_cases=4, seed=1)

    assert result.verdict == "falsified"
    assert {id for id, _ in result.witnesses} >= {"agreement/step-vjp"}
    assert not any(
        tally.falsified for (id, _, _), tally in result.tallies.items() if id == "agreement/step"
    )
    they_are_small_and_replay(result, tmp_path / "w.json")


def test_the_right_ones_conform(planted: str) -> None:
    assert gruverify.check(f"{planted}:right", max_cases=4, seed=1).verdict == "conforms"


def they_are_small_and_replay(result: Result, path: Path) -> None:
    """Every witness has at most three units, and fails again when read from its file."""
    for (id, _), witness in result.witnesses.items():
        assert witness.case.sizes["H"] <= 3
        save_witness(witness, path)
        read = load_witness(path)
        with pytest.raises(AssertionError, match=id):
            gruverify.assert_holds(read.invariant, read.target, read.case)
