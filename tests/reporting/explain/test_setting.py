"""What is asked, and the cell it makes."""

import re
from typing import Any

import numpy as np
import pytest

from gruverify.arithmetic import FORMATS, Ball, Rounding, float64
from gruverify.cell import Variant
from gruverify.reporting.explain._setting import Regime, Setting, case_at, pre_activation

KEEP, REPLACE = Variant(), Variant(update="replace")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"hidden": 0}, "hidden=0 must be from 1 to 32", id="no units"),
        pytest.param({"inputs": 33}, "inputs=33 must be from 1 to 32", id="too many inputs"),
        pytest.param({"steps": 101}, "steps=101 must be from 1 to 100", id="too long"),
        pytest.param({"seed": -1}, "seed=-1 must be 0 or more", id="negative seed"),
        pytest.param({"z": 1.5}, "z=1.5 must be a gate value, from 0 to 1", id="z above 1"),
        pytest.param(
            {"r": float("nan")}, "r=nan must be a gate value, from 0 to 1", id="r not a number"
        ),
        pytest.param({"biases": ()}, "bias= must grow from one number to the next", id="no bias"),
        pytest.param(
            {"biases": (8.0, 4.0)}, "bias=8,4 must grow from one number to the next", id="falling"
        ),
        pytest.param(
            {"biases": (4.0, 4.0)}, "bias=4,4 must grow from one number to the next", id="repeated"
        ),
        pytest.param(
            {"biases": (0.0,)}, "bias=0 must be numbers above 0 and up to 1000", id="zero bias"
        ),
        pytest.param(
            {"biases": (float("inf"),)},
            "bias=inf must be numbers above 0 and up to 1000",
            id="infinite",
        ),
    ],
)
def test_says_what_is_wrong(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Setting(**wrong)


def test_regimes_are_those_of_the_question() -> None:
    assert [(r.name, r.z, r.r) for r in Setting().regimes] == [
        ("carry", 1, 0.5),
        ("forget", 0, 0),
        ("Elman", 0, 1),
    ]


def test_update_replace_turns_the_update_gate_round() -> None:
    assert [(r.name, r.z) for r in Setting(variant=REPLACE).regimes] == [
        ("carry", 0),
        ("forget", 1),
        ("Elman", 1),
    ]


def test_a_gate_that_is_not_given_is_a_half() -> None:
    assert Setting(z=0.9).regimes == (Regime("given", 0.9, 0.5),)
    assert Setting(r=1.0).regimes == (Regime("given", 0.5, 1.0),)


@pytest.mark.parametrize(
    ("regime", "count"), [(Regime("given", 0.9, 0.5), 1), (Regime("given", 0.9, 1.0), 4)]
)
def test_biases_matter_only_where_a_gate_is_extreme(regime: Regime, count: int) -> None:
    assert len(Setting().ladder(regime)) == count


@pytest.mark.parametrize("gate", [1e-300, 0.1, 0.5, 0.9, 1 - 2**-53])
def test_pre_activation_is_the_inverse_of_the_gate(gate: float) -> None:
    mode = Rounding(float64)
    at = np.array([pre_activation(gate, 7.0)])
    opened = Ball(mode, at, mode.gamma(4) * np.abs(at)).sigmoid()
    assert np.abs(opened.mid - gate) <= opened.radius


def test_pre_activation_of_an_extreme_gate_is_the_bias() -> None:
    assert (pre_activation(0.0, 7.0), pre_activation(1.0, 7.0)) == (-7.0, 7.0)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("a", [4.0, 12.3, 16.0, 745.25, 1000.0])
def test_a_case_is_the_same_in_every_format(fmt: Any, a: float) -> None:
    setting = Setting(hidden=5, inputs=2)
    for regime in setting.regimes:
        case = case_at(setting, regime, a)
        for array in (*case.cell.packed().values(), case.inputs, case.state, case.d_last):
            assert np.array_equal(fmt.cast(array).astype(np.float64), array)


def test_a_case_is_dense_and_depends_on_the_seed_alone() -> None:
    first, again, other = (
        case_at(Setting(seed=seed), Setting().regimes[1], 8.0) for seed in (1, 1, 2)
    )
    assert first.cell == again.cell
    assert first.cell != other.cell
    assert np.all(first.cell.weight_ih != 0)
    assert np.all(first.cell.weight_hh != 0)


def test_only_the_biases_of_the_gates_change_with_the_ladder() -> None:
    setting = Setting()
    low, high = (case_at(setting, setting.regimes[1], a).cell for a in (4.0, 16.0))
    assert np.array_equal(low.weight_ih, high.weight_ih)
    assert low.bias_ih is not None
    assert high.bias_ih is not None
    assert np.array_equal(low.bias_ih[-4:], high.bias_ih[-4:])
    assert np.all(low.bias_ih[:-4] == -4)
    assert np.all(high.bias_ih[:-4] == -16)
