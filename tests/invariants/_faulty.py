"""What a fault is made of: the right formulas, with one thing altered, and the invariants that must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gruverify import VARIANTS, Backend, Cell, Gradients, float32
from gruverify.backends import METHODS, NumpyBackend


@dataclass(frozen=True)
class Fault:
    """A wrong GRU. Each build starts afresh, for a fault may have a memory; `falsifies` are ids of invariants."""

    name: str
    build: Callable[[], Backend]
    falsifies: tuple[str, ...]


FAULTS: dict[str, Fault] = {}


def fault(*falsifies: str) -> Callable[[Callable[[], Backend]], Callable[[], Backend]]:
    """Put the decorated builder of a backend into the bank."""

    def register(build: Callable[[], Backend]) -> Callable[[], Backend]:
        FAULTS[build.__name__] = Fault(build.__name__, build, falsifies)
        return build

    return register


def same(value: Any, *ignored: Any) -> Any:
    """No alteration."""
    return value


class Faulty:
    """NumpyBackend with one thing wrong.

    cell: what it takes the cell for; given: what it takes inputs, states and cotangents for; each method of the
    contract: from the answer, the cell and the arguments to the answer given instead.
    """

    name = "faulty"
    variants = VARIANTS
    formats = (float32,)

    def __init__(
        self,
        *,
        cell: Callable[[Cell], Cell] = same,
        given: Callable[[Any], Any] = same,
        variants: Any = VARIANTS,
        **answers: Callable[..., Any],
    ) -> None:
        assert answers.keys() <= set(METHODS)
        self._cell, self._given, self._answers = cell, given, answers
        self.variants = variants

    def __getattr__(self, method: str) -> Any:
        if method not in METHODS:
            raise AttributeError(method)
        return partial(self._answer, method)

    def _answer(self, method: str, cell: Cell, *arguments: Any) -> Any:
        taken = (None if a is None else self._given(a) for a in arguments)
        answer = getattr(NumpyBackend(), method)(self._cell(cell), *taken)
        return self._answers.get(method, same)(answer, cell, *arguments)


def gates(array: Any) -> list[Any]:
    """The blocks of a packed array, in the order r, z, c."""
    return np.split(array, 3)


def with_gates(packed: Any, **blocks: Any) -> Any:
    """A packed array with some of its blocks r, z, c replaced."""
    return np.concatenate([blocks.get(gate, block) for gate, block in zip("rzc", gates(packed), strict=True)])


def reordered(packed: Any, order: str) -> Any:
    """A packed array with its blocks in another order, such as "zrc"."""
    return np.concatenate([gates(packed)["rzc".index(gate)] for gate in order])


def altered(gradients: Gradients, f: Callable[[Any], Any]) -> Gradients:
    """The gradients with `f` applied to each."""
    return Gradients(*(None if (a := getattr(gradients, n)) is None else f(a) for n in vars(gradients)))
