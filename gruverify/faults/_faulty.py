"""What most faults are made of: the right formulas, with one thing altered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

import numpy as np

from gruverify.arithmetic import FORMATS, Format, NDArray
from gruverify.backends import EVERY_METHOD, NumpyBackend
from gruverify.cell import VARIANTS, Cell, Gradients, Stack, StackGradients, Variant

#: Outputs (T, B, H) and the last state (B, H), or those of a stack.
Pair: TypeAlias = tuple[NDArray, NDArray]
_Value = TypeVar("_Value")

#: The variants with biases, and those that reset after the product or before it.
BIASED = tuple(variant for variant in VARIANTS if variant.bias)
AFTER = tuple(variant for variant in VARIANTS if variant.reset == "after")
BEFORE = tuple(variant for variant in VARIANTS if variant.reset == "before")


def same(value: _Value, *ignored: object) -> _Value:
    """No alteration."""
    return value


class TwoWays(NumpyBackend):
    """NumpyBackend with a second way to its Hessian-vector products, which is the first."""

    # Faults of one way must show against the other, so a right backend has to offer both.
    sequence_hvp_reverse = NumpyBackend.sequence_hvp


class Faulty:
    """NumpyBackend with one thing wrong.

    cell: what it takes the cell for; given: what it takes inputs, states and cotangents for;
    variants, formats: those it claims; and for each method of the contract: from the answer, the
    cell and the arguments to the answer given instead.
    """

    name = "faulty"

    def __init__(
        self,
        *,
        cell: Callable[[Cell], Cell] = same,
        given: Callable[[NDArray], NDArray] = same,
        variants: Sequence[Variant] = VARIANTS,
        formats: Sequence[Format] = FORMATS,
        **answers: Callable[..., object],
    ) -> None:
        if unknown := answers.keys() - set(EVERY_METHOD):
            known = ", ".join(EVERY_METHOD)
            raise TypeError(f"{min(unknown)!r} is not a method of the contract: {known}")
        self._cell, self._given, self._answers = cell, given, answers
        self.variants = variants
        self.formats = formats

    def __getattr__(self, method: str) -> Any:
        # Declarations are not handed on: a fault is held to the defaults of any backend.
        if method not in EVERY_METHOD or not hasattr(TwoWays, method):
            raise AttributeError(method)
        return partial(self._answer, method)

    def _answer(self, method: str, subject: Cell | Stack, *arguments: object) -> object:
        taken = (_taken(self._given, a) for a in arguments)
        right: Callable[..., object] = getattr(TwoWays(), method)
        answer = right(self._taken(subject), *taken)
        instead: Callable[..., object] = self._answers.get(method, same)
        return instead(answer, subject, *arguments)

    def _taken(self, subject: Cell | Stack) -> Cell | Stack:
        if isinstance(subject, Cell):
            return self._cell(subject)
        return Stack(tuple(tuple(map(self._cell, row)) for row in subject.cells))


def _taken(given: Callable[[NDArray], NDArray], argument: object) -> object:
    if isinstance(argument, Gradients):
        return altered(argument, given)
    # Lengths of a ragged batch stay as they are: `given` is about values.
    if isinstance(argument, np.ndarray) and argument.dtype.kind != "i":
        return given(argument)
    return argument


def changed(cell: Cell, **changes: Callable[[Any], Any]) -> Cell:
    """The cell with functions applied to some of its packed parameters."""
    return replace(cell, **{name: f(getattr(cell, name)) for name, f in changes.items()})


def gates(array: Any) -> list[NDArray]:
    """The blocks of a packed array, in the order r, z, c."""
    return np.split(array, 3)


def with_gates(packed: Any, **blocks: NDArray) -> NDArray:
    """A packed array with some of its blocks r, z, c replaced."""
    return np.concatenate(
        [blocks.get(gate, block) for gate, block in zip("rzc", gates(packed), strict=True)]
    )


def reordered(packed: NDArray, order: str) -> NDArray:
    """A packed array with its blocks in another order, such as "zrc"."""
    return np.concatenate([gates(packed)["rzc".index(gate)] for gate in order])


def altered(gradients: Gradients, f: Callable[[NDArray], NDArray]) -> Gradients:
    """The gradients of a cell with `f` applied to each."""
    changed = {name: None if a is None else f(a) for name, a in vars(gradients).items()}
    return Gradients(**changed)  # type: ignore[arg-type]  # None where there is no bias


def altered_stack(gradients: StackGradients, f: Callable[[NDArray], NDArray]) -> StackGradients:
    """The gradients of a stack with `f` applied to each."""
    parameters = {name: f(array) for name, array in gradients.parameters.items()}
    if gradients.states is None:
        states = None
    else:
        states = f(gradients.states)
    return StackGradients(parameters, f(gradients.inputs), states)
