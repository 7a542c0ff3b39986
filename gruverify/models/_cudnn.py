"""The weights of a GRU in one flat array, as cuDNN keeps them (cudnnSetRNNDescriptor, standard
algorithm, two biases): first the matrices, layer by layer and direction by direction, W_r, W_z, W_n
(H, I) and R_r, R_z, R_n (H, H) row by row; then the biases in the same order. MXNet's fused GRU and
TensorFlow's CudnnGRU have the same.

The gates are in PyTorch's order, and the reset gate is after the product. An array does not tell
its sizes, which must be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell import PACKED, Cell, Stack, Variant


@dataclass(frozen=True)
class FlatSizes:
    """H, I, layers L and directions D of a flat array."""

    hidden_size: int
    input_size: int
    layers: int = 1
    directions: int = 1

    def shapes(self, layer: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Those of the two matrices of a layer's cell."""
        H = self.hidden_size
        return (3 * H, self.directions * H if layer else self.input_size), (3 * H, H)

    @property
    def weights(self) -> int:
        """How many numbers the matrices have."""
        shapes = chain.from_iterable(map(self.shapes, range(self.layers)))
        return self.directions * sum(rows * columns for rows, columns in shapes)

    @property
    def biases(self) -> int:
        """How many numbers the biases have, two of each gate."""
        return self.layers * self.directions * 6 * self.hidden_size


def flat(stack: Stack) -> NDArray:
    """The stack's parameters in cuDNN's order; those of cells without biases have none."""
    cells = [cell.packed() for cell in chain.from_iterable(stack.cells)]
    parts = list[NDArray]()
    # All matrices of all cells first, then all biases: not cell by cell.
    for pair in (PACKED[:2], PACKED[2:]):
        for cell in cells:
            parts += [cell[name].reshape(-1) for name in pair if name in cell]
    return np.concatenate(parts)


def from_flat(name: str, array: NDArray, sizes: FlatSizes) -> Stack:
    """The stack of such an array.

    Raises:
        ValueError: it has another number of numbers than these sizes need.
    """
    # The length is the only check there is: other sizes of the same total would be read wrongly.
    if array.ndim != 1 or len(array) not in (sizes.weights, sizes.weights + sizes.biases):
        raise ValueError(
            f"{name or 'the array'} has shape {array.shape}, expected ({sizes.weights},) without "
            f"biases or ({sizes.weights + sizes.biases},) with two of each gate, for "
            f"H={sizes.hidden_size}, I={sizes.input_size}, L={sizes.layers}, D={sizes.directions}: "
            "say --hidden-size, --input-size, --num-layers and --bidirectional"
        )
    bias = len(array) > sizes.weights
    matrices, biases = array[: sizes.weights], array[sizes.weights :]
    rows = list[tuple[Cell, ...]]()
    for layer in range(sizes.layers):
        row = list[Cell]()
        for _ in range(sizes.directions):
            found: dict[str, NDArray] = {}
            for key, shape in zip(PACKED, sizes.shapes(layer), strict=False):
                count = shape[0] * shape[1]
                found[key], matrices = matrices[:count].reshape(shape), matrices[count:]
            for key in PACKED[2:] if bias else ():
                found[key] = biases[: 3 * sizes.hidden_size]
                biases = biases[3 * sizes.hidden_size :]
            row.append(Cell(Variant(bias=bias), **found))
        rows.append(tuple(row))
    return Stack(tuple(rows))


def flat_grus(arrays: Mapping[str, NDArray], sizes: FlatSizes) -> dict[str, Stack]:
    """Every array of one axis as a stack, by its name.

    Raises:
        ValueError: there is none, or one has other sizes.
    """
    found = {name: array for name, array in arrays.items() if array.ndim == 1}
    if not found:
        raise ValueError("has no array of one axis, as cuDNN's packing is")
    return {name: from_flat(name, array, sizes) for name, array in found.items()}
