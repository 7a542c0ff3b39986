"""Parameters that a file has gate by gate, under names of its own: how to pack them."""

from __future__ import annotations

from collections.abc import Mapping

from gruverify.arithmetic import NDArray
from gruverify.backends import guessed_names

#: By packed name: what each gate's block is called, without the gate.
_PACKED = {"weight_ih": "W_x", "weight_hh": "W_h", "bias_ih": "b_x", "bias_hh": "b_h"}


def packing(arrays: Mapping[str, NDArray]) -> str:
    """What to write, where the arrays are those of a GRU gate by gate; else what they should be
    called.
    """
    blocks = guessed_names({name: array.shape for name, array in arrays.items()})
    names = {block.removesuffix(".T"): name for name, block in blocks.items()}
    packed = list[str]()
    for name, kind in _PACKED.items():
        parts = [names.get(kind + gate, "") for gate in "rzc"]
        if all(parts):
            spelled = [_spelled(part, blocks[part]) for part in parts]
            packed.append(f"{name}=np.concatenate([{', '.join(spelled)}])")
    if not packed:
        return (
            "name them weight_ih (3H, I), weight_hh (3H, H), bias_ih and bias_hh (3H,), each with "
            "the rows of r, z and n, in this order"
        )
    return f"with these arrays in d, np.savez('packed.npz', {', '.join(packed)})"


def _spelled(name: str, block: str) -> str:
    if block.endswith(".T"):
        return f"d[{name!r}].T"
    return f"d[{name!r}]"
