"""The GRU nodes of an ONNX model, read from the bytes of its protocol buffer: nothing is run, and
nothing is copied.

Weights may be initializers, Constants, or Identities of either; nodes may stand inside the bodies
of If, Loop and Scan. Numbers of fields are those of onnx.proto.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify._protobuf import Fields, bytes_of, fields_of, text_of, whole_numbers
from gruverify.arithmetic import NDArray, bfloat16

_MODEL_VERSION, _MODEL_GRAPH, _MODEL_IMPORTS = 1, 7, 8
_NODE, _INITIALIZER = 1, 5
_INPUT, _OUTPUT, _NAME, _OP, _ATTRIBUTE = 1, 2, 3, 4, 5
_ATTRIBUTE_NAME, _FLOAT, _INT, _STRING, _TENSOR, _GRAPH, _STRINGS = 1, 2, 3, 4, 5, 6, 9
_DIMS, _TYPE, _FLOAT_DATA, _TENSOR_NAME, _RAW, _DOUBLE_DATA, _EXTERNAL = 1, 2, 4, 8, 9, 10, 13
#: Floating-point types of tensors; the others are no weights.
_TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    16: bfloat16.dtype,
}
#: Graphs inside graphs, down to here.
_DEPTH = 8
_RECURRENT = ("LSTM", "RNN", "Loop", "Scan")
_USUAL = ("sigmoid", "tanh")


@dataclass
class Graphs:
    """What the graphs of a model hold: tensors and what stands for what by name, GRU nodes by
    theirs, and the kinds of all nodes; its version, and the versions of the operators (bytes).
    """

    version: int = 0
    imports: list[bytes] = field(default_factory=list)
    tensors: dict[str, memoryview] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    grus: dict[str, Fields] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)

    def tensor(self, name: str) -> memoryview | None:
        """The tensor of that name, through as many Identities as there are."""
        for _ in range(len(self.same) + 1):
            if name in self.tensors:
                return self.tensors[name]
            name = self.same.get(name, "")
        return None

    def kind_of(self, name: str) -> int:
        """The data type of the tensor of that name; 0 if there is none."""
        tensor = self.tensor(name)
        if tensor is None:
            return 0
        kind: int = fields_of(tensor).get(_TYPE, [0])[-1]
        return kind

    def shape_of(self, node: Fields, leaf: str) -> tuple[int, ...]:
        """The shape of W, R or B of a node; () if it is no constant."""
        operands, place = node.get(_INPUT, []), 1 + "WRB".index(leaf)
        tensor = self.tensor(text_of(operands[place])) if len(operands) > place else None
        if tensor is None:
            return ()
        return whole_numbers(fields_of(tensor).get(_DIMS, []))


def read_graphs(path: Path) -> Graphs:
    """What the graphs of a file hold.

    Raises:
        ValueError: it is no model, or has no GRU node.
    """
    try:
        model = fields_of(memoryview(path.read_bytes()))
        found = Graphs(
            version=int(model.get(_MODEL_VERSION, [0])[-1]),
            imports=[bytes_of(one) for one in model.get(_MODEL_IMPORTS, [])],
        )
        for graph in model.get(_MODEL_GRAPH, []):
            _look(graph, found, _DEPTH)
    except (ValueError, TypeError) as wrong:
        raise ValueError(f"is no ONNX model, or a damaged one: {wrong}") from None
    if not found.grus:
        others = (
            ", ".join(sorted(found.kinds & set(_RECURRENT))) or "no other recurrent node either"
        )
        raise ValueError(f"is no ONNX model with a GRU node (it has {others})")
    return found


def onnx_grus(path: Path) -> tuple[dict[str, NDArray], Keywords]:
    """The arrays W, R and B of every GRU node behind its name and a dot, and the remarks on them.

    Raises:
        ValueError: it is no model, or has no GRU node.
    """
    found = read_graphs(path)
    arrays = dict[str, NDArray]()
    for name in found.grus:
        arrays |= weights_of(name, found)
    return arrays, remarks_of(found)


def remarks_of(found: Graphs) -> Keywords:
    """By the names of the nodes: "resets", the side of each reset gate, "refused", what is not
    modelled here, and "backward", those of direction=reverse.

    Raises:
        ValueError: an attribute is damaged.
    """
    settings = dict[str, _Settings]()
    for name, node in found.grus.items():
        settings[name] = _settings(node)
        settings[name].require_units(found.shape_of(node, "R"))
    return {
        "resets": {name: own.reset for name, own in settings.items()},
        "refused": {name: f"{name} {own.refused}" for name, own in settings.items() if own.refused},
        "backward": [name for name, own in settings.items() if own.backward],
    }


def _look(graph: memoryview, found: Graphs, depth: int) -> None:
    """Everything of a graph, and of the graphs inside it."""
    fields = fields_of(graph)
    for tensor in fields.get(_INITIALIZER, []):
        found.tensors[text_of(fields_of(tensor).get(_TENSOR_NAME, [b""])[-1])] = tensor
    for data in fields.get(_NODE, []):
        node = fields_of(data)
        kind = text_of(node.get(_OP, [b""])[-1])
        found.kinds.add(kind)
        outputs = [text_of(name) for name in node.get(_OUTPUT, [])]
        if kind == "GRU":
            name = text_of(node.get(_NAME, [b""])[-1]) or f"GRU_{len(found.grus)}"
            found.grus[name if name not in found.grus else f"{name}_{len(found.grus)}"] = node
        elif kind == "Identity" and outputs and node.get(_INPUT):
            found.same[outputs[0]] = text_of(node[_INPUT][0])
        for attribute in attributes_of(node).values():
            if kind == "Constant" and outputs and _TENSOR in attribute:
                found.tensors[outputs[0]] = attribute[_TENSOR][-1]
            if _GRAPH in attribute and depth:
                _look(attribute[_GRAPH][-1], found, depth - 1)


def attributes_of(node: Fields) -> dict[str, Fields]:
    """The attributes of a node by name."""
    each = [fields_of(attribute) for attribute in node.get(_ATTRIBUTE, [])]
    return {text_of(attribute.get(_ATTRIBUTE_NAME, [b""])[-1]): attribute for attribute in each}


@dataclass
class _Settings:
    """What the attributes of a node say: the side of the reset gate, whether it runs backward
    alone, how many units it has (0: as R says), and what of it is not modelled here.
    """

    reset: str = "before"
    backward: bool = False
    units: int = 0
    refused: str = ""

    def require_units(self, recurrent: tuple[int, ...]) -> None:
        """Refuse a node whose hidden_size is not that of R, of shape (D, 3H, H)."""
        if self.units and recurrent and self.units != recurrent[-1]:
            self.refused = (
                f"has hidden_size={self.units}, and its R has shape {recurrent}, that is "
                f"H={recurrent[-1]}"
            )


def _settings(node: Fields) -> _Settings:
    """What the attributes of a node say; each is modelled or refused by name, none is ignored."""
    found = _Settings()
    for name, attribute in attributes_of(node).items():
        number = attribute.get(_INT, [0])[-1]
        word = text_of(attribute.get(_STRING, [b""])[-1])
        match name:
            case "linear_before_reset":
                found.reset = "after" if number else "before"
            case "direction":
                found.backward = word == "reverse"
                known = word in ("forward", "reverse", "bidirectional")
                if known:
                    found.refused = found.refused
                else:
                    found.refused = f"has direction={word!r}"
            case "hidden_size":
                found.units = number
            case "activations":
                found.refused = found.refused or _other_activations(attribute)
            case "clip":
                [limit] = struct.unpack("<f", bytes_of(attribute.get(_FLOAT, [bytes(4)])[-1]))
                found.refused = (
                    f"has clip={limit:g}, which is not modelled here: if no pre-activation gets "
                    "there, save it without the attribute"
                )
            case "layout" | "activation_alpha" | "activation_beta":
                pass  # of the arrangement of calls, and of activations that are refused
            case _:
                found.refused = f"has the attribute {name}, which is not modelled here"
    return found


def _other_activations(attribute: Fields) -> str:
    """Why the activations of a node are not modelled, if they are not."""
    named = [text_of(word) for word in attribute.get(_STRINGS, [])]
    if all(word.lower() == _USUAL[place % 2] for place, word in enumerate(named)):
        return ""
    return f"has activations={named}: only Sigmoid and Tanh are modelled here"


def weights_of(name: str, found: Graphs) -> Iterator[tuple[str, NDArray]]:
    """The arrays W, R and B of a node, behind its name and a dot.

    Raises:
        ValueError: one is no constant of the model, damaged, or in another file.
    """
    inputs = [text_of(one) for one in found.grus[name].get(_INPUT, [])]
    for leaf, given in zip("WRB", inputs[1:4], strict=False):
        if not given:
            continue  # an input that is left out
        tensor = found.tensor(given)
        if tensor is None:
            raise ValueError(
                f"{name} takes {leaf} from {given!r}, which is no constant of the model"
            )
        yield f"{name}.{leaf}", _array(f"{leaf} of {name}", tensor)


def _array(name: str, tensor: memoryview) -> NDArray:
    fields = fields_of(tensor)
    if _EXTERNAL in fields:
        raise ValueError(f"{name} is in another file (external data): save the model in one file")
    kind = fields.get(_TYPE, [0])[-1]
    if kind not in _TYPES:
        raise ValueError(f"{name} has ONNX data type {kind}: floating-point weights are judged")
    shape = whole_numbers(fields.get(_DIMS, []))
    dtype = _TYPES[kind]
    data = b"".join(bytes_of(part) for part in fields.get(_RAW, []))
    if not data and kind in (1, 11):
        data = b"".join(
            bytes_of(part) for part in fields.get(_FLOAT_DATA if kind == 1 else _DOUBLE_DATA, [])
        )
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(
            f"{name} claims shape {shape} of {dtype.name}, and holds {len(data)} bytes"
        )
    return np.frombuffer(data, dtype).reshape(shape)
