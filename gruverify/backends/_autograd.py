"""What PyTorch can differentiate, as methods of a backend: values from the forward pass,
derivatives from autograd.

Gradients are computed even where the program around computes without, as one does that serves a
model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, TypeAlias

import numpy as np
import torch

from gruverify.arithmetic import NDArray
from gruverify.backends._refusals import translated
from gruverify.backends._tensors import numpy, tensor
from gruverify.cell import Cell, Gradients, Stack, StackGradients

#: Tensors by PyTorch's names of parameters.
Tensors: TypeAlias = Mapping[str, torch.Tensor]


class Loaded(ABC):
    """An implementation that holds one cell's weights.

    A step is called as loaded(x (B, I), h (B, H)) -> (B, H), a sequence as loaded(inputs (T, B, I),
    state (B, H) or None) -> (outputs (T, B, H), last (B, H)), a stack as loaded(inputs, states or
    None, lengths or None) -> (outputs, last).
    """

    @property
    @abstractmethod
    def parameters(self) -> Tensors:
        """Its leaf parameters, by PyTorch's names."""

    @abstractmethod
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The step, the sequence or the stack at its parameters: see the class."""

    @abstractmethod
    def at(self, parameters: Tensors) -> Loaded:
        """The same implementation at other parameters.

        Raises:
            NotImplementedError: it can be called at its own alone.
        """

    @abstractmethod
    def train(self, flag: bool) -> None:
        """Put it into training mode, or into evaluation mode."""


Load: TypeAlias = Callable[[Cell], Loaded]
LoadStack: TypeAlias = Callable[[Stack, bool], Loaded]

#: PyTorch has not given it a type.
_register_hook: Any = torch.Tensor.register_hook

#: Parameters by PyTorch's names, "inputs" and "state".
Leaves: TypeAlias = Tensors


@dataclass(frozen=True)
class AutogradStep:
    """step, in evaluation mode, and step_jacobian and step_vjp, in training mode, of an
    implementation of one step.
    """

    load: Load

    @translated
    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """The next state (B, H), from x (B, I) and h (B, H)."""
        loaded = self.load(cell)
        loaded.train(False)
        with torch.no_grad():
            return numpy(loaded(tensor(x), tensor(h)))

    @translated
    @torch.enable_grad()
    def step_jacobian(self, cell: Cell, x: NDArray, h: NDArray) -> tuple[NDArray, NDArray]:
        """∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I), by one backward pass over H copies of the batch,
        one for each output.
        """
        (B, H), copies = h.shape, cell.hidden_size
        loaded = self.load(cell)
        loaded.train(True)
        # Copy i is asked for output i alone, so its gradient is row i of the Jacobian.
        xs, hs = (tensor(a).repeat_interleave(copies, 0).requires_grad_() for a in (x, h))
        outputs = loaded(xs, hs).reshape(B, copies, H)
        dh, dx = torch.autograd.grad(outputs.diagonal(dim1=1, dim2=2).sum(), (hs, xs))
        return numpy(dh.reshape(B, copies, H)), numpy(dx.reshape(B, copies, x.shape[1]))

    @translated
    @torch.enable_grad()
    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
        """The gradients of one step at the cotangent (B, H)."""
        loaded = self.load(cell)
        loaded.train(True)
        x_, h_ = tensor(x).requires_grad_(), tensor(h).requires_grad_()
        return _gradients(loaded, [loaded(x_, h_)], [tensor(cotangent)], x_, h_)


@dataclass(frozen=True)
class AutogradSequence:
    """sequence, in evaluation mode, and sequence_vjp, in training mode, of an implementation of a
    whole sequence.
    """

    load: Load

    @translated
    def sequence(
        self, cell: Cell, inputs: NDArray, state: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        loaded = self.load(cell)
        loaded.train(False)
        with torch.no_grad():
            outputs, last = loaded(tensor(inputs), _tensor_or_none(state))
        return numpy(outputs), numpy(last)

    @translated
    @torch.enable_grad()
    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Gradients at the cotangents d_outputs (T, B, H) and d_last (B, H), either of which may be
        None.
        """
        loaded = self.load(cell)
        loaded.train(True)  # cuDNN's layers have no gradients in evaluation mode
        x_, h_ = tensor(inputs).requires_grad_(), _leaf_or_none(state)
        return _gradients(loaded, *with_cotangents(loaded(x_, h_), d_outputs, d_last), x_, h_)


@dataclass(frozen=True)
class AutogradMasks:
    """Sequences of which members skip steps, or start some from zeros, as a loop over an
    implementation of one step.
    """

    load: Load

    @translated
    def sequence_masked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), where keep (T, B) says which steps are
        skipped.
        """
        return self._values(cell, inputs, state, keep, np.zeros_like(keep))

    @translated
    def sequence_restarted(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, restart: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), where restart (T, B) says which steps start from
        zeros.
        """
        return self._values(cell, inputs, state, np.zeros_like(restart), restart)

    @translated
    def sequence_masked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Its gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        return self._pulled(cell, inputs, state, keep, np.zeros_like(keep), d_outputs, d_last)

    @translated
    def sequence_restarted_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Its gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        return self._pulled(cell, inputs, state, np.zeros_like(restart), restart, d_outputs, d_last)

    @translated
    def sequence_marked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray, restart: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), of members that skip some steps and start some
        from zeros.
        """
        return self._values(cell, inputs, state, keep, restart)

    @translated
    def sequence_marked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Its gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        return self._pulled(cell, inputs, state, keep, restart, d_outputs, d_last)

    def _values(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray, restart: NDArray
    ) -> tuple[NDArray, NDArray]:
        with torch.no_grad():
            given = tensor(inputs), _tensor_or_none(state)
            outputs, last = _masked(self.load(cell), cell, *given, keep, restart)
        return numpy(outputs), numpy(last)

    @torch.enable_grad()
    def _pulled(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        loaded = self.load(cell)
        x_, h_ = tensor(inputs).requires_grad_(), _leaf_or_none(state)
        found = _masked(loaded, cell, x_, h_, keep, restart)
        return _gradients(loaded, *with_cotangents(found, d_outputs, d_last), x_, h_)


@dataclass(frozen=True)
class AutogradZoneout:
    """Sequences of which single units keep their state, as a loop over an implementation of one
    step.
    """

    load: Load

    @translated
    def sequence_zoneout(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep_units: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), where keep_units (T, B, H) says which units keep
        their state.
        """
        with torch.no_grad():
            given = tensor(inputs), _tensor_or_none(state)
            outputs, last = _zoneout(self.load(cell), cell, *given, keep_units)
        return numpy(outputs), numpy(last)

    @translated
    @torch.enable_grad()
    def sequence_zoneout_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep_units: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Its gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        loaded = self.load(cell)
        x_, h_ = tensor(inputs).requires_grad_(), _leaf_or_none(state)
        found = _zoneout(loaded, cell, x_, h_, keep_units)
        return _gradients(loaded, *with_cotangents(found, d_outputs, d_last), x_, h_)


def _zoneout(
    step: Loaded,
    cell: Cell,
    inputs: torch.Tensor,
    state: torch.Tensor | None,
    keep_units: NDArray,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The outputs (T, B, H) and the last state (B, H)."""
    h, outputs = _start(cell, inputs, state), list[torch.Tensor]()
    for x, kept in zip(inputs, tensor(keep_units), strict=True):
        after = step(x, h)
        # A mask selects: multiplied by 0, what is no number would show.
        if kept.dtype == torch.bool:
            h = torch.where(kept, h, after)
        else:
            h = kept * h + (1 - kept) * after
        outputs.append(h)
    return _along_time(inputs, outputs, h)


def _start(cell: Cell, inputs: torch.Tensor, state: torch.Tensor | None) -> torch.Tensor:
    """The initial state (B, H): zeros, if none is given."""
    if state is None:
        return inputs.new_zeros(inputs.shape[1], cell.hidden_size)
    return state


def _along_time(
    inputs: torch.Tensor, outputs: list[torch.Tensor], last: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    # torch.stack refuses to stack nothing.
    if not outputs:
        return inputs.new_zeros(0, *last.shape), last
    return torch.stack(outputs), last


def _masked(
    step: Loaded,
    cell: Cell,
    inputs: torch.Tensor,
    state: torch.Tensor | None,
    keep: NDArray,
    restart: NDArray,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The outputs (T, B, H) and the last state (B, H)."""
    h, outputs = _start(cell, inputs, state), list[torch.Tensor]()
    for x, kept, anew in zip(inputs, tensor(keep), tensor(restart), strict=True):
        # Selected, and not multiplied by 0 or 1: 0·NaN would be NaN.
        h = torch.where(anew[:, None], torch.zeros_like(h), h)
        h = torch.where(kept[:, None], h, step(x, h))
        outputs.append(h)
    return _along_time(inputs, outputs, h)


def _tensor_or_none(array: NDArray | None) -> torch.Tensor | None:
    """The array as a tensor; None, which is not a state, stays None."""
    if array is None:
        return None
    return tensor(array)


def _leaf_or_none(array: NDArray | None) -> torch.Tensor | None:
    """The array as a tensor that gets a gradient; None stays None."""
    if array is None:
        return None
    return tensor(array).requires_grad_()


def with_cotangents(
    values: Sequence[torch.Tensor], *cotangents: NDArray | None
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The values that have a cotangent, and the cotangents."""
    pairs = [(v, tensor(d)) for v, d in zip(values, cotangents, strict=True) if d is not None]
    return [v for v, _ in pairs], [d for _, d in pairs]


@dataclass(frozen=True)
class AutogradStack:
    """stack, in evaluation mode, and stack_vjp, in training mode, of an implementation of
    stacks.
    """

    load: LoadStack

    @translated
    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), arranged as the inputs are."""
        loaded = self.load(stack, batch_first)
        loaded.train(False)
        with torch.no_grad():
            outputs, last = loaded(tensor(inputs), _tensor_or_none(states), lengths)
        return numpy(outputs), numpy(last)

    @translated
    @torch.enable_grad()
    def stack_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        """Gradients at the cotangents d_outputs (T, B, D·H) and d_last (L·D, B, H), either of which
        may be None.
        """
        loaded = self.load(stack, batch_first)
        loaded.train(True)
        x_, h_ = tensor(inputs).requires_grad_(), _leaf_or_none(states)
        leaves = {**loaded.parameters, "inputs": x_}
        if h_ is not None:
            leaves["states"] = h_
        gradients = grad(*with_cotangents(loaded(x_, h_, lengths), d_outputs, d_last), leaves)
        found = {name: numpy(gradient) for name, gradient in gradients.items()}
        d_inputs, d_states = found.pop("inputs"), found.pop("states", None)
        return StackGradients(found, d_inputs, d_states)


def _gradients(
    loaded: Loaded,
    values: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    inputs: torch.Tensor,
    state: torch.Tensor | None,
) -> Gradients:
    leaves = {**loaded.parameters, "inputs": inputs}
    if state is not None:
        leaves["state"] = state
    return packed(grad(values, cotangents, leaves))


def grad(
    values: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    leaves: Leaves,
    *,
    create_graph: bool = False,
) -> Leaves:
    """The gradients of the leaves, by their names."""
    # What a value does not depend on has the gradient 0: whether it should depend on it is for the
    # invariants to say.
    found = torch.autograd.grad(
        loss(values, cotangents),
        list(leaves.values()),
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return dict(zip(leaves, found, strict=True))


def loss(values: Sequence[torch.Tensor], cotangents: Sequence[torch.Tensor]) -> torch.Tensor:
    """A number whose gradients in the values are the cotangents, bit for bit.

    PyTorch takes cotangents itself, too, but to compare their shapes it then imports a second's
    worth of its compiler.
    """
    return reduce(add, map(_sum_with_gradient, values, cotangents))


def _sum_with_gradient(value: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    # It depends on nothing: no hook can be put on it, and 0 is what `grad` makes of it.
    if not value.requires_grad:
        return value.sum()
    if value.dtype != gradient.dtype:  # else PyTorch would name a function of ours
        returned, asked = (str(one.dtype).removeprefix("torch.") for one in (value, gradient))
        raise TypeError(
            f"the module returned {returned} for {asked}: it has no gradient in {asked}"
        )
    if value.shape != gradient.shape:
        raise TypeError(
            f"the module returned the shape {tuple(value.shape)}, expected {tuple(gradient.shape)}"
        )
    # An alias, because the value itself may be part of another one, whose gradient it must get as
    # well.
    alias = value.view_as(value)
    _register_hook(alias, lambda ones: gradient)
    return alias.sum()


def packed(gradients: Leaves) -> Gradients:
    """Tensors by their names as `Gradients`."""
    arrays = {name: numpy(gradient) for name, gradient in gradients.items()}
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "inputs", "state")
    return Gradients(*(arrays.get(name) for name in names))  # type: ignore[arg-type]  # None where there is no bias
