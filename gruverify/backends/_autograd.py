"""What PyTorch can differentiate, as methods of a backend: values from the forward pass, derivatives from autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from gruverify.backends._protocol import NDArray
from gruverify.backends._tensors import numpy, tensor
from gruverify.cell import Cell, Gradients


@dataclass(frozen=True)
class Loaded:
    """An implementation that holds one cell's weights: its leaf parameters by PyTorch's names, and how to call it.

    A step is called as call(x (B, I), h (B, H)) -> (B, H), a sequence as call(inputs (T, B, I), state (B, H) or None)
    -> (outputs (T, B, H), last (B, H)).
    """

    parameters: Mapping[str, torch.Tensor]
    call: Callable[..., Any]


Load: TypeAlias = Callable[[Cell], Loaded]


@dataclass(frozen=True)
class AutogradStep:
    """step, step_jacobian and step_vjp of an implementation of one step."""

    load: Load

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """X (B, I), h (B, H) -> (B, H)."""
        with torch.no_grad():
            return numpy(self.load(cell).call(tensor(x), tensor(h)))

    def step_jacobian(self, cell: Cell, x: NDArray, h: NDArray) -> tuple[NDArray, NDArray]:
        """Dh (B, H, H) and dx (B, H, I), by one backward pass over H copies of the batch, one for each output."""
        (B, H), copies = h.shape, cell.hidden_size
        xs, hs = (tensor(a).repeat_interleave(copies, 0).requires_grad_() for a in (x, h))
        outputs = self.load(cell).call(xs, hs).reshape(B, copies, H)
        own = outputs.diagonal(dim1=1, dim2=2)
        dh, dx = torch.autograd.grad(own, (hs, xs), torch.ones_like(own))
        return numpy(dh.reshape(B, copies, H)), numpy(dx.reshape(B, copies, -1))

    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
        """The gradients of one step at the cotangent (B, H)."""
        loaded = self.load(cell)
        x_, h_ = tensor(x).requires_grad_(), tensor(h).requires_grad_()
        return _gradients(loaded, [loaded.call(x_, h_)], [tensor(cotangent)], x_, h_)


@dataclass(frozen=True)
class AutogradSequence:
    """sequence and sequence_vjp of an implementation of a whole sequence."""

    load: Load

    def sequence(self, cell: Cell, inputs: NDArray, state: NDArray | None) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        with torch.no_grad():
            outputs, last = self.load(cell).call(tensor(inputs), None if state is None else tensor(state))
        return numpy(outputs), numpy(last)

    def sequence_vjp(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, d_outputs: NDArray | None, d_last: NDArray | None
    ) -> Gradients:
        """Gradients at the cotangents d_outputs (T, B, H) and d_last (B, H), either of which may be None."""
        loaded = self.load(cell)
        x_, h_ = tensor(inputs).requires_grad_(), None if state is None else tensor(state).requires_grad_()
        values = loaded.call(x_, h_)
        used = [(v, tensor(d)) for v, d in zip(values, (d_outputs, d_last), strict=True) if d is not None]
        return _gradients(loaded, [v for v, _ in used], [d for _, d in used], x_, h_)


def _gradients(
    loaded: Loaded,
    values: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    inputs: torch.Tensor,
    state: torch.Tensor | None,
) -> Gradients:
    leaves = {**loaded.parameters, "inputs": inputs, **({} if state is None else {"state": state})}
    # What a value does not depend on has the gradient 0: whether it should depend on it is for the invariants to say.
    found = torch.autograd.grad(values, list(leaves.values()), cotangents, allow_unused=True, materialize_grads=True)
    arrays = {name: numpy(gradient) for name, gradient in zip(leaves, found, strict=True)}
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "inputs", "state")
    return Gradients(*(arrays.get(name) for name in names))  # type: ignore[arg-type]  # None where there is no bias
