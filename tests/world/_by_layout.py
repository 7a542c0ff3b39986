"""What a backend answers, as functions of arrays by the names of a library's layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gruverify.backends.contract import NDArray
from gruverify.cell import LAYOUTS, PACKED, Cell, Gradients, Stack, Variant, parameter_name

#: Arrays, or dicts and lists and tuples of trees; None for what is not given.
Tree = Any


@dataclass(frozen=True)
class ByLayout:
    """Methods of a backend. A pullback takes what its values are taken at, and cotangents, and
    returns a gradient for each that was given; marks are lengths or a mask, which have none.
    """

    backend: Any
    layout: str
    variant: Variant

    def step(self, weights: Tree, x: NDArray, h: NDArray) -> NDArray:
        after: NDArray = self.backend.step(self._cell(weights), x, h)
        return after

    def step_vjp(self, given: Tree, cotangent: NDArray) -> Tree:
        weights, x, h = given
        return self._gradients(self.backend.step_vjp(self._cell(weights), x, h, cotangent), h)

    def run(self, weights: Tree, inputs: NDArray, state: NDArray | None) -> Tree:
        return self.backend.sequence(self._cell(weights), inputs, state)

    def run_vjp(self, given: Tree, cotangents: Tree) -> Tree:
        weights, inputs, state = given
        found = self.backend.sequence_vjp(self._cell(weights), inputs, state, *cotangents)
        return self._gradients(found, state)

    def run_jvp(self, given: Tree, along: Tree) -> Tree:
        weights, inputs, state = given
        return self.backend.sequence_jvp(self._cell(weights), inputs, state, self._tangent(along))

    def run_hvp(self, given: Tree, cotangents: Tree, along: Tree) -> Tree:
        weights, inputs, state = given
        found = self.backend.sequence_hvp(
            self._cell(weights), inputs, state, *cotangents, self._tangent(along)
        )
        return self._gradients(found, state)

    def masked(self, weights: Tree, inputs: NDArray, state: Tree, keep: NDArray) -> Tree:
        return self.backend.sequence_masked(self._cell(weights), inputs, state, keep)

    def masked_vjp(self, given: Tree, cotangents: Tree) -> Tree:
        weights, *others = given
        found = self.backend.sequence_masked_vjp(self._cell(weights), *others, *cotangents)
        return *self._gradients(found, others[1]), None

    def stack(self, batch_first: bool, rows: Tree, *others: Any) -> Tree:
        method = self.backend.stack_masked if _is_mask(others[-1]) else self.backend.stack
        return method(self._stack(rows), *others, batch_first)

    def stack_vjp(self, batch_first: bool, given: Tree, cotangents: Tree) -> Tree:
        rows, *others = given
        masked = _is_mask(others[-1])
        method = self.backend.stack_masked_vjp if masked else self.backend.stack_vjp
        found = method(self._stack(rows), *others, batch_first, *cotangents)
        d_rows: Tree = []
        for layer, row in enumerate(rows):
            d_rows.append([])
            for direction in range(len(row)):
                names = {name: parameter_name(name, layer, direction) for name in PACKED}
                own = {name: found.parameters.get(at) for name, at in names.items()}
                d_rows[-1].append(self._named(own))
        return d_rows, found.inputs, None if others[1] is None else found.states, None

    def _cell(self, weights: Mapping[str, NDArray]) -> Cell:
        return LAYOUTS[self.layout].cell(weights, self.variant)

    def _stack(self, rows: Tree) -> Stack:
        return Stack(tuple(tuple(map(self._cell, row)) for row in rows))

    def _tangent(self, along: Tree) -> Gradients:
        weights, inputs, state = along
        packed = LAYOUTS[self.layout].gradients(weights, self.variant)
        return Gradients(*(packed[name] for name in PACKED), inputs, state)

    def _gradients(self, found: Gradients, state: NDArray | None) -> Tree:
        return self._named(vars(found)), found.inputs, None if state is None else found.state

    def _named(self, packed: Mapping[str, NDArray | None]) -> dict[str, NDArray]:
        """Gradients of packed arrays by the layout's names."""
        arrays = {name: array for name in PACKED if (array := packed[name]) is not None}
        flat = np.concatenate([array.ravel() for array in arrays.values()])
        # A layout moves numbers and changes none: where each goes is read off a cell of places, for
        # a gradient may be infinite and a cell may not. Counted from 1: what a variant lacks is 0.
        places, start = dict[str, NDArray](), 1
        for name, array in arrays.items():
            counted = np.arange(start, start + array.size, dtype=float).reshape(array.shape)
            there = np.repeat(self.variant.mask(name), len(array) // 3)
            places[name] = (counted.T * there).T
            start += array.size
        named = LAYOUTS[self.layout].parameters(Cell(self.variant, **places))
        return {name: flat[at.astype(int) - 1] for name, at in named.items()}


def _is_mask(marks: NDArray | None) -> bool:
    return marks is not None and marks.ndim == 2
