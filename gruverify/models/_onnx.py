"""The GRU nodes of an ONNX model as arrays: weights may be initializers, Constants, or what
operators of layout, Casts and DequantizeLinear make of those.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gruverify._named import Keywords
from gruverify._protobuf import bytes_of, text_of
from gruverify.arithmetic import USUAL, Functions, NDArray
from gruverify.models._onnx_activations import functions_of
from gruverify.models._onnx_graphs import Graphs, Node, read_graphs
from gruverify.models._onnx_layout import Layout
from gruverify.models._onnx_tensors import AbsentData

_FLOAT, _INT, _STRING, _REFERS_TO = 2, 3, 4, 21
_WEIGHTS = ("float32", "float16", "float64", "bfloat16")


def onnx_grus(path: Path) -> tuple[dict[str, NDArray], Keywords]:
    """The arrays W, R and B of every GRU node behind its name and a dot, and the remarks on them.

    Raises:
        ValueError: it is not a model, or has no GRU node.
    """
    found = graphs_with_grus(path)
    arrays, missing = dict[str, NDArray](), dict[str, str]()
    for name in found.grus:
        try:
            arrays |= weights_of(name, found)[0]
        except ValueError as wrong:
            missing[name] = str(wrong)
    # One node whose weights are computed does not keep the others from being read.
    if not arrays:
        raise ValueError(next(iter(missing.values())))
    remarks = remarks_of(found, arrays)
    return arrays, {**remarks, "refused": {**remarks["refused"], **missing}}


def graphs_with_grus(path: Path) -> Graphs:
    """What the graphs of a file hold.

    Raises:
        ValueError: it is not a model, or has no GRU node but other recurrent nodes.
    """
    found = read_graphs(path)
    if not found.grus:
        way_out = ""
        if {"Loop", "Scan"} & set(found.kinds):
            way_out = ": check it as a whole, with --weights, or judge outputs that it returned"
        raise ValueError(
            f"is not an ONNX model with a GRU node (it has {found.recurrent}){way_out}"
        )
    return found


def remarks_of(found: Graphs, arrays: dict[str, NDArray]) -> Keywords:
    """By the names of the nodes: "resets", the side of each reset gate, "refused", what is not
    modelled here, "clips", those that are given, "functions", the activation functions of each
    direction, and "backward", those of direction=reverse.

    Raises:
        ValueError: an attribute is damaged.
    """
    settings = dict[str, Settings]()
    for name, node in found.grus.items():
        settings[name] = settings_of(node)
        recurrent = arrays.get(f"{name}.R")
        if recurrent is not None:
            settings[name].require_shape(recurrent.shape)
    return {
        "resets": {name: own.reset for name, own in settings.items()},
        "refused": {name: f"{name} {own.refused}" for name, own in settings.items() if own.refused},
        "clips": {name: own.clip for name, own in settings.items() if own.clip is not None},
        "functions": {name: own.functions for name, own in settings.items()},
        "backward": [name for name, own in settings.items() if own.backward],
    }


@dataclass
class Settings:
    """What the attributes of a node say: the side of the reset gate, whether it runs backward
    alone, in both directions, how many units it has (0: as R says), how large the arguments of
    activation functions may be (None: as they are), those of each direction, and what of it is not
    modelled here.
    """

    reset: str = "before"
    backward: bool = False
    directions: int = 1
    units: int = 0
    clip: float | None = None
    functions: tuple[Functions, ...] = (USUAL,)
    refused: str = ""

    def refuse(self, why: str) -> None:
        """The first reason stays."""
        self.refused = self.refused or why

    def require_shape(self, recurrent: tuple[int, ...]) -> None:
        """Refuse a node whose hidden_size or direction is not that of R, of shape (D, 3H, H)."""
        if self.units and self.units != recurrent[-1]:
            self.refuse(
                f"has hidden_size={self.units}, and its R has shape {recurrent}, that is "
                f"H={recurrent[-1]}"
            )
        if len(recurrent) == 3 and recurrent[0] in (1, 2) and recurrent[0] != self.directions:
            self.refuse(
                f"has a direction of {self.directions}, and its R has shape {recurrent}, that is "
                f"D={recurrent[0]}"
            )


def settings_of(node: Node) -> Settings:
    """What the attributes of a node say; each is modelled or refused by name, none is ignored."""
    found = Settings()
    for name, attribute in node.attributes.items():
        if attribute.get(_REFERS_TO):
            found.refuse(f"takes {name} from an attribute of a function, which no call gives")
            continue
        number = attribute.get(_INT, [0])[-1]
        word = text_of(attribute.get(_STRING, [b""])[-1])
        match name:
            case "linear_before_reset":
                # ONNX' default is 0, reset before the product, unlike what PyTorch exports.
                found.reset = "after" if number else "before"
            case "direction":
                found.backward = word == "reverse"
                found.directions = 1 + (word == "bidirectional")
                if word not in ("forward", "reverse", "bidirectional"):
                    found.refuse(f"has direction={word!r}")
            case "hidden_size":
                found.units = number
            case "clip":
                [limit] = struct.unpack("<f", bytes_of(attribute.get(_FLOAT, [bytes(4)])[-1]))
                found.clip = None if limit == np.inf else limit
                if not limit > 0:
                    found.refuse(f"has clip={limit:g}, which must be above 0")
            case "layout":
                if number not in (0, 1):
                    found.refuse(f"has layout={number}")
            case "activations" | "activation_alpha" | "activation_beta":
                pass  # how many are wanted depends on the direction
            case _:
                found.refuse(f"has the attribute {name}, which is not modelled here")
    try:
        found.functions = functions_of(node.attributes, found.directions)
    except ValueError as wrong:
        found.refuse(str(wrong))
    return found


def weights_of(name: str, found: Graphs) -> tuple[dict[str, NDArray], frozenset[str]]:
    """The arrays W, R and B of a node, behind its name and a dot, and the types in which they are
    stored.

    Raises:
        ValueError: one is not a constant of the model, or damaged; AbsentData: it is in a
        file that is not there.
    """
    arrays, layout = dict[str, NDArray](), Layout(found)
    for leaf, given in _operands(found.grus[name]):
        if not given:
            continue  # an input that is left out
        try:
            array = layout.value(given)
        except AbsentData as absent:
            raise AbsentData(f"{leaf} of {name}: {absent}") from None
        except ValueError as wrong:
            if str(wrong).startswith(f"{found.root(given)!r}, which"):
                raise ValueError(f"{name} takes {leaf} from {wrong}") from None
            raise ValueError(f"{leaf} of {name}: {wrong}") from None
        if array.dtype.name not in _WEIGHTS:
            raise ValueError(
                f"{leaf} of {name} is {array.dtype.name}: floating-point weights are judged"
            )
        arrays[f"{name}.{leaf}"] = array
    stored = {
        kind for kind in layout.stored.values() if kind in _WEIGHTS or kind.startswith(("u", "int"))
    }
    return arrays, frozenset(stored - {"int64", "int32"} or stored)


def _operands(node: Node) -> Iterator[tuple[str, str]]:
    return zip("WRB", node.inputs[1:4], strict=False)
