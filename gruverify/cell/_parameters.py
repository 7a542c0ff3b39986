"""A cell's parameters gate by gate, under the names that the formulas use (theory.md 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from gruverify.arithmetic import Array


@dataclass(frozen=True, slots=True)
class Parameters:
    """One block per gate (r reset, z update, c candidate), over any arithmetic. Also the gradients
    of the blocks.

    W_x* are (H, I), W_h* (H, H), b_x* and b_h* (H,); a cell without biases has 0 for each of them.
    """

    W_xr: Array
    W_xz: Array
    W_xc: Array
    W_hr: Array
    W_hz: Array
    W_hc: Array
    b_xr: Array
    b_xz: Array
    b_xc: Array
    b_hr: Array
    b_hz: Array
    b_hc: Array

    def map(self, f: Callable[[Array], Array]) -> Parameters:
        """The same parameters with f applied to every block."""
        return Parameters(*(f(block) for _, block in self.items()))

    def items(self) -> Iterator[tuple[str, Array]]:
        """Name and block, in order."""
        return ((name, getattr(self, name)) for name in BLOCKS)

    def __add__(self, other: Parameters) -> Parameters:
        return Parameters(*(getattr(self, name) + getattr(other, name) for name in BLOCKS))


#: The names of the twelve blocks, in order.
BLOCKS: tuple[str, ...] = tuple(f.name for f in fields(Parameters))
