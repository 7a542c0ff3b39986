"""Slips of one line, which a reading of the cell names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gruverify import Cell, Variant, backend, check, float64, identify
from gruverify.arithmetic import NDArray
from gruverify.backends import NumpyBackend

pytestmark = pytest.mark.uncounted

#: Which gate's biases each of r, z and n has.
SLIPS = {
    "r with the biases of z": (1, 1, 2),
    "z with the biases of r": (0, 0, 2),
    "n with the biases of z": (0, 1, 1),
    "n with the biases of r": (0, 1, 0),
}


def slipped(slip: str, variant: Variant) -> object:
    """A right GRU but for the biases that some gate reads."""

    def step(cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        H = cell.hidden_size
        rows = [row for gate in SLIPS[slip] for row in range(gate * H, (gate + 1) * H)]
        biases = {name: a[rows] for name, a in cell.packed().items() if name.startswith("bias")}
        return NumpyBackend().step(replace(cell, **biases), x, h)

    return backend(step=step, variants=[variant], formats=[float64])


@pytest.mark.thinned
@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize(
    "variant", [Variant(), Variant("before", "replace", biases="input")], ids=str
)
def test_a_slip_is_identified(slip: str, variant: Variant) -> None:
    [part] = identify(slipped(slip, variant)).parts

    assert [evidence.reading.differences(variant) for evidence in part.holds] == [(slip,)]


def test_a_slip_is_the_likely_cause() -> None:
    found = check(slipped("r with the biases of z", Variant()), profile="quick", max_cases=4)

    assert found.explanation == (
        "r with the biases of z: r = σ(W_r x + b_z + U_r h' + c_z) (float64, every case)"
    )
