"""Three trained GRUs, and what theory says of them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gruverify.diagnosis import advice, claim_in_words, diagnose, verdict
from tests.diagnosis._models import DATA, STEPS, UNITS, diagnosed, only_layer, trained

#: Keeps hardly anything, whatever the weights do.
LOWERED = -8.0
DELAY = 30


@pytest.mark.parametrize("name", ["adding", "delay", "integrator"])
def test_a_trained_gru_is_small_and_says_what_wrote_it(name: str) -> None:
    path = DATA / f"{name}.npz"

    assert path.stat().st_size < 2**13
    with np.load(path) as file:
        assert re.fullmatch(r"torch [\w.+]+, seed \d+, \d+ updates", str(file["about"]))
        assert file["x"].shape[0] == STEPS[name]


def test_the_delay_is_carried_by_gates_that_keep_for_its_length() -> None:
    layer = only_layer(diagnosed("delay"))

    assert layer.memory.length.steps >= DELAY
    assert layer.memory.source == "carry"
    carriers = list(layer.memory.carriers)
    # To have half of its value left after k steps a unit must keep this at each.
    assert (layer.units.z_mean[carriers] > 2 ** (-1 / DELAY) - 0.02).all()
    assert layer.units.longest_carry[carriers].min() == DELAY
    assert verdict(layer) == "remembers at least 31 steps, by 3 of 8 units that carry"
    assert "active update gates: of units (" in claim_in_words(layer.claims[0])


def test_a_detuned_delay_loses_its_memory_and_it_is_said_where() -> None:
    before, after = only_layer(diagnosed("delay")), only_layer(diagnosed("delay", LOWERED))

    assert before.memory.carriers == (1, 2, 3)
    assert after.memory.carriers == ()
    assert after.memory.length.steps < 5
    assert after.memory.source == "elman"
    assert (after.memory.carried[[1, 2, 3]] < before.memory.carried[[1, 2, 3]] / 100).all()
    assert "through the candidate" in verdict(after)
    assert any("chrono initialisation" in line for line in advice(after, recorded=True))
    assert not any("chrono initialisation" in line for line in advice(before, recorded=True))


def test_the_integrator_keeps_its_state_whole_by_z_and_the_candidate_together() -> None:
    """Z alone would keep 7 steps of 60: the candidate hands back what z lets go."""
    layer = only_layer(diagnosed("integrator"))

    assert np.abs(layer.by_lag.median("all")).max() < 0.25  # ln: neither fades nor grows
    assert layer.memory.length.at_least
    assert (layer.memory.source, layer.memory.needed) == ("together", ("carry", "elman"))
    assert layer.memory.parts["carry"].steps < 10
    assert np.abs(layer.spectrum[:, 0] - 1).max() < 0.1  # one slow mode


def test_what_a_fixed_point_holds_does_not_depend_on_z() -> None:
    """A line of states with c(h) = h stays one where z changes (theory 7)."""
    layer = only_layer(diagnosed("integrator", LOWERED))

    assert layer.memory.length.at_least
    assert "carry" not in layer.memory.needed


def test_the_gates_of_the_adder_open_at_its_markers() -> None:
    _, x = trained("adding")
    layer = only_layer(diagnosed("adding"))
    marked = x[:, 0, 1] == 1

    assert marked.sum() == 2
    taken = (1 - layer.z)[marked].mean(0) / (1 - layer.z)[~marked].mean(0)
    assert np.sort(taken)[-3] > 2  # three units take in more than twice as much there
    assert layer.memory.length.steps >= len(x)
    assert set(layer.memory.needed) == {"carry", "elman"}


@pytest.mark.uncounted
def test_catches_gates_that_do_not_look_at_the_markers() -> None:
    weights, x = trained("adding")
    weights["rnn.weight_ih_l0"][UNITS : 2 * UNITS, 1] = 0
    layer = only_layer(diagnose(weights, x, formats=()))
    marked = x[:, 0, 1] == 1

    taken = (1 - layer.z)[marked].mean(0) / (1 - layer.z)[~marked].mean(0)
    assert np.sort(taken)[-3] < 2


def test_the_terms_of_the_gradient_reach_back_to_the_value_of_the_delay() -> None:
    layer, lost = only_layer(diagnosed("delay")), only_layer(diagnosed("delay", LOWERED))

    # Silence has no term: the input is 0 then. The value in the first step has.
    assert (layer.terms.sizes[:-1] == 0).all()
    assert layer.terms.sizes[-1] > 1000 * lost.terms.sizes[-1]
