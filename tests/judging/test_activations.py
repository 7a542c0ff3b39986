"""Recorded runs of GRUs that have other activation functions than σ and tanh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Format, Stack, Variant, float16, float32, float64
from gruverify.arithmetic import functions_named
from gruverify.judging import BadRecord, Ruling, distance, envelope, judge, record, rule
from gruverify.judging._causes import source_of
from gruverify.judging._walk import initial
from gruverify.testing import assert_gru_close

from ._runs import NDArray, run

pytestmark = pytest.mark.uncounted

Function = Callable[[NDArray], NDArray]


def sigmoid(x: NDArray) -> NDArray:
    return 1 / (1 + np.exp(-x))


def hard(x: NDArray) -> NDArray:
    return np.clip(x.dtype.type(0.2) * x + x.dtype.type(0.5), 0, 1)


def hard_of_keras_3(x: NDArray) -> NDArray:
    number = x.dtype.type
    return np.clip(x + number(3), number(0), number(6)) / number(6)


def relu(x: NDArray) -> NDArray:
    return np.maximum(x, x.dtype.type(0))


#: What libraries say of the functions above, and the words of a verdict.
SAID = {
    hard: ("hard_sigmoid(0.2, 0.5)", "hard_sigmoid 0.2x + 0.5"),
    hard_of_keras_3: ("hard_sigmoid(1/6, 0.5)", "hard_sigmoid x/6 + 0.5"),
    relu: ("relu", "relu"),
    np.tanh: ("tanh", "tanh"),
    sigmoid: ("sigmoid", "sigmoid"),
}


def states(stack: Stack, inputs: NDArray, h: NDArray, gate: Function, other: Function) -> NDArray:
    """The states (L, T, B, H) of a GRU that resets after the product, every operation in the
    format.
    """
    layers = []
    for row, start in zip(stack.cells, h, strict=True):
        cell, state, found = row[0], start, []
        W, R = np.split(cell.weight_ih, 3), np.split(cell.weight_hh, 3)
        assert cell.bias_ih is not None
        assert cell.bias_hh is not None
        b, c = np.split(cell.bias_ih, 3), np.split(cell.bias_hh, 3)
        for x in inputs:
            r, z = (gate(x @ W[k].T + b[k] + state @ R[k].T + c[k]) for k in (0, 1))
            n = other(x @ W[2].T + b[2] + r * (state @ R[2].T + c[2]))
            state = z * state + (1 - z) * n
            found.append(state)
        inputs = np.stack(found)
        layers.append(inputs)
    return np.stack(layers)


def ruling(
    gate: Function, other: Function, said: Any, *, fmt: Format = float32, **sizes: Any
) -> Ruling:
    """The verdict on a run that has these functions, where others may be said."""
    one = run(H=4, T=12, B=3, fmt=fmt, reach=0.8, **sizes)
    outputs = states(one.stack, one.inputs, one.state, gate, other)
    return judge(one.stack, one.inputs, outputs, state=one.state, activations=said, kappa_sigma=8)


@pytest.mark.parametrize("fmt", [float16, float32, float64], ids=str)
@pytest.mark.parametrize("other", [np.tanh, relu, hard_of_keras_3])
@pytest.mark.parametrize("gate", [hard, hard_of_keras_3, np.tanh])
def test_a_right_run_is_rounding(gate: Function, other: Function, fmt: Format) -> None:
    found = ruling(gate, other, (SAID[gate][0], SAID[other][0]), fmt=fmt)

    assert found.verdict == "rounding"
    assert found.claimed > 0.9 * found.entries


@pytest.mark.parametrize("fmt", [float16, float32, float64], ids=str)
@pytest.mark.parametrize(
    ("gate", "other", "words"),
    [
        (hard, np.tanh, "the gates read as hard_sigmoid 0.2x + 0.5"),
        (hard_of_keras_3, np.tanh, "the gates read as hard_sigmoid x/6 + 0.5"),
        (sigmoid, relu, "the candidate reads as relu"),
        (hard, relu, "the gates read as hard_sigmoid 0.2x + 0.5, and the candidate reads as relu"),
        (np.tanh, sigmoid, "the functions of gates and candidate are exchanged"),
    ],
)
def test_a_run_with_other_functions_says_which(
    gate: Function, other: Function, words: str, fmt: Format
) -> None:
    found = ruling(gate, other, "sigmoid,tanh", fmt=fmt)

    assert found.verdict == "bug"
    assert found.cause is not None
    assert found.cause.words == words


def test_catches_functions_that_are_said_and_ignored() -> None:
    found = ruling(sigmoid, np.tanh, ("hard_sigmoid(0.2, 0.5)", "relu"))

    assert found.verdict == "bug"
    assert found.reasons == (
        "this explains all of it: its activations are ignored: it has sigmoid and tanh",
    )


def test_catches_the_slope_of_the_other_keras() -> None:
    found = ruling(hard, np.tanh, ("hard_sigmoid(1/6, 0.5)", "tanh"))

    assert found.cause is not None
    assert found.cause.words == "the gates read as hard_sigmoid 0.2x + 0.5"


@pytest.mark.parametrize(
    ("gate", "other"),
    [(hard, np.tanh), (hard_of_keras_3, relu), (sigmoid, relu), (hard, hard)],
)
def test_an_envelope_holds_runs_of_other_roundings(gate: Function, other: Function) -> None:
    one = run(H=4, T=40, B=2, reach=0.5)
    said = functions_named((SAID[gate][0], SAID[other][0]))
    found = record(one.stack, one.inputs, one.outputs, state=one.state, activations=said)
    source = source_of(found, {"kappa_sigma": 8})
    mode = source.model.mode

    around = envelope(source.model, 0, 0, source.inputs(0), initial(found, mode, 0, 0))

    assert around.radius is not None
    narrow = states(one.stack, one.inputs, one.state, gate, other)[0]
    wide = Stack(((_wider(one.cell),),))
    exact = states(wide, one.inputs.astype(float), one.state.astype(float), gate, other)[0]
    for outputs in (narrow.astype(float), exact):
        assert (np.abs(outputs - around.mid) <= around.radius).all()
    assert around.radius.max() < 2.0**-8


def _wider(cell: Cell) -> Cell:
    arrays = {name: array.astype(float) for name, array in cell.packed().items()}
    return Cell(cell.variant, **arrays)


def test_an_envelope_at_a_jump_claims_nothing_wrong() -> None:
    def jumps(x: NDArray) -> NDArray:
        return np.where(x > 0.25, x, x.dtype.type(0))

    one = run(H=4, T=20, B=8, reach=0.5)
    said = ("sigmoid", "thresholded_relu(0.25)")
    found = record(one.stack, one.inputs, one.outputs, state=one.state, activations=said)
    source = source_of(found, {"kappa_sigma": 8})

    with np.errstate(invalid="ignore"):  # of an infinite slope times nothing
        first = initial(found, source.model.mode, 0, 0)
        around = envelope(source.model, 0, 0, source.inputs(0), first)

    outputs = states(one.stack, one.inputs, one.state, sigmoid, jumps)[0]
    assert around.radius is not None
    assert (np.abs(outputs - around.mid) <= around.radius).all()


def test_inner_layers_that_are_not_recorded_are_enclosed() -> None:
    one = run(H=4, T=12, B=2, layers=2, reach=0.5)
    outputs = states(one.stack, one.inputs, one.state, hard, np.tanh)
    given = {"state": one.state, "kappa_sigma": 8}

    right = judge(
        one.stack, one.inputs, outputs[-1], activations=("hard_sigmoid(0.2,0.5)", "tanh"), **given
    )
    wrong = judge(one.stack, one.inputs, outputs[-1], **given)

    assert right.verdict == "rounding"
    assert wrong.cause is not None
    assert wrong.cause.words == "the gates read as hard_sigmoid 0.2x + 0.5"


@pytest.mark.slow
def test_states_without_a_range_claim_by_their_own_size() -> None:
    one = run(H=4, T=12, B=3, reach=0.8)
    outputs = 64 * states(one.stack, one.inputs, one.state, sigmoid, relu)

    found = record(one.stack, one.inputs, outputs, activations="sigmoid,relu")
    usual = record(one.stack, one.inputs, outputs)

    assert found.functions[0].scale is None
    assert usual.functions[0].scale == 2.0
    assert rule(found, {}).claimed == rule(found, {}).entries


def test_two_runs_of_a_relu_may_be_farther_apart_than_states_of_tanh() -> None:
    one = run(H=4, T=12, B=3, reach=0.8)
    outputs = states(one.stack, one.inputs, one.state, sigmoid, relu)[0]
    nudged = np.nextafter(outputs, np.float32(9))
    given = {"state": one.state, "activations": "sigmoid,relu"}
    records = [record(one.stack, one.inputs, ys, **given) for ys in (outputs, nudged)]
    rulings = [rule(each, {"kappa_sigma": 8}) for each in records]

    found = distance(records[0], records[1], {"kappa_sigma": 8}, (rulings[0], rulings[1]))

    assert [each.verdict for each in rulings] == ["rounding", "rounding"]
    assert found.most == np.inf
    assert found.explained is not None
    assert (found.apart <= found.explained).all()


def test_assert_gru_close_takes_the_functions() -> None:
    one = run(H=4, T=12, B=3, reach=0.8, variant=Variant())
    outputs = states(one.stack, one.inputs, one.state, hard, relu)[0]
    given = {"state": one.state, "kappa_sigma": 8}

    assert_gru_close(
        one.stack, one.inputs, outputs, activations="hard_sigmoid(0.2, 0.5),relu", **given
    )
    with pytest.raises(AssertionError, match=r"the gates read as hard_sigmoid 0.2x \+ 0.5"):
        assert_gru_close(one.stack, one.inputs, outputs, **given)


def test_functions_that_are_none_are_named() -> None:
    one = run()

    with pytest.raises(BadRecord, match="gelu is not modelled here"):
        judge(one.stack, one.inputs, one.outputs, activations=("gelu", "tanh"))
