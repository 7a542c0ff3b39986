"""Test vectors that others released, read back and judged: each is right, and says nothing of some
mistakes, which a GRU could make and pass all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gruverify.arithmetic import NDArray
from gruverify.judging import Ruling, record, rule, rule_last
from gruverify.models import grus_among

from ._released import KERAS, ONNX_RUNTIME, TFLITE, WEBNN, WEBNN_BEFORE, Vector

SETS = {"WebNN": WEBNN, "TensorFlow Lite": TFLITE, "ONNX Runtime": ONNX_RUNTIME, "Keras": KERAS}


def rulings(one: Vector, *, explain: bool = False) -> list[Ruling]:
    """The verdicts on what a vector expects, in float32 and with nothing declared."""
    [gru] = grus_among(one.weights, reset=one.reset, layout="onnx")
    found = record(
        gru.stack,
        one.inputs,
        one.outputs,
        state=one.state,
        lengths=one.lengths,
        backward=one.direction == "reverse",
        activations=one.activations,
    )
    each = list[Ruling]()
    if one.outputs is not None:
        each.append(rule(found, {}, explain=explain))
    if one.last is not None:
        each.append(rule_last(found, {0: one.last}, {}, explain=explain))
    return each


@pytest.mark.parametrize("name", SETS)
def test_they_are_right(name: str) -> None:
    each = [ruling for one in SETS[name] for ruling in rulings(one)]

    assert {ruling.verdict for ruling in each} == {"rounding"}
    # No bound is so wide that it says nothing.
    assert all(ruling.worst is not None and ruling.worst.ulp < 3 for ruling in each)
    assert sum(ruling.claimed for ruling in each) == sum(ruling.entries for ruling in each)


def test_webnns_were_wrong_until_they_said_where_the_reset_gate_is() -> None:
    [ruling] = rulings(WEBNN_BEFORE, explain=True)

    assert ruling.verdict == "bug"
    assert ruling.cause is not None
    # From a state of zeros these two are the same.
    assert ruling.cause.words == "bias_hh of the candidate outside the reset product"
    assert ruling.cause.others == ("reset gate applied before the product",)


def changed(one: Vector, leaf: str, change: Callable[[NDArray], NDArray]) -> Vector:
    """The vector with one of its weights changed, in blocks (D, gates, H, ...) of a copy."""
    if leaf not in one.weights:
        return one
    array, H = one.weights[leaf].copy(), one.weights["R"].shape[2]
    blocks = array.reshape(len(array), -1, H, *array.shape[2:])
    return replace(one, weights={**one.weights, leaf: change(blocks).reshape(array.shape)})


def without_recurrent_biases(one: Vector) -> Vector:
    return changed(one, "B", lambda blocks: blocks * (np.arange(6) < 3)[:, None])


def with_z_for_r(one: Vector) -> Vector:
    for leaf in "WRB":
        one = changed(one, leaf, lambda blocks: blocks[:, [1, 0, 2, 4, 3, 5][: blocks.shape[1]]])
    return one


OTHER = {"before": "after", "after": "before", "forward": "reverse", "reverse": "forward"}
#: What a GRU may do wrong, and pass.
MISTAKES: dict[str, Callable[[Vector], Vector]] = {
    "resets on the other side": lambda one: replace(one, reset=OTHER[one.reset]),
    "exchanges z and r": with_z_for_r,
    "transposes weight_hh": lambda one: changed(one, "R", lambda r: r.swapaxes(-1, -2)),
    "leaves bias_hh out": without_recurrent_biases,
    "starts from zeros": lambda one: replace(one, state=None),
    "ignores lengths": lambda one: replace(one, lengths=None),
    "ignores the direction": lambda one: replace(
        one, direction=OTHER.get(one.direction, one.direction)
    ),
}
PASSES: dict[str, set[str]] = {
    "WebNN": {"transposes weight_hh", "starts from zeros", "ignores lengths"},
    "TensorFlow Lite": {"leaves bias_hh out", "ignores lengths"},
    "ONNX Runtime": set(),
    "Keras": {"exchanges z and r", "transposes weight_hh", "ignores lengths"},
}


@pytest.mark.uncounted
@pytest.mark.parametrize("name", SETS)
def test_what_they_do_not_see(name: str) -> None:
    """As docs/export-cases.md says it."""
    unseen = {
        mistake
        for mistake, make in MISTAKES.items()
        if all(ruling.verdict == "rounding" for one in SETS[name] for ruling in rulings(make(one)))
    }

    assert unseen == PASSES[name]
