"""How many steps are remembered, and by what, of cells for which it is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gruverify import Cell, Variant
from gruverify.diagnosis import Layer, diagnose, length_in_words, verdict
from gruverify.diagnosis._memory import Length, lengths_of
from gruverify.diagnosis._words import units_named
from tests.diagnosis._models import cell, only_layer

LAGS = np.array([1, 2, 4, 8])


def constant(keep: float, *, candidate: float = 0.0, update: str = "keep") -> Cell:
    """A cell of three units whose update gates keep so much at every step, and whose candidate is
    made of the state itself, times `candidate`, while the reset gate is open.
    """
    H, bias = 3, math.log(keep) - math.log1p(-keep)
    variant = Variant(update="keep") if update == "keep" else Variant(update="replace")
    weight_hh = np.zeros((3 * H, H))
    weight_hh[2 * H :] = candidate * np.eye(H)
    biases = np.zeros(3 * H)
    biases[:H] = 100.0
    biases[H : 2 * H] = bias if update == "keep" else -bias
    return Cell(variant, np.zeros((3 * H, 2)), weight_hh, biases, np.zeros(3 * H))


def layer_of(one: Cell, steps: int = 64) -> Layer:
    return only_layer(diagnose(one, steps=steps, members=2, formats=()))


@pytest.mark.parametrize("update", ["keep", "replace"])
def test_the_memory_of_a_constant_gate_is_its_time_constant(update: str) -> None:
    layer, expected = layer_of(constant(0.91, update=update)), -1 / math.log(0.91)

    found = layer.memory.length.steps
    assert abs(found - expected) <= 2**-40 * expected  # a thousand roundings at most
    assert (abs(layer.units.time_constant - expected) <= 2**-40 * expected).all()
    assert (layer.memory.source, layer.memory.carriers) == ("carry", (0, 1, 2))
    assert layer.memory.needed == ("carry",)
    assert verdict(layer) == "remembers about 11 steps, by 3 of 3 units that carry"


def test_a_plain_recurrent_unit_remembers_through_its_candidate() -> None:
    layer = layer_of(constant(2.0**-30, candidate=0.9))

    assert layer.memory.source == "elman"
    assert layer.memory.needed == ("elman",)
    assert "through the candidate (alone: 9.5 steps), not by what z keeps" in verdict(layer)


def test_an_attractor_takes_what_z_keeps_and_the_candidate() -> None:
    layer = layer_of(constant(0.5, candidate=1.0))

    assert layer.memory.length == Length(64, True)
    assert (layer.memory.source, layer.memory.needed) == ("together", ("carry", "elman"))
    assert "what z keeps and the candidate together, neither alone (1.4 steps" in verdict(layer)


def test_what_now_one_unit_keeps_and_now_another_has_no_carriers() -> None:
    """Each of two units keeps its state in every third stretch, as the inputs say."""
    weight_ih = np.zeros((6, 2))
    weight_ih[2:4] = 20 * np.eye(2)
    one = Cell(Variant(), weight_ih, np.zeros((6, 2)), np.zeros(6), np.zeros(6))
    x = np.full((48, 3, 2), -1.0)
    x[:, 0, 0] = x[:, 1, 1] = 1.0
    layer = only_layer(diagnose(one, x, formats=()))

    assert (layer.memory.source, layer.memory.carriers) == ("carry", ())
    assert verdict(layer).endswith(", by what z keeps, now in one unit and now in another")


def test_one_that_forgets_says_so() -> None:
    layer = layer_of(constant(2.0**-30))

    assert layer.memory.source == "nothing"
    assert verdict(layer).startswith("remembers less than one step: each state is made of")


def test_differences_that_grow_are_no_memory() -> None:
    layer = layer_of(constant(0.5, candidate=3.0), steps=16)

    # States of zeros stay there, an unstable fixed point: J = (1/2 + 3/2) I.
    assert layer.memory.source == "growth"
    assert abs(layer.memory.growth - 2) < 2**-30
    assert "lets differences grow, by a factor of 2 per step" in verdict(layer)


@pytest.mark.parametrize(
    ("needed", "text"),
    [
        ((), "by several paths at once, of which each may be missing"),
        (("carry",), "by what z keeps (alone: 1.4 steps) with help of the others"),
        (
            ("carry", "elman", "gates"),
            "by all paths together, none alone (what z keeps 1.4 steps, the candidate 1.4 steps,",
        ),
    ],
)
def test_what_it_takes_is_said(needed: tuple[str, ...], text: str) -> None:
    layer = layer_of(constant(0.5, candidate=1.0), steps=16)
    other = replace(layer, memory=replace(layer.memory, needed=needed))

    assert text in verdict(other)


def test_many_units_are_not_all_named() -> None:
    assert units_named([3]) == "unit 3"
    assert units_named(range(8)) == "units 0, 1, 2, 3, 4, 5 and 2 more"


def test_between_two_lags_a_norm_fades_evenly() -> None:
    logs = np.array(
        [[-0.5, 0.0, -2.0], [-0.9, -np.inf, -3.0], [-1.1, np.nan, -4.0], [-9.0, np.nan, 0.0]]
    )

    found, at_least = lengths_of(LAGS, logs)

    assert found.tolist() == pytest.approx([3.0, 1.0, 8.0])
    assert at_least.tolist() == [False, False, True]


def test_a_norm_that_is_there_at_the_last_lag_is_a_lower_bound() -> None:
    found, at_least = lengths_of(LAGS, np.array([[0.0], [0.0], [-0.5], [np.nan]]))

    assert (found.tolist(), at_least.tolist()) == ([4.0], [True])


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (Length(0.4), "less than one step"),
        (Length(1.0), "about 1 step"),
        (Length(3.44), "about 3.4 steps"),
        (Length(127.6), "about 128 steps"),
        (Length(128, True), "at least 128 steps"),
    ],
)
def test_lengths_in_words(length: Length, text: str) -> None:
    assert length_in_words(length, "about ") == text


def test_catches_a_convention_taken_for_the_other() -> None:
    keep = layer_of(cell(update_bias=4.0)).memory.length.steps
    replace = layer_of(cell(update_bias=4.0, variant=Variant(update="replace"))).memory.length.steps

    assert keep > 10 * replace
