"""What reach is given: boxes, sizes, models, and what is wrong with them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import Variant, float16, float32
from gruverify.backends import BadDeclaration
from gruverify.reaching import Boxes, CannotReach, Model, bisected
from tests.reaching._models import DATA, H, I, T, inputs, reach, stack_of

STACK = stack_of(Variant(), float32)
ZEROS = np.zeros((T, 1, I))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give recorded inputs and a radius, or a box"),
        ({"inputs": ZEROS, "box": (0, 1)}, "or a box of LOW and HIGH: not both"),
        ({"inputs": ZEROS, "radius": -1}, "--radius -1 must be a number of 0 or more"),
        ({"inputs": ZEROS, "radius": np.nan}, "--radius nan must be a number"),
        ({"inputs": ZEROS, "steps": 0}, "steps=0: give at least 1"),
        ({"inputs": ZEROS, "steps": 9}, "steps=9, and there are inputs of 5"),
        ({"inputs": np.zeros((3, 7))}, "with I=2"),
        ({"inputs": np.zeros(3, int)}, "looks like tokens"),
        ({"inputs": ZEROS * np.nan}, "every number must be finite"),
        ({"box": (1, 0), "steps": 2}, "LOW 1 of the input box is above HIGH 0 at [0, 0, 0]"),
        ({"box": (np.nan, 0), "steps": 2}, "LOW of the input box is nan at [0, 0, 0]"),
        ({"box": (0, np.inf), "steps": 2}, "HIGH of the input box is inf"),
        ({"box": (0, 1)}, "give --steps T"),
        ({"box": ([0, 0, 0], 1), "steps": 2}, "the box has shape (3,), expected a number"),
        ({"box": ([0, 0], [1, 1, 1]), "steps": 2}, "LOW has shape (2,) and HIGH (3,)"),
        ({"box": (np.zeros((0, 2)), 1)}, "there is no step"),
        ({"box": ("a", 1), "steps": 2}, "LOW has dtype"),
        ({"box": (0, 1), "steps": 2, "radius": 1}, "a radius is around recorded inputs"),
        ({"box": (0, 1), "steps": 2, "state": np.zeros((3, 3))}, "state has shape (3, 3)"),
        ({"box": (0, 1), "steps": 2, "state_radius": -2}, "--state-radius -2"),
        ({"box": (0, 1), "steps": 2, "state_box": (1, -1)}, "LOW 1 of the state box is above"),
        (
            {"box": (0, 1), "steps": 2, "state_box": (0, 1), "state_radius": 1},
            "a box of states has no middle",
        ),
        ({"box": (0, 1), "steps": 2, "split": 3}, "split=3 must be 1, 2, 4, 8"),
        ({"box": (0, 1), "steps": 2, "roots": -1}, "roots=-1 must be a whole number"),
        ({"box": (0, 1), "steps": 2, "max_memory": 0.0}, "max_memory=0 must be a number"),
        ({"box": (0, 1), "steps": 2, "max_memory": 1e-6}, "more than --max-memory 1e-06"),
        ({"box": (0, 1), "steps": 2, "split": 2**50}, "more than --max-memory 4: fewer"),
        ({"box": (0, 1), "steps": 10**15}, "steps=1000000000000000 are boxes of more than fits"),
        ({"box": (0, 1e9), "steps": 2, "format": "f16"}, "leaves the range of float16"),
        ({"box": (0, 1), "steps": 2, "head": "out"}, "'out' is not a linear layer of the model"),
        ({"box": (0, 1), "steps": 2, "format": "f8"}, "f8"),
    ],
)
def test_what_makes_no_sense_is_told_on_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as told:
        reach(STACK, **given)
    assert "\n" not in str(told.value)


def test_a_declaration_is_one_of_accuracy() -> None:
    with pytest.raises(BadDeclaration, match="declares nothing of accuracy"):
        reach(STACK, box=(0, 1), steps=1, declared={"biases": "none"})
    plain, wide = (
        reach(STACK, box=(0, 1e-3), steps=2, format="bf16", declared=declared)
        for declared in ({}, {"kappa": 16})
    )
    assert (wide.width > plain.width).all()


def test_boxes_in_every_form_are_the_same_box() -> None:
    low, high = np.full(I, -0.1), np.full((T, I), 0.1)
    wanted = reach(STACK, box=(-0.1, 0.1), steps=T)
    for box in ((low, -low), (-high, high), (-high[:, None], high[:, None])):
        found = reach(STACK, box=box, steps=T)
        np.testing.assert_array_equal(found.low, wanted.low)
    around = reach(STACK, ZEROS, radius=0.1)
    np.testing.assert_array_equal(around.high, wanted.high)
    np.testing.assert_array_equal(reach(STACK, ZEROS[:, 0], radius=0.1).high, wanted.high)
    states = reach(STACK, box=(low, -low), steps=T, state_box=(np.zeros((1, H)), 0.0))
    np.testing.assert_array_equal(states.high, wanted.high)


def test_members_are_boxes_of_their_own() -> None:
    xs = inputs(3)
    together = reach(STACK, xs, radius=0.1, state=np.full((3, H), 0.3))
    for b in range(3):
        alone = reach(STACK, xs[:, b], radius=0.1, state=np.full((1, H), 0.3))
        np.testing.assert_allclose(together.low[:, b], alone.low[:, 0], atol=2e-3)
    by_batch = reach(STACK, xs.swapaxes(0, 1), radius=0.1, batch_first=True)
    np.testing.assert_array_equal(by_batch.low, reach(STACK, xs, radius=0.1).low)


def test_a_file_a_mapping_and_the_lazy_name_give_the_same() -> None:
    path = DATA / "adding.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "about"}
    given: dict[str, Any] = {"box": (-0.1, 0.1), "steps": 3, "head": "readout"}
    one, other = gruverify.reach(path, **given), gruverify.reach(arrays, **given)

    np.testing.assert_array_equal(one.low, other.low)
    assert one.y_low is not None
    assert one.seconds > 0
    assert isinstance(one, gruverify.Reach)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"out.weight": np.zeros((2, 9))}, "expected (C, 8)"),
        ({"out.weight": np.zeros((2, 8)), "out.bias": np.zeros(3)}, "bias of shape (3,)"),
        ({"fc.weight": np.zeros((2, 8))}, "there is fc"),
    ],
)
def test_a_linear_layer_that_does_not_fit_is_told(arrays: dict[str, Any], message: str) -> None:
    with np.load(DATA / "adding.npz") as file:
        weights = {name: file[name] for name in file.files if name.startswith("rnn.")}
    with pytest.raises(CannotReach) as told:
        reach({**weights, **arrays}, box=(0, 1), steps=1, head="out")
    assert message in str(told.value)


def test_an_embedding_needs_what_the_gru_is_given() -> None:
    with np.load(DATA / "adding.npz") as file:
        weights = {name: file[name] for name in file.files if name.startswith("rnn.")}
    with pytest.raises(CannotReach, match=r"emb.weight .* stands before the GRU: record"):
        reach({**weights, "emb.weight": np.zeros((100, 2))})


def test_weights_that_overflow_in_a_format_are_told() -> None:
    with pytest.raises(CannotReach, match="in float16"):
        reach(stack_of(Variant(), float32, scale=1e5), box=(0, 1), steps=1, format=float16)


def test_pieces_cover_the_box() -> None:
    whole, states = np.ones((T, 2, I)), np.zeros((1, 2, H))
    boxes = Boxes(-whole, whole, states, states.copy(), "")
    boxes.state_high[..., 1] = 0.5
    pieces = bisected(Model(STACK), boxes, 8)

    assert pieces.members == 16
    volume = (pieces.high - pieces.low).prod((0, 2)) * (
        np.where(pieces.state_high > pieces.state_low, pieces.state_high - pieces.state_low, 1)
    ).prod((0, 2))
    np.testing.assert_allclose(volume.reshape(2, 8).sum(1), 2.0 ** (T * I) * 0.5)
    assert (pieces.low.reshape(T, 2, 8, I).min(2) == -1).all()
    assert (pieces.high.reshape(T, 2, 8, I).max(2) == 1).all()
