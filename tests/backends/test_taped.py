"""Cells and layers of a framework that records, here PyTorch, with the names of libraries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gruverify
from gruverify import Variant, float32
from gruverify.backends._autograd import grad
from gruverify.backends._taped import Function, TapedCell, TapedStack, Weights
from gruverify.backends._taped_masks import TapedMasks
from gruverify.backends._tensors import numpy, tensor
from gruverify.backends.contract import NDArray
from gruverify.invariants import INVARIANTS


class Engine:
    """Functions of PyTorch's tensors."""

    def values(self, function: Function, given: Sequence[NDArray]) -> list[NDArray]:
        return [numpy(found) for found in function([tensor(array) for array in given])]

    def pulled(
        self, function: Function, given: Sequence[NDArray], cotangents: Sequence[NDArray]
    ) -> list[NDArray]:
        leaves: dict[Any, Any] = {
            at: tensor(array).requires_grad_() for at, array in enumerate(given)
        }
        answers = function(list(leaves.values()))
        found = grad(answers, [tensor(array) for array in cotangents], leaves)
        return [numpy(gradient) for gradient in found.values()]


def step(weights: Weights, x: Any, h: Any) -> Any:
    """Equinox's arrangement: one bias, and the candidate's."""
    i = x @ weights["weight_ih"].T + weights["bias"]
    r_h, z_h, n_h = (h @ weights["weight_hh"].T).chunk(3, 1)
    r_i, z_i, n_i = i.chunk(3, 1)
    r, z = torch.sigmoid(r_i + r_h), torch.sigmoid(z_i + z_h)
    return (1 - z) * torch.tanh(n_i + r * (n_h + weights["bias_n"])) + z * h


def stack(
    rows: list[list[Weights]], inputs: Any, states: Any, lengths: None, batch_first: bool
) -> tuple[Any, Any]:
    """Layers of one direction."""
    xs, last = inputs.transpose(0, 1) if batch_first else inputs, []
    for layer, [weights] in enumerate(rows):
        if states is None:
            h = xs.new_zeros(xs.shape[1], weights["weight_hh"].shape[1])
        else:
            h = states[layer]
        outputs = []
        for x in xs:
            h = step(weights, x, h)
            outputs.append(h)
        xs = torch.stack(outputs) if outputs else xs.new_zeros(0, *h.shape)
        last.append(h)
    return xs.transpose(0, 1) if batch_first else xs, torch.stack(last)


VARIANT = Variant(biases="input+candidate")
CELL = TapedCell("cell", "equinox", (VARIANT,), (float32,), Engine(), step)
STACK = TapedStack(
    "layers",
    "equinox",
    (VARIANT,),
    (float32,),
    Engine(),
    stack,
    unbatched=False,
    lengths=False,
    bidirectional=False,
)


def masked(weights: Weights, inputs: Any, state: Any, keep: Any) -> tuple[Any, Any]:
    """A layer that skips steps, with outputs of 0 there."""
    h = inputs.new_zeros(inputs.shape[1], weights["weight_hh"].shape[1]) if state is None else state
    outputs = []
    for x, kept in zip(inputs, torch.from_numpy(keep.copy())[..., None], strict=True):
        h = torch.where(kept, h, step(weights, x, h))
        outputs.append(torch.where(kept, 0, h))
    return torch.stack(outputs), h


MASKS = TapedMasks(
    *(getattr(STACK, name) for name in ("name", "layout_name", "variants", "formats", "engine")),
    stack,
    unbatched=False,
    lengths=False,
    bidirectional=False,
    plain_masked=masked,
    masked_outputs="zero",
)


def failed(backend: Any, *only: str) -> set[str]:
    """The ids of what fails in a few cases."""
    result = gruverify.check(backend, profile="quick", max_cases=6, only=only)
    assert any(tally.passed for tally in result.tallies.values())
    return {id for (id, _, _), tally in result.tallies.items() if tally.falsified or tally.error}


ASKED = "agreement/step", "agreement/step-vjp"
#: Of one layer: the layers above take lengths, and no mask.
MASKED = [id for id, one in INVARIANTS.items() if one.family == "masks" and not one.of_stacks]
OF_STACKS = "stack/outputs", "stack/gradient-*", "stack/batch-first"


def test_a_right_cell_and_right_layers_conform() -> None:
    assert failed(CELL, *ASKED) == set()
    assert failed(STACK, *OF_STACKS) == set()


def candidate_bias_dropped(weights: Weights, x: Any, h: Any) -> Any:
    return step({**weights, "bias_n": 0 * weights["bias_n"]}, x, h)


def carry_path_cut(weights: Weights, x: Any, h: Any) -> Any:
    return step(weights, x, h) + 0 * h + (h - h.detach())


@pytest.mark.parametrize(
    ("wrong", "id"),
    [(candidate_bias_dropped, "agreement/step"), (carry_path_cut, "agreement/step-vjp")],
)
def test_catches_a_fault_behind_a_cell(wrong: Callable[..., Any], id: str) -> None:
    assert failed(replace(CELL, plain_step=wrong), id) == {id}


def layers_exchanged(rows: Any, *given: Any) -> tuple[Any, Any]:
    outputs, last = stack(rows, *given)
    return outputs, last.flip(0)


def gradients_of_outputs_dropped(*given: Any) -> tuple[Any, Any]:
    outputs, last = stack(*given)
    return outputs.detach(), last


@pytest.mark.parametrize(
    ("wrong", "id"),
    [
        (layers_exchanged, "stack/last"),
        (gradients_of_outputs_dropped, "stack/gradient-of-outputs"),
    ],
)
def test_catches_a_fault_behind_layers(wrong: Callable[..., Any], id: str) -> None:
    assert failed(replace(STACK, plain_stack=wrong), id) == {id}


def mask_inverted(weights: Weights, inputs: Any, state: Any, keep: Any) -> tuple[Any, Any]:
    return masked(weights, inputs, state, ~keep)


def state_detached(weights: Weights, inputs: Any, state: Any, keep: Any) -> tuple[Any, Any]:
    return masked(weights, inputs, None if state is None else state.detach(), keep)


@pytest.mark.slow
def test_right_masks_conform_and_a_fault_behind_them_is_caught() -> None:
    assert failed(MASKS, *MASKED) == set()
    assert "masks/kept" in failed(replace(MASKS, plain_masked=mask_inverted), *MASKED)
    wrong = failed(replace(MASKS, plain_masked=state_detached), *MASKED)
    assert wrong == {"masks/gradient", "masks/gradient-passes"}
