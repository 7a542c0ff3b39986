"""A stack: layers of cells, in one direction or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gruverify.arithmetic import Format, NDArray
from gruverify.cell._cell import Cell
from gruverify.cell._variant import Variant

Each = TypeVar("Each")


@dataclass(frozen=True)
class Stack:
    """GRU layers, each of one cell or, in both directions, of two.

    The first layer reads inputs of size I, every other the outputs of the layer below, H for each
    direction side by side. All cells share a variant, a format and H, as those of an nn.GRU do.

    Attributes:
        cells: The cells, by layer and then by direction, the forward one first.

    Raises:
        ValueError: A cell does not fit the others; the message names it with its layer, direction
            and sizes.
    """

    cells: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if not self.cells or len(self.cells[0]) not in (1, 2):
            raise ValueError(
                "a stack has at least one layer, each of one cell or two (forward, backward)"
            )
        for layer, row in enumerate(self.cells):
            if len(row) != self.directions:
                raise ValueError(
                    f"layer {layer} has {len(row)} cells, layer 0 has {self.directions}"
                )
            for direction, cell in enumerate(row):
                self._require_fit(cell, layer, direction)

    def _require_fit(self, cell: Cell, layer: int, direction: int) -> None:
        first = self.cells[0][0]
        if layer == 0:
            expected = first.input_size
        else:
            # Both halves of the layer below, side by side.
            expected = self.directions * first.hidden_size
        # As nn.GRU: layers that differ in more than their input size are no stack, but a model.
        for what, found, wanted in (
            ("variant", cell.variant, first.variant),
            ("format", cell.format.name, first.format.name),
            ("hidden size H", cell.hidden_size, first.hidden_size),
            ("input size", cell.input_size, expected),
        ):
            if found != wanted:
                raise ValueError(
                    f"layer {layer}, direction {direction}: {what} is {found}, expected {wanted}"
                )

    def writable_copy(self) -> Stack:
        """The same stack over copies of its arrays that can be written to."""
        return Stack(tuple(tuple(cell.writable_copy() for cell in row) for row in self.cells))

    @property
    def layers(self) -> int:
        """How many layers."""
        return len(self.cells)

    @property
    def directions(self) -> int:
        """1, or 2 for a bidirectional stack."""
        return len(self.cells[0])

    @property
    def variant(self) -> Variant:
        """The variant of every cell."""
        return self.cells[0][0].variant

    @property
    def format(self) -> Format:
        """The format of every cell."""
        return self.cells[0][0].format

    @property
    def hidden_size(self) -> int:
        """H of every cell."""
        return self.cells[0][0].hidden_size

    @property
    def input_size(self) -> int:
        """I of the first layer."""
        return self.cells[0][0].input_size

    def packed(self) -> dict[str, NDArray]:
        """All parameters by nn.GRU's names: weight_ih_l0, weight_hh_l0_reverse and so on."""
        named = dict[str, NDArray]()
        for layer, row in enumerate(self.cells):
            for direction, cell in enumerate(row):
                for name, array in cell.packed().items():
                    named[parameter_name(name, layer, direction)] = array
        return named

    def each(self, what: Callable[[Cell], Each]) -> list[list[Each]]:
        """What a function says of each cell: layer by layer, and in each direction by direction."""
        rows = list[list[Each]]()
        for row in self.cells:
            rows.append([what(cell) for cell in row])
        return rows


def parameter_name(packed: str, layer: int, direction: int) -> str:
    """nn.GRU's name of a packed parameter, "weight_ih" for one, of a layer's forward (0) or
    backward (1) cell.
    """
    return f"{packed}_l{layer}{'_reverse' * direction}"
