"""Which arrays of a file belong together as the parameters of a GRU: by their names, in the layouts
of `LAYOUTS`.

Before the name of a parameter there may be anything: it is the name of the GRU. PyTorch's say layer
and direction, ONNX arrays hold both directions, and every other layout is of one cell; two of them
whose names differ by "forward" and "backward", as those of Keras' Bidirectional do, are the
directions of one GRU.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from gruverify.arithmetic import NDArray

_PYTORCH = re.compile(
    r"(?P<prefix>(?s:.*?))(?P<leaf>(?:weight|bias|(?<![^\W_])[wb])_[ih]h)(?:_l(?P<layer>\d{1,4}))?"
    r"(?P<reverse>_reverse)?"
)
#: PyTorch's names as people shorten them.
_SHORT = {"w": "weight", "b": "bias"}
_FLAX = "|".join(rf"[ih][rzn][./]{what}" for what in ("kernel", "bias"))
#: What stands at the end of a name, behind anything that ends in a dot or slash, in each layout;
#: Keras may number it. Anything may stand before it, be it a line break.
_LEAVES = {
    "keras": re.compile(r"(?P<prefix>(?s:.*[./])?)(?P<leaf>kernel|recurrent_kernel|bias)(?::\d)?"),
    "onnx": re.compile(r"(?P<prefix>(?s:.*[./_])?)(?P<leaf>[WRB])"),
    "flax": re.compile(rf"(?P<prefix>(?s:.*[./])?)(?P<leaf>{_FLAX})"),
    "nnx": re.compile(r"(?P<prefix>(?s:.*[./])?)(?P<leaf>dense_[ih][./](?:kernel|bias))"),
    "equinox": re.compile(r"(?P<prefix>(?s:.*[./])?)(?P<leaf>weight_ih|weight_hh|bias_n|bias)"),
    "mlx": re.compile(r"(?P<prefix>(?s:.*[./])?)(?P<leaf>Wx|Wh|bhn|b)"),
    "haiku": re.compile(r"(?P<prefix>(?s:.*[./])?)(?P<leaf>w_i|w_h|b)"),
    "pytorch": _PYTORCH,
}
#: What a GRU has at least; and, of the two that share those, what shows that it is Equinox's.
_REQUIRED = {
    "keras": {"kernel", "recurrent_kernel"},
    "onnx": {"W", "R"},
    "flax": {"in.kernel", "hn.kernel"},
    "nnx": {"dense_i.kernel", "dense_h.kernel"},
    "equinox": {"weight_ih", "weight_hh", "bias_n"},
    "mlx": {"Wx", "Wh"},
    "haiku": {"w_i", "w_h"},
    "pytorch": {"weight_ih", "weight_hh"},
}
LAYOUT_NAMES = tuple(_REQUIRED)


@dataclass(frozen=True)
class Group:
    """The parameters of one GRU: by layer and direction, then by their names in the layout; `named`
    are their names in the file, by the same.
    """

    name: str
    layout: str
    cells: dict[tuple[int, int], dict[str, NDArray]] = field(default_factory=dict)
    named: dict[tuple[int, int, str], str] = field(default_factory=dict)

    def add(self, layer: int, direction: int, leaf: str, name: str, array: NDArray) -> None:
        """Put a parameter in its place."""
        self.cells.setdefault((layer, direction), {})[leaf] = array
        self.named[layer, direction, leaf] = name


def groups_in(arrays: Mapping[str, NDArray], layout: str | None = None) -> list[Group]:
    """The GRUs among the arrays, in the order of the file; of one layout, if that is given."""
    found: dict[str, Group] = {}
    for kind in LAYOUT_NAMES if layout is None else (layout,):
        for group in _paired(list(_groups_of(arrays, kind))):
            # Layouts share names: weight_ih and weight_hh are Equinox' and PyTorch's. The order
            # of `_REQUIRED` decides, and the one that demands more comes first.
            found.setdefault(group.name, group)
    order = {name: place for place, name in enumerate(arrays)}
    return sorted(
        found.values(), key=lambda group: min(order[name] for name in group.named.values())
    )


def _groups_of(arrays: Mapping[str, NDArray], layout: str) -> Iterator[Group]:
    found: dict[str, list[tuple[int, int, str, str]]] = {}
    for name in arrays:
        if match := _LEAVES[layout].fullmatch(name):
            # Flax' and Haiku's paths have slashes or dots, as they were saved: one name for both.
            prefix, leaf = match["prefix"], match["leaf"].replace("/", ".")
            # One separator and no more: a name may end in some of its own.
            prefix = prefix[: len(prefix) - prefix.endswith((".", "/", "_"))]
            if layout == "pytorch":
                layer, direction = _place(match)
                kind, _, side = leaf.partition("_")
                leaf = f"{_SHORT.get(kind, kind)}_{side}"
            else:
                layer, direction = 0, 0
            found.setdefault(prefix, []).append((layer, direction, leaf, name))
    for prefix, parameters in found.items():
        # A Dense layer has a kernel, too: whatever lacks the recurrent weights is not a GRU.
        if {leaf for _, _, leaf, _ in parameters} >= _REQUIRED[layout]:
            group = Group(prefix, layout)
            for layer, direction, leaf, name in parameters:
                # A copy: nothing else of the file is kept, nor follows what becomes of it.
                group.add(layer, direction, leaf, name, np.array(arrays[name]))
            yield group


def _paired(groups: list[Group]) -> list[Group]:
    """The same groups, those of a forward and a backward cell as one, under the forward one's
    name.
    """
    by_name = {group.name: group for group in groups}
    for forward in groups:
        # Without "forward" in its name a group finds itself.
        backward = by_name.get(forward.name.replace("forward", "backward"), forward)
        if (
            backward is forward
            or forward.layout in ("pytorch", "onnx")
            or forward.name not in by_name
        ):
            continue
        for leaf, array in backward.cells[0, 0].items():
            forward.add(0, 1, leaf, backward.named[0, 0, leaf], array)
        del by_name[backward.name]
    return list(by_name.values())


def _place(match: re.Match[str]) -> tuple[int, int]:
    """Layer and direction, as PyTorch's names say."""
    return int(match["layer"] or 0), int(match["reverse"] is not None)
