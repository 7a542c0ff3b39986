"""A model as a whole, of whatever kind its file is: what it takes, what it returns, what it
stores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Port:
    """An input or output of a model: its name, what its type is called, and its sizes, of which
    those that are not fixed are None; None if it says nothing of them.
    """

    name: str
    type: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name} ({self.type})"
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} ({self.type}, [{sizes}])"


@dataclass(frozen=True, eq=False)
class WholeModel:
    """A model with its inputs and outputs. model: its bytes, with everything inside that the file
    has in others besides it; how: how it goes along time, in words; stored: how many tensors it
    stores of each type, those of subgraphs and functions among them.
    """

    model: bytes
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    how: str
    stored: Counter[str]
