"""Cases: what does not fit is said with T, B, I and H."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from gruverify import Case, Cell, Variant, float32
from gruverify import strategies as gst
from gruverify.cell import Parameters, pack

T, B, I, H = 2, 3, 1, 4
CELL = Cell(Variant(bias=False), np.ones((3 * H, I), np.float32), np.ones((3 * H, H), np.float32))


def arrays() -> dict[str, Any]:
    shapes = {"inputs": (T, B, I), "state": (B, H), "d_outputs": (T, B, H), "d_last": (B, H)}
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


def with_nan(name: str) -> dict[str, Any]:
    changed = arrays()[name]
    changed[(0,) * changed.ndim] = np.nan
    return {name: changed}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "inputs of one step": (
        {"inputs": np.ones((B, I))},
        r"inputs has shape \(3, 1\), expected \(T, B, I\) with I=1",
    ),
    "inputs of another cell": (
        {"inputs": np.ones((T, B, 2), np.float32)},
        r"inputs has shape \(2, 3, 2\), expected \(T, B, I\) = \(2, 3, 1\) with T=2, B=3, I=1, H=4",
    ),
    "no steps": (
        {"inputs": np.ones((0, B, I), np.float32)},
        r"that is T=0, B=3: a case has a step and a member",
    ),
    "state of another batch": (
        {"state": np.ones((2, H), np.float32)},
        r"state has shape \(2, 4\), expected \(B, H\) = ",
    ),
    "cotangents of one step": (
        {"d_outputs": np.ones((B, H), np.float32)},
        r"d_outputs has shape \(3, 4\), expected \(T, B, H\) = \(2, 3, 4\)",
    ),
    "cotangent transposed": (
        {"d_last": np.ones((H, B), np.float32)},
        r"d_last has shape \(4, 3\), expected \(B, H\) = ",
    ),
    "another format": (
        {"state": np.ones((B, H))},
        "state has dtype float64, but the cell is float32",
    ),
    "NaN": (with_nan("d_last"), r"d_last\[0, 0\] is nan: every entry must be finite"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_said(wrong: str) -> None:
    changes, message = WRONG[wrong]

    with pytest.raises(ValueError, match=message):
        Case(CELL, **{**arrays(), **changes})


def test_a_case_knows_its_sizes() -> None:
    case = Case(CELL, **arrays())

    assert case.sizes == {"H": H, "I": I, "B": B, "T": T}
    assert case.format is float32
    assert set(case.arrays()) == {"weight_ih", "weight_hh", *arrays()}


@given(gst.cases())
def test_a_repr_can_be_pasted_back(case: Case) -> None:
    namespace: dict[str, Any] = {}
    exec("from gruverify import *", namespace)

    assert eval(repr(case), namespace) == case


def test_cases_are_equal_by_cell_and_entries() -> None:
    one = Case(CELL, **arrays())

    assert one == Case(CELL, **arrays())
    assert one != Case(CELL, **{**arrays(), "state": np.zeros((B, H), np.float32)})
    assert one != "a case"
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_gradients_are_packed_as_the_parameters_are() -> None:
    blocks = {
        name: np.full((2, 2), n) if name[0] == "W" else np.full(2, n)
        for n, name in enumerate(Parameters.__dataclass_fields__)
    }
    gradients = pack(Parameters(**blocks), np.zeros((1, 2)), np.zeros((1, 2)), bias=True)

    assert gradients.weight_hh[:, 0].tolist() == [3, 3, 4, 4, 5, 5]
    assert gradients.bias_ih is not None
    assert gradients.bias_ih.tolist() == [6, 6, 7, 7, 8, 8]
    assert [name for name, _ in gradients.items()] == [
        "weight_ih",
        "weight_hh",
        "bias_ih",
        "bias_hh",
        "inputs",
        "state",
    ]
    without = pack(Parameters(**blocks), np.zeros((1, 2)), np.zeros((1, 2)), bias=False)
    assert [name for name, _ in without.items()] == ["weight_ih", "weight_hh", "inputs", "state"]


def test_a_key_tells_apart_whatever_a_backend_could_answer_differently() -> None:
    case = Case(CELL, **arrays())
    assert case.key() == Case(CELL, **arrays(), regimes=("z=1",) * H).key()
    zero = np.zeros((B, H), np.float32)
    positive, negative = (Case(CELL, **{**arrays(), "state": state}) for state in (zero, -zero))
    assert positive.key() != negative.key()
    other = Cell(Variant(bias=False, reset="before"), CELL.weight_ih, CELL.weight_hh)
    assert case.key() != Case(other, **arrays()).key()
