"""Stacks as arrays by the names of a layout, so that `grus_among` finds them again."""

from __future__ import annotations

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell import LAYOUTS, Stack
from gruverify.models._cudnn import flat

#: What a GRU without a name is called where it needs one.
UNNAMED = "gru"
#: What stands between the parts of a name; between others it is a slash.
_DOTTED = ("pytorch", "onnx", "equinox", "mlx")


def named_arrays(name: str, layout: str, stack: Stack) -> dict[str, NDArray]:
    """The arrays of a stack whose variant the layout has.

    PyTorch's names say layer and direction. ONNX' arrays hold both directions, with one set for
    each layer; every other layout has one for each cell, and cuDNN's one array for all.
    """
    if layout == "pytorch":
        return {_joined(layout, name, key): array for key, array in stack.packed().items()}
    if layout == "cudnn":
        return {name or UNNAMED: flat(stack)}
    found = dict[str, NDArray]()
    for layer, row in enumerate(stack.cells):
        prefix = layer_name(name, stack, layer)
        if layout == "onnx":
            # W, R and B of ONNX have an axis of directions, so a layer's cells are written
            # together.
            both = LAYOUTS[layout].parameters_of_layer(row)
            found |= {_joined(layout, prefix, leaf): array for leaf, array in both.items()}
            continue
        each = [LAYOUTS[layout].parameters(cell) for cell in row]
        for way, arrays in zip(("forward", "backward"), each, strict=False):
            parts = (prefix, way) if stack.directions == 2 else (prefix,)
            for leaf, array in arrays.items():
                found[_joined(layout, *parts, leaf)] = np.ascontiguousarray(array)
    return found


def layer_name(name: str, stack: Stack, layer: int) -> str:
    """What a layer of a stack is called where layers are GRUs of their own."""
    base = name or (UNNAMED if stack.layers * stack.directions > 1 else "")
    if stack.layers > 1:
        return f"{base}_{layer}"
    return base


def _joined(layout: str, *parts: str) -> str:
    separator = "." if layout in _DOTTED else "/"
    leaf = parts[-1].replace(".", separator)
    return separator.join((*(part for part in parts[:-1] if part), leaf))
