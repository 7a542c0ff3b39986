"""Layers of PyTorch of which members skip steps, or start some from zeros, by an argument of their
own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch

from gruverify.arithmetic import NDArray
from gruverify.backends._autograd import AutogradSequence, Loaded, Tensors
from gruverify.backends._tensors import tensor
from gruverify.cell import Cell, Gradients

#: From a cell's weights, by nn.GRU's names, inputs (T, B, I), state (B, H) or None and marks (T, B)
#: of bool to the outputs (T, B, H) and the last state (B, H).
MarkedRun: TypeAlias = Callable[
    [Tensors, torch.Tensor, "torch.Tensor | None", torch.Tensor],
    tuple[torch.Tensor, torch.Tensor],
]


@dataclass(frozen=True)
class MarkedSequence:
    """Values and gradients of a run, as methods of a backend: sequence_masked and its gradient, or
    sequence_restarted and its.
    """

    run: MarkedRun

    def values(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, marks: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        return self._at(marks).sequence(cell, inputs, state)

    def gradients(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        marks: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Gradients at the cotangents d_outputs (T, B, H) and d_last (B, H), either of which may be
        None.
        """
        return self._at(marks).sequence_vjp(cell, inputs, state, d_outputs, d_last)

    def _at(self, marks: NDArray) -> AutogradSequence:
        def load(cell: Cell) -> Loaded:
            leaves = {name: tensor(a).requires_grad_() for name, a in cell.packed().items()}
            return _Marked(self.run, marks, leaves)

        return AutogradSequence(load)


@dataclass(frozen=True)
class _Marked(Loaded):
    """A run at the weights of a cell and at marks (T, B)."""

    run: MarkedRun
    marks: NDArray
    own: Tensors

    @property
    def parameters(self) -> Tensors:
        return self.own

    def __call__(
        self, inputs: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        weights = {f"{name}_l0": weight for name, weight in self.own.items()}
        return self.run(weights, inputs, state, tensor(self.marks))

    def at(self, parameters: Tensors) -> Loaded:
        return replace(self, own=parameters)

    def train(self, flag: bool) -> None:
        """There is no dropout."""
