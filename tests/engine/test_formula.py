"""The equations of a reading say what it computes, and no two say the same."""

from __future__ import annotations

import pytest

from gruverify import VARIANTS, Variant
from gruverify.engine import Reading, equations, readings


def test_what_pytorch_computes() -> None:
    assert equations(Reading(), Variant()) == (
        "r = σ(W_r x + b_r + U_r h' + c_r)",
        "z = σ(W_z x + b_z + U_z h' + c_z)",
        "n = tanh(W_n x + b_n + r * (U_n h' + c_n))",
        "h = z * h' + (1 - z) * n",
    )


@pytest.mark.parametrize(
    ("reading", "line"),
    [
        (Reading(bias="outside"), "n = tanh(W_n x + b_n + c_n + r * (U_n h'))"),
        (Reading(bias="inside"), "n = tanh(W_n x + r * (U_n h' + c_n + b_n))"),
        (Reading(bias="turned"), "r = σ(W_r x + b_z + U_r h' + c_z)"),
        (Reading(bias="doubled"), "r = σ(W_r x + 2 b_r + U_r h' + 2 c_r)"),
        (Reading(bias="none", other_reset=True), "n = tanh(W_n x + U_n (r * h'))"),
        (Reading(other_update=True), "h = (1 - z) * h' + z * n"),
        (Reading(transposed=True), "z = σ(W_z x + b_z + U_zᵀ h' + c_z)"),
        (Reading(order="nzr"), "with blocks packed in the order n, z, r"),
    ],
    ids=str,
)
def test_what_another_reading_computes(reading: Reading, line: str) -> None:
    assert line in equations(reading, Variant())


@pytest.mark.uncounted
@pytest.mark.parametrize("declared", VARIANTS, ids=str)
def test_no_two_readings_have_the_same_equations(declared: Variant) -> None:
    written = [equations(reading, declared) for reading in readings(declared)]

    assert len(set(written)) == len(written)
