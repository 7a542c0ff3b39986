"""A GRU of a framework that records what it computes: layers as a stack, a cell as steps, with the
framework's own gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from gruverify.arithmetic import Format
from gruverify.backends.contract import NDArray
from gruverify.cell import (
    LAYOUTS,
    Cell,
    Gradients,
    Layout,
    Stack,
    StackGradients,
    Variant,
    parameter_name,
)

Weights: TypeAlias = dict[str, Any]
#: From tensors of the framework to tensors of it.
Function: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]


class Engine(Protocol):
    """What a framework does with a function of its tensors."""

    def values(self, function: Function, given: Sequence[NDArray]) -> list[NDArray]:
        """What the function returns for these arrays."""
        ...

    def pulled(
        self, function: Function, given: Sequence[NDArray], cotangents: Sequence[NDArray]
    ) -> list[NDArray]:
        """The gradients of the arrays given, at the cotangents of what it returns."""
        ...


@dataclass(frozen=True)
class _Taped:
    """What cells and layers have in common."""

    name: str
    layout_name: str
    variants: Sequence[Variant]
    formats: Sequence[Format]
    engine: Engine

    @property
    def layout(self) -> Layout:
        """The library's arrangement of a cell's parameters."""
        return LAYOUTS[self.layout_name]


@dataclass(frozen=True)
class TapedCell(_Taped):
    """A cell of plain_step(weights, x, h), the weights by the layout's names."""

    plain_step: Callable[[Weights, Any, Any], Any]
    subnormals: bool = True

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """The next state (B, H), from x (B, I) and h (B, H)."""
        function, arrays = self._as_function(cell)
        [following] = self.engine.values(function, [*arrays, own(x), own(h)])
        return following

    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
        """The gradients of one step at the cotangent (B, H)."""
        function, arrays = self._as_function(cell)
        *weights, d_x, d_h = self.engine.pulled(
            function, [*arrays, own(x), own(h)], [own(cotangent)]
        )
        names = self.layout.parameters(cell)
        found: dict[str, Any] = self.layout.gradients(
            dict(zip(names, weights, strict=True)), cell.variant
        )
        return Gradients(**found, inputs=d_x, state=d_h)

    def _as_function(self, cell: Cell) -> tuple[Function, list[NDArray]]:
        weights = self.layout.parameters(cell)

        def function(tensors: Sequence[Any]) -> list[Any]:
            *arrays, x, h = tensors
            return [self.plain_step(dict(zip(weights, arrays, strict=True)), x, h)]

        return function, [own(array) for array in weights.values()]


@dataclass(frozen=True)
class TapedStack(_Taped):
    """Of plain_stack(rows, inputs, states, lengths, batch_first): the weights of each layer and
    direction, by the layout's names.

    lengths is an array of NumPy's or None, states a tensor or None.
    """

    plain_stack: Callable[..., tuple[Any, Any]]
    unbatched: bool = True
    lengths: bool = True
    bidirectional: bool | None = None
    num_layers: int | None = None
    batch_first: bool | None = None
    subnormals: bool | Mapping[str, bool] = True

    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), arranged as the inputs are."""
        function, arrays = self._as_function(stack, states is not None, lengths, batch_first)
        moving = [own(array) for array in (inputs, states) if array is not None]
        outputs, last = self.engine.values(function, [*arrays, *moving])
        return outputs, last

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
        function, arrays = self._as_function(stack, states is not None, lengths, batch_first)
        moving = [own(array) for array in (inputs, states) if array is not None]
        H, D, L = stack.hidden_size, stack.directions, stack.layers
        # (B,), or () where there is no batch: then inputs are (T, I).
        members = inputs.shape[slice(0, 1) if batch_first else slice(1, -1)]
        outputs, last = (*inputs.shape[:-1], D * H), (L * D, *members, H)
        cotangents = [
            np.zeros(shape, inputs.dtype) if given is None else own(given)
            for shape, given in ((outputs, d_outputs), (last, d_last))
        ]
        found = self.engine.pulled(function, [*arrays, *moving], cotangents)
        weights, [d_inputs, *d_states] = found[: len(arrays)], found[len(arrays) :]
        return StackGradients(
            self._packed(stack, weights), d_inputs, d_states[0] if d_states else None
        )

    def _as_function(
        self, stack: Stack, started: bool, lengths: NDArray | None, batch_first: bool
    ) -> tuple[Function, list[NDArray]]:
        """The function of all arrays in a row, and those of the weights."""
        weights = [self.layout.parameters(cell) for row in stack.cells for cell in row]
        D = stack.directions

        # Weights in a row and named inside: frameworks differentiate lists of tensors.
        def function(tensors: Sequence[Any]) -> tuple[Any, Any]:
            rest = iter(tensors)
            each = [{name: next(rest) for name in named} for named in weights]
            rows = [each[at : at + D] for at in range(0, len(each), D)]
            inputs = next(rest)
            return self.plain_stack(
                rows, inputs, next(rest) if started else None, lengths, batch_first
            )

        return function, [own(array) for named in weights for array in named.values()]

    def _packed(self, stack: Stack, gradients: Sequence[NDArray]) -> dict[str, NDArray]:
        """Gradients of the weights by nn.GRU's names."""
        rest, found = iter(gradients), dict[str, NDArray]()
        for layer, row in enumerate(stack.cells):
            for direction, cell in enumerate(row):
                named = {name: next(rest) for name in self.layout.parameters(cell)}
                for name, array in self.layout.gradients(named, stack.variant).items():
                    if array is not None:
                        found[parameter_name(name, layer, direction)] = array
        return found


def own(array: NDArray) -> NDArray:
    """A copy that lies in a row: frameworks may keep what they are given, and take no odd
    strides.
    """
    return np.array(array, order="C")
