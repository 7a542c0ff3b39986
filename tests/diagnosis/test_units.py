"""Statistics of the gates, and the two claims about them, where the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from gruverify.diagnosis import claim_in_words, diagnose
from gruverify.diagnosis._claims import Claim, _claim, _correlation, _ranks
from gruverify.diagnosis._units import units_of, variance_of
from tests.diagnosis._models import T, cell, only_layer, row_of

RNG = np.random.default_rng(1)


def test_each_unit_has_its_own_numbers() -> None:
    row = row_of(cell(H=3, scale=2.0**-20, update_bias=np.array([5.0, 0.0, -5.0])))
    found = units_of(row)

    assert found.carry.tolist() == [1, 0, 0]
    assert found.between.tolist() == [0, 1, 1]  # the third lets go, with r between shut and open
    assert found.longest_carry.tolist() == [T, 0, 0]
    assert found.z_dead.tolist() == [1, 0, -1]
    assert found.r_dead.tolist() == [0, 0, 0]
    assert found.z_saturated.tolist() == [1, 0, 1]
    assert (found.z_mean > [0.99, 0.49, 0]).all()
    assert variance_of(row).z_between > 0.999


def test_forget_and_elman_are_told_apart_by_the_reset_gate() -> None:
    one = cell(H=2, scale=2.0**-20, update_bias=-5.0)
    biases = one.bias_ih.copy() if one.bias_ih is not None else np.zeros(6)
    biases[:2] = [-5, 5]

    found = units_of(row_of(replace(one, bias_ih=biases)))

    assert (found.forget.tolist(), found.elman.tolist()) == ([1, 0], [0, 1])


def claim(memory: npt.NDArray[np.float64], gate: npt.NDArray[np.float64]) -> Claim:
    return _claim("long memory is in active update gates", memory, gate)


def test_a_claim_is_true_of_units_where_their_means_agree() -> None:
    units = np.arange(20.0)
    found = claim(units + RNG.normal(size=(6, 20)), units + RNG.normal(size=(6, 20)))

    assert (found.units.holds, found.steps.holds) == (True, False)
    assert ": of units (of units ρ = " in claim_in_words(found)


def test_a_claim_is_true_of_steps_where_a_unit_s_own_move_together() -> None:
    moved, units = RNG.normal(size=(12, 20)), RNG.permutation(20) * 100.0
    found = claim(moved + units, moved - np.roll(units, 3) * 7)

    assert (found.units.holds, found.steps.holds) == (False, True)


def test_catches_a_claim_that_is_true_of_neither() -> None:
    found = claim(RNG.normal(size=(6, 20)), RNG.normal(size=(6, 20)))

    assert (found.units.holds, found.steps.holds) == (False, False)
    assert "of neither units nor steps" in claim_in_words(found)


def test_what_does_not_vary_tells_nothing() -> None:
    found = claim(np.ones((3, 4)), np.ones((3, 4)))

    assert "cannot be said" in claim_in_words(found)


def test_equal_values_share_their_rank() -> None:
    assert _ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_chance_is_small_only_where_many_agree() -> None:
    order = np.arange(30.0)[None]
    assert _correlation(order, order, np.random.default_rng(0)).chance == 1 / 1000
    assert not _correlation(order[:, :3], order[:, :3], np.random.default_rng(0)).holds


@pytest.mark.uncounted
def test_a_gate_of_one_value_has_no_variance_to_share() -> None:
    layer = only_layer(diagnose(cell(scale=0.0), steps=4, members=1, formats=()))

    assert np.isnan([layer.variance.z_between, layer.variance.r_between]).all()
