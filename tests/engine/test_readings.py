"""Readings of a cell: no two of them are one GRU, and each computes what its equations say."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import pytest

from gruverify import Cell, Variant
from gruverify.arithmetic import NDArray
from gruverify.engine import Reading, equations, readings
from gruverify.engine._slips import SLIPS, slipped
from gruverify.formulas import sequence

pytestmark = pytest.mark.uncounted

H, I, B, T = 3, 3, 2, 2
DECLARED = [
    Variant(),
    Variant("before", "replace"),
    Variant("after", "replace", bias=False),
    Variant("before", biases="input"),
    Variant(biases="recurrent"),
    Variant(biases="input+candidate"),
]
#: A product as equations write it: a weight, perhaps transposed, and what it is multiplied with.
PRODUCT = re.compile(r"([WU]_[rzn])(ᵀ?) (x|h'|\((?:[^()]|\([^()]*\))*\))")


def cell_of(declared: Variant, random: np.random.Generator) -> Cell:
    """A cell of which every number is another, but for the biases that the variant lacks."""
    shapes = {"weight_ih": (3 * H, I), "weight_hh": (3 * H, H)}
    packed = {name: random.uniform(-2, 2, shape) for name, shape in shapes.items()}
    if declared.bias:
        for name in ("bias_ih", "bias_hh"):
            there = np.repeat(declared.mask(name), H)
            packed[name] = np.where(there, random.uniform(-2, 2, 3 * H), 0.0)
    return Cell(declared, **packed)


def states_of(reading: Reading, cell: Cell, inputs: NDArray, state: NDArray) -> NDArray:
    variant, parameters = reading.variant(cell.variant), reading.parameters(cell.parameters())
    if reading.slip:
        slip = SLIPS[reading.slip]
        return np.stack(slipped(slip, variant, parameters, list(inputs), state))
    return np.stack(sequence(variant, parameters, list(inputs), state).states[1:])


def evaluated(written: tuple[str, ...], cell: Cell, order: str, x: NDArray, h: NDArray) -> NDArray:
    """The next state (B, H) by equations as they are written."""
    names = {"x": x, "h_": h, "tanh": np.tanh, "sigmoid": lambda a: 1 / (1 + np.exp(-a))}
    for letter, array in zip("WUbc", cell.packed().values(), strict=False):
        for gate, block in zip(order, np.split(array, 3), strict=True):
            names[f"{letter}_{gate}"] = block
    for line in written:
        if "=" in line:
            name, right = line.split(" = ")
            text = PRODUCT.sub(_product, right).replace("h'", "h_").replace("σ", "sigmoid")
            names[name] = eval(re.sub(r"\b2 ([bc]_)", r"2 * \1", text), {}, names)
    return names["h"]


def _product(found: re.Match[str]) -> str:
    weight, turned, of = found.groups()
    if turned:
        return f"({of} @ {weight})"
    return f"({of} @ {weight}.T)"


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_no_two_readings_compute_the_same(declared: Variant) -> None:
    random = np.random.default_rng(1)
    cell = cell_of(declared, random)
    inputs, state = random.uniform(-2, 2, (T, B, I)), random.uniform(-1, 1, (B, H))

    alike = defaultdict[bytes, list[tuple[str, ...]]](list)
    for reading in readings(declared):
        states = states_of(reading, cell, inputs, state)
        alike[np.round(states, 9).tobytes()].append(equations(reading, declared))

    assert [each for each in alike.values() if len(each) > 1] == []


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_a_reading_computes_what_its_equations_say(declared: Variant) -> None:
    random = np.random.default_rng(2)
    cell = cell_of(declared, random)
    x, h = random.uniform(-2, 2, (B, I)), random.uniform(-1, 1, (B, H))

    for reading in readings(declared):
        written = equations(reading, declared)
        found = states_of(reading, cell, x[None], h)[0]
        np.testing.assert_allclose(
            evaluated(written, cell, reading.order, x, h), found, atol=1e-9, err_msg=str(written)
        )
