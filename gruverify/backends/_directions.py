"""Derivatives along a direction by PyTorch: forward mode, forward over reverse, and reverse over
reverse.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad

from gruverify.arithmetic import NDArray
from gruverify.backends._autograd import Leaves, Load, Loaded, grad, loss, packed, with_cotangents
from gruverify.backends._refusals import translated
from gruverify.backends._tensors import numpy, tensor
from gruverify.cell import Cell, Gradients

#: PyTorch has not given these types.
_make_dual: Any = forward_ad.make_dual
_unpack_dual: Any = forward_ad.unpack_dual


@dataclass(frozen=True)
class AutogradDirections:
    """sequence_jvp, sequence_hvp and sequence_hvp_reverse of an implementation of a whole
    sequence.
    """

    load: Load

    @translated
    def sequence_jvp(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
    ) -> tuple[NDArray, NDArray]:
        """The derivatives of outputs (T, B, H) and last state (B, H) along the tangent, by forward
        mode.
        """
        loaded = self.load(cell)
        with _forward_mode(), torch.no_grad():
            moving = _moving(_leaves(loaded, tensor(inputs), _start(cell, inputs, state)), tangent)
            outputs, last = _called(loaded, moving)
            return numpy(_moved(outputs)), numpy(_moved(last))

    @translated
    @torch.enable_grad()
    def sequence_hvp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        tangent: Gradients,
    ) -> Gradients:
        """The derivative of `sequence_vjp` along the tangent, by forward mode over reverse mode."""
        loaded = self.load(cell)
        leaves = _leaves(loaded, tensor(inputs), _start(cell, inputs, state))
        with _forward_mode():
            moving = _moving(leaves, tangent)
            values, cotangents = with_cotangents(_called(loaded, moving), d_outputs, d_last)
            gradients = grad(values, [_resting(cotangent) for cotangent in cotangents], moving)
            return packed({name: _moved(gradient) for name, gradient in gradients.items()})

    @translated
    @torch.enable_grad()
    def sequence_hvp_reverse(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        tangent: Gradients,
    ) -> Gradients:
        """The same by reverse mode twice: the gradient of the gradient's product with the
        tangent.
        """
        loaded = self.load(cell)
        leaves = _leaves(loaded, tensor(inputs), _start(cell, inputs, state))
        gradients = grad(
            *with_cotangents(_called(loaded, leaves), d_outputs, d_last), leaves, create_graph=True
        )
        return packed(_backward(gradients, tangent, leaves))


@contextmanager
def _forward_mode() -> Iterator[None]:
    with warnings.catch_warnings():
        # PyTorch compiles rules of its own when forward mode is first used, in a way that it has
        # deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        with forward_ad.dual_level():
            yield


def _leaves(loaded: Loaded, inputs: torch.Tensor, state: torch.Tensor) -> Leaves:
    return {**loaded.parameters, "inputs": inputs.requires_grad_(), "state": state.requires_grad_()}


# Zeros where there is no state: only a tensor can move.
def _start(cell: Cell, inputs: NDArray, state: NDArray | None) -> torch.Tensor:
    return tensor(
        np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype) if state is None else state
    )


def _moving(leaves: Leaves, tangent: Gradients) -> Leaves:
    return {name: _make_dual(leaf, tensor(getattr(tangent, name))) for name, leaf in leaves.items()}


def _resting(constant: torch.Tensor) -> torch.Tensor:
    """A constant with a tangent of zeros: for one that has none PyTorch imports a second's worth of
    its compiler.
    """
    resting: torch.Tensor = _make_dual(constant, torch.zeros_like(constant))
    return resting


def _moved(value: torch.Tensor) -> torch.Tensor:
    """The tangent; what does not move has none."""
    tangent: torch.Tensor | None = _unpack_dual(value).tangent
    if tangent is None:
        return torch.zeros_like(value)
    return tangent


def _backward(gradients: Leaves, tangent: Gradients, leaves: Leaves) -> Leaves:
    """The gradients of ⟨gradients, tangent⟩, by a backward pass over all of the graph.

    Asked for some leaves alone, PyTorch leaves out what `once_differentiable` forbids, where it
    should refuse.
    """
    moving = {name: gradient for name, gradient in gradients.items() if gradient.requires_grad}
    for leaf in leaves.values():
        leaf.grad = None
    torch.autograd.backward(
        loss(list(moving.values()), [tensor(getattr(tangent, name)) for name in moving])
    )
    found = {
        name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        for name, leaf in leaves.items()
    }
    for leaf in leaves.values():
        leaf.grad = None
    return found


def _called(loaded: Loaded, leaves: Leaves) -> tuple[torch.Tensor, torch.Tensor]:
    parameters = {name: leaf for name, leaf in leaves.items() if name not in ("inputs", "state")}
    outputs, last = loaded.at(parameters)(leaves["inputs"], leaves["state"])
    return outputs, last
