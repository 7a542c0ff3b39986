"""Layers that take their marks as an argument: right ones conform, and each fault is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import linear

import gruverify
from gruverify import Cell, float32
from gruverify.backends import NumpyBackend
from gruverify.backends._marked import MarkedSequence
from gruverify.engine._small_cases import drawn_for

NUMPY = NumpyBackend()
ONLY = ["masks/restart-each-step", "masks/restart-gradient"]


def restarted(weights: Any, inputs: Any, state: Any, restart: Any) -> tuple[Any, Any]:
    """A layer that starts from zeros where it is told to."""
    w_ih, w_hh, *biases = weights.values()
    b_ih, b_hh = biases or (None, None)
    h = inputs.new_zeros(inputs.shape[1], w_hh.shape[1]) if state is None else state
    outputs = []
    for x, anew in zip(inputs, restart[..., None], strict=True):
        h = torch.where(anew, 0, h)
        a, b = linear(x, w_ih, b_ih).chunk(3, 1), linear(h, w_hh, b_hh).chunk(3, 1)
        r, z = (a[0] + b[0]).sigmoid(), (a[1] + b[1]).sigmoid()
        h = (1 - z) * (a[2] + r * b[2]).tanh() + z * h
        outputs.append(h)
    return torch.stack(outputs), h


def one_step_late(weights: Any, inputs: Any, state: Any, restart: Any) -> tuple[Any, Any]:
    return restarted(weights, inputs, state, restart.roll(1, 0))


def state_detached(weights: Any, inputs: Any, state: Any, restart: Any) -> tuple[Any, Any]:
    return restarted(weights, inputs, None if state is None else state.detach(), restart)


def weights_detached(weights: Any, inputs: Any, state: Any, restart: Any) -> tuple[Any, Any]:
    constant = {name: weight.detach() for name, weight in weights.items()}
    return restarted(constant, inputs, state, restart)


def test_catches_a_start_from_zeros_that_passes_a_nan_on() -> None:
    """A state times 0 is NaN where the state is."""

    def by_product(cell: Cell, inputs: Any, state: Any, restart: Any) -> Any:
        outputs, h = list[Any](), state
        if state is None:
            h = np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype)
        for x, anew in zip(inputs, restart[..., None], strict=True):
            h = NUMPY.step(cell, x, (h * ~anew).astype(x.dtype))
            outputs.append(h)
        return np.stack(outputs), h.copy()

    wrong = gruverify.backend(sequence_restarted=by_product, formats=[float32])
    (case,) = drawn_for(NUMPY, float32, [gruverify.Variant()], 0, 1)

    gruverify.assert_holds("masks/restart-forgets", NUMPY, case)
    with pytest.raises(AssertionError, match="outputs, another past"):
        gruverify.assert_holds("masks/restart-forgets", wrong, case)


@pytest.mark.uncounted
@pytest.mark.usefixtures("unexplained")
@pytest.mark.parametrize(
    ("run", "caught"),
    [
        (restarted, set[str]()),
        (one_step_late, set(ONLY)),
        (state_detached, {"masks/restart-gradient"}),
        pytest.param(weights_detached, {"masks/restart-gradient"}, marks=pytest.mark.slow),
    ],
)
def test_a_right_layer_conforms_and_catches_a_fault_behind_it(
    run: Callable[..., Any], caught: set[str]
) -> None:
    marked = MarkedSequence(run)
    mine = gruverify.backend(
        sequence_restarted=marked.values,
        sequence_restarted_vjp=marked.gradients,
        name="marked",
        formats=[float32],
    )

    result = gruverify.check(mine, max_cases=4, only=ONLY)

    failed = {id for id, _ in result.witnesses}
    assert failed == caught
    assert any(tally.passed for tally in result.tallies.values())
