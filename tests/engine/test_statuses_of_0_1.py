"""What 0.1 said of a right GRU and of a wrong one is said of them today, invariant by invariant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify.arithmetic import NDArray, sigmoid

pytestmark = pytest.mark.uncounted

#: Of `gruverify check TARGET --format f32 --profile quick --seed 0` at 9c6b57f, 0.1's last commit:
#: the invariants of a step, by their status.
RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "statuses-0.1.json").read_text(encoding="utf-8")
)


def bias_outside_the_reset_product(cell: gruverify.Cell, x: NDArray, h: NDArray) -> NDArray:
    """The broken GRU of the README."""
    assert cell.bias_ih is not None  # PyTorch's variant is meant
    assert cell.bias_hh is not None
    a_r, a_z, a_n = np.split(x @ cell.weight_ih.T + cell.bias_ih, 3, axis=1)
    b_r, b_z, b_n = np.split(h @ cell.weight_hh.T, 3, axis=1)
    c_r, c_z, c_n = np.split(cell.bias_hh, 3)
    r, z = sigmoid(a_r + b_r + c_r), sigmoid(a_z + b_z + c_z)
    n = np.tanh(a_n + r * b_n + c_n)
    next_state: NDArray = (1 - z) * n + z * h
    return next_state


def statuses(found: gruverify.Result) -> dict[str, str]:
    return {id: tally.status for (id, _, _), tally in found.tallies.items()}


def recorded(name: str) -> dict[str, str]:
    return {id: status for status, ids in RECORDED[name]["statuses"].items() for id in ids}


def test_what_failed_in_0_1_fails_and_what_passed_passes() -> None:
    # All that is checked, as then: what is left out would leave its turns to the others.
    target, expected = bias_outside_the_reset_product, recorded("bias-outside-the-reset-product")

    found = gruverify.check(target, profile="quick", formats="f32", seed=0, shrink=False)

    assert found.verdict == RECORDED["bias-outside-the-reset-product"]["verdict"]
    assert {id: statuses(found)[id] for id in expected} == expected


def test_numpy_passes_as_in_0_1() -> None:
    expected = recorded("numpy")

    found = gruverify.check(
        "numpy", profile="quick", formats="f32", seed=0, max_cases=4, only=expected
    )

    assert statuses(found) == expected
