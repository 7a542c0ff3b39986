"""Masked steps, zoneout and steps that start from zeros: right runs pass, and what is done instead
is found and named.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import Variant
from gruverify.backends import NumpyBackend
from gruverify.judging import BadRecord, judge, record, rule
from gruverify.testing import assert_gru_close

from ._runs import KAPPA, NDArray, Run, run

NUMPY = NumpyBackend()
T, B, H = 20, 2, 3
RANDOM = np.random.default_rng(0)
#: In mid-sequence, in the first step and the last, and of all units alike.
MASKED = RANDOM.random((T, B)) < 0.4
MASKED[0, 0] = MASKED[-1, 1] = True
#: Per unit and step, and what stands for it in evaluation.
ZONED_OUT = RANDOM.random((T, B, H)) < 0.4
SHARES = np.full((T, B, H), 0.3, "f4").astype("f8")
RESTARTED = RANDOM.random((T, B)) < 0.3


def recorded(
    one: Run, keep: Any = None, restart: Any = None, zero_outputs: bool = False, flip: bool = False
) -> NDArray:
    """The outputs (T, B, H) of a loop of steps; flip: from the last step to the first."""
    h, found = one.state[0], np.zeros_like(one.outputs)
    for t in reversed(range(T)) if flip else range(T):
        if restart is not None:
            h = np.where(restart[t][:, None], np.float32(0), h)
        after = NUMPY.step(one.cell, one.inputs[t], h)
        m = np.float32(0) if keep is None else keep[t].astype("f4").reshape(B, -1)
        h = m * h + (1 - m) * after
        found[t] = h
        if zero_outputs:
            found[t] = np.where(keep[t][:, None], np.float32(0), h)
    return found


RIGHT: dict[str, dict[str, Any]] = {
    "masked": {"keep": MASKED},
    "masked, zeros": {"keep": MASKED, "zero_outputs": True},
    "zoneout": {"keep": ZONED_OUT},
    "shares of zoneout": {"keep": SHARES},
    "restarted": {"restart": RESTARTED},
    "all": {"keep": MASKED, "restart": RESTARTED, "zero_outputs": True},
}


@pytest.mark.parametrize("masks", RIGHT.values(), ids=RIGHT)
def test_a_right_run_is_rounding_and_every_number_claims_something(masks: dict[str, Any]) -> None:
    one = run()

    ruling = judge(one.cell, one.inputs, recorded(one, **masks), state=one.state, **masks, **KAPPA)

    assert (ruling.verdict, ruling.beyond) == ("rounding", 0)
    assert ruling.claimed == ruling.entries == T * B * H


#: What is recorded, what is said, and what the verdict calls it.
MISTAKES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the mask is ignored: every step is computed, and nothing is kept": ({}, {"keep": MASKED}),
    "the mask is inverted": ({"keep": ~MASKED}, {"keep": MASKED}),
    "the outputs of masked steps are 0, and not the state": (
        {"keep": MASKED, "zero_outputs": True},
        {"keep": MASKED},
    ),
    "the outputs of masked steps are the state, and not 0": (
        {"keep": MASKED},
        {"keep": MASKED, "zero_outputs": True},
    ),
    "no step starts from zeros: each goes on": ({}, {"restart": RESTARTED}),
    "steps start from zeros one step too late": (
        {"restart": np.concatenate([np.zeros((1, B), bool), RESTARTED[:-1]])},
        {"restart": RESTARTED},
    ),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_catches_what_is_done_instead(words: str) -> None:
    one, (done, said) = run(), MISTAKES[words]

    ruling = judge(one.cell, one.inputs, recorded(one, **done), state=one.state, **said, **KAPPA)

    assert ruling.verdict == "bug"
    assert ruling.cause is not None
    assert ruling.cause.words == words


def test_catches_a_kept_state_that_is_one_unit_of_the_last_place_off() -> None:
    one = run()
    outputs = recorded(one, keep=MASKED)
    t, b = np.argwhere(MASKED)[3]
    outputs[t, b, 0] = np.nextafter(outputs[t, b, 0], np.float32(2))

    found = record(one.cell, one.inputs, outputs, state=one.state, keep=MASKED)
    ruling = rule(found, KAPPA, explain=False)

    assert ruling.verdict == "bug"
    assert ruling.first is not None
    assert (ruling.first.step, ruling.first.member, ruling.first.bound) == (t, b, 0.0)


def test_what_a_masked_step_reads_does_not_matter() -> None:
    one = run()
    x = np.where(MASKED[..., None], np.float32(np.nan), one.inputs)
    outputs = recorded(one, keep=MASKED)

    assert_gru_close(one.cell, x, outputs, state=one.state, keep=MASKED, **KAPPA)


def test_both_directions_keep_their_states_at_masked_steps() -> None:
    one, other = run(), run(seed=1)
    stack = replace(one.stack, cells=((one.cell, other.cell),))
    backward = recorded(replace(other, inputs=one.inputs), keep=MASKED, flip=True)
    outputs = np.concatenate([recorded(one, keep=MASKED), backward], -1)
    states = np.concatenate([one.state, other.state])
    given = one.inputs.swapaxes(0, 1), outputs.swapaxes(0, 1)

    ruling = judge(stack, *given, state=states, keep=MASKED.T, batch_first=True, **KAPPA)

    assert ruling.verdict == "rounding"


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"keep": MASKED[:5]}, "keep has shape (5, 2), expected one number for each step"),
        ({"restart": MASKED.T}, "restart has shape (2, 20), expected one number for each step"),
        ({"keep": 2 * MASKED}, "keep has numbers that are no shares, from 0 to 1"),
        ({"restart": MASKED / 2}, "restart has numbers that are neither 0 nor 1"),
        ({"zero_outputs": True}, "zero_outputs is about masked steps: keep says which"),
        ({"keep": ZONED_OUT, "zero_outputs": True}, "zero_outputs is about masked steps"),
    ],
)
def test_masks_that_do_not_fit_are_refused_in_one_line(masks: Any, message: str) -> None:
    one = run()

    with pytest.raises(BadRecord) as refused:
        judge(one.cell, one.inputs, one.outputs, **masks)

    assert message in str(refused.value)


def test_masks_need_the_outputs_of_every_layer() -> None:
    two = run(layers=2, variant=Variant("before"))

    with pytest.raises(BadRecord, match="need the outputs of every layer"):
        judge(two.stack, two.inputs, two.outputs, keep=MASKED)
