"""What the parameters of a GRU may stand for, by their names and shapes: a suggestion, for a
message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product

Shapes = Mapping[str, tuple[int, ...]]

#: What a parameter of one gate begins with in lower case, and what the gates are called at its end.
#: The recurrent side comes first: w_h begins as w does, which alone is a weight of the inputs.
_SIDE = re.compile(r"(?P<h>u|w_?h|h|recurrent|r(?=_))|(?P<b>b)|(?P<x>w|x|kernel|input|i)")
_GATE = {"z": "z", "u": "z", "r": "r", "h": "c", "n": "c", "c": "c", "g": "c"}


def guessed_names(shapes: Shapes) -> dict[str, str]:
    """`parameter_names` of a cell with a parameter for each gate and side; empty if the names do
    not say.
    """
    square = next((shape[0] for shape in shapes.values() if len(set(shape)) < len(shape)), 0)
    # x @ W has W (I, H), and so h @ U its transpose, too.
    turned = any(
        "." not in name and len(shape) == 2 and shape[0] != square == shape[1]
        for name, shape in shapes.items()
    )
    found = {name: _block(name, shape, square, turned) for name, shape in shapes.items()}
    blocks = list(found.values())
    whole = {f"W_{side}{gate}" for side, gate in product("xh", "rzc")}
    # A guess that leaves out a weight, or has one twice, would mislead.
    if len(set(blocks)) < len(blocks) or not whole <= {
        block.removesuffix(".T") for block in blocks
    }:
        return {}
    return found


def _block(name: str, shape: tuple[int, ...], H: int, turned: bool) -> str:
    """The block that a parameter of one gate is; empty if its name does not say."""
    path, _, last = name.rpartition(".")
    own = (path or last).rpartition(".")[2].lower()
    side, gate = _SIDE.match(own), _GATE.get(own[-1:])
    if side is None or gate is None or (path and last not in ("weight", "bias")):
        return ""
    if len(shape) == 1 and shape == (H,) and (side["b"] or last == "bias"):
        return f"b_{'h' if side['h'] else 'x'}{gate}"
    if len(shape) != 2 or H not in shape or side["b"] or last == "bias":
        return ""
    return f"W_{'h' if shape == (H, H) else 'x'}{gate}{'.T' if turned and not path else ''}"
