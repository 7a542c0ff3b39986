"""Derivatives along a direction by PyTorch: where it has them, and what it says where it has
not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import float64, torch_backend
from gruverify.engine import judge
from gruverify.invariants import INVARIANTS
from gruverify.invariants.core._tangent import tangent_of

from ._cases import case, writable

torch = pytest.importorskip("torch")

from gruverify.backends._directions import translated  # needs torch

nn = torch.nn
SECOND = [
    entry
    for entry in INVARIANTS.values()
    if any("hvp" in method or "jvp" in method for method in entry.needs)
]


class OnceDifferentiable(torch.autograd.Function):
    """σ whose backward pass cannot be differentiated, and says so; it has no forward mode."""

    @staticmethod
    def forward(ctx: Any, a: Any) -> Any:
        s = torch.sigmoid(a)
        ctx.save_for_backward(s)
        return s

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g: Any) -> Any:
        (s,) = ctx.saved_tensors
        return g * s * (1 - s)


class Silent(OnceDifferentiable):
    """The same, for whose backward pass the saved gate is a constant."""

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (s,) = ctx.saved_tensors
        return g * (s * (1 - s)).detach()


def layer(sigmoid: Any) -> Any:
    """A GRU over a sequence with that σ."""

    class Layer(nn.Module):
        def __init__(self, input_size: int, hidden_size: int) -> None:
            super().__init__()
            self.weight_ih_l0 = nn.Parameter(torch.zeros(3 * hidden_size, input_size))
            self.weight_hh_l0 = nn.Parameter(torch.zeros(3 * hidden_size, hidden_size))
            self.bias_ih_l0 = nn.Parameter(torch.zeros(3 * hidden_size))
            self.bias_hh_l0 = nn.Parameter(torch.zeros(3 * hidden_size))

        def forward(self, inputs: Any, h0: Any = None) -> Any:
            h = (
                inputs.new_zeros(inputs.shape[1], self.weight_hh_l0.shape[1])
                if h0 is None
                else h0[0]
            )
            outputs = []
            for x in inputs:
                i_r, i_z, i_n = (x @ self.weight_ih_l0.T + self.bias_ih_l0).chunk(3, 1)
                h_r, h_z, h_n = (h @ self.weight_hh_l0.T + self.bias_hh_l0).chunk(3, 1)
                r, z = sigmoid(i_r + h_r), sigmoid(i_z + h_z)
                n = torch.tanh(i_n + r * h_n)
                h = n + z * (h - n)
                outputs.append(h)
            return torch.stack(outputs), h[None]

    return Layer


def statuses(sigmoid: Any) -> dict[str, str]:
    """What becomes of the invariants of second derivatives."""
    made = torch_backend(sequence=layer(sigmoid), formats=[float64])
    return {j.invariant.id: j.tally.status for j in judge(case(), made, SECOND)}


def test_all_are_asked_of_a_layer_that_autograd_can_differentiate_twice() -> None:
    found = statuses(torch.sigmoid)
    # A module that stacks its outputs has none to stack after no steps.
    empty = {id for id in found if id.startswith("contract/no-steps")}
    assert {id: found[id] for id in found.keys() - empty} == dict.fromkeys(
        {e.id for e in SECOND} - empty, "passed"
    )
    assert {found[id] for id in empty} == {"not applicable"}


def test_what_pytorch_cannot_differentiate_is_not_applicable() -> None:
    assert set(statuses(OnceDifferentiable.apply).values()) == {"not applicable"}
    assert statuses(OnceDifferentiable.apply).keys() == {entry.id for entry in SECOND}


def test_catches_a_second_derivative_that_takes_saved_gates_for_constants() -> None:
    assert statuses(Silent.apply)["second-order/hvp-reverse"] == "falsified"


@pytest.mark.parametrize(
    "message",
    [
        "derivative for aten::_thnn_fused_gru_cell_backward is not implemented",
        "Trying to use forward AD with _cudnn_rnn that does not support it because it has not "
        "been implemented yet.",
        "torch.compile with aot_autograd does not currently support double backward",
    ],
)
def test_refusals_of_pytorch_are_translated(message: str) -> None:
    def refusing() -> None:
        raise RuntimeError(f"{message}\nmore of it")

    with pytest.raises(NotImplementedError) as caught:
        translated(refusing)()
    assert str(caught.value) == message


def test_other_errors_stay_what_they_are() -> None:
    def failing() -> None:
        raise RuntimeError("size mismatch")

    with pytest.raises(RuntimeError, match="size mismatch") as caught:
        translated(failing)()
    assert not isinstance(caught.value, NotImplementedError)


def test_no_state_is_a_state_of_zeros_along_a_direction() -> None:
    one, backend = case(), torch_backend(sequence=nn.GRU)
    tangent, zeros = tangent_of(one), 0 * one.state
    for method, given in (
        ("sequence_jvp", ()),
        ("sequence_hvp", (one.d_outputs.copy(), one.d_last.copy())),
    ):
        without, expected = (
            getattr(backend, method)(writable(one.cell), one.inputs.copy(), state, *given, tangent)
            for state in (None, zeros.copy())
        )
        pairs = (
            zip(without, expected, strict=True)
            if isinstance(without, tuple)
            else [(without.state, expected.state)]
        )
        assert all(np.array_equal(found, wanted) for found, wanted in pairs)
