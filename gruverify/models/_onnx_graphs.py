"""What the graphs of an ONNX model hold, read from the bytes of its protocol buffer: nothing is
run, and nothing is copied. Numbers of fields are those of onnx.proto.

Nodes may stand inside the bodies of If, Loop and Scan, and inside functions of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gruverify._protobuf import Fields, bytes_of, fields_of, text_of
from gruverify._protobuf import field as field_bytes
from gruverify.models._mapped import mapped
from gruverify.models._onnx_tensors import type_name
from gruverify.models._whole import Port

_MODEL_VERSION, _MODEL_GRAPH, _MODEL_IMPORTS, _MODEL_FUNCTIONS = 1, 7, 8, 25
_NODE, _INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE = 1, 5, 11, 12, 13
_INPUT, _OUTPUT, _NAME, _OP, _ATTRIBUTE, _DOMAIN = 1, 2, 3, 4, 5, 7
_FUNCTION_NAME, _FUNCTION_INPUT, _FUNCTION_OUTPUT, _FUNCTION_NODE, _FUNCTION_DOMAIN = 1, 4, 5, 7, 10
_ATTRIBUTE_NAME, _TENSOR, _GRAPH, _REFERS_TO = 1, 5, 6, 21
_TENSOR_NAME = 8
#: Graphs and functions inside each other, down to here; and that many nodes in all.
_DEPTH, _MOST = 8, 2**20
RECURRENT = ("LSTM", "RNN", "Loop", "Scan")
_STANDARD = ("", "ai.onnx")


@dataclass(frozen=True, eq=False)
class Node:
    """A node, in the names that hold for the whole model; `raw` are the bytes of its attributes."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Fields]
    raw: tuple[bytes, ...]

    def number(self, attribute: str, default: int = 0) -> int:
        """A whole number among the attributes."""
        number: int = self.attributes.get(attribute, {}).get(3, [default])[-1]
        return number

    def operand(self, place: int) -> str:
        """The name of an input; "" if it is left out."""
        if place < len(self.inputs):
            return self.inputs[place]
        return ""


@dataclass
class Graphs:
    """What the graphs of a model hold: tensors, the nodes that make a value, what stands for what,
    and the sizes of values, by name; GRU nodes by theirs; how many nodes there are of each kind;
    its version, the versions of the operators (bytes), and the inputs and outputs of the model.
    """

    folder: Path = field(default_factory=Path)
    version: int = 0
    imports: list[bytes] = field(default_factory=list)
    tensors: dict[str, memoryview] = field(default_factory=dict)
    made: dict[str, Node] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    values: dict[str, Port] = field(default_factory=dict)
    grus: dict[str, Node] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    functions: dict[tuple[str, str], Fields] = field(default_factory=dict)

    def root(self, name: str) -> str:
        """The name that a name stands for, through calls of functions and Identities."""
        for _ in range(len(self.same) + 1):
            if name not in self.same:
                break
            name = self.same[name]
        return name

    @property
    def recurrent(self) -> str:
        """The other recurrent nodes that it has, in words."""
        there = ", ".join(sorted(set(self.kinds) & set(RECURRENT)))
        return there or "no other recurrent node either"


def read_graphs(path: Path) -> Graphs:
    """What the graphs of a file hold, which may be without a GRU node.

    Raises:
        ValueError: it is not a model.
    """
    try:
        model = fields_of(mapped(path))
        found = Graphs(
            folder=path.parent,
            version=int(model.get(_MODEL_VERSION, [0])[-1]),
            imports=[bytes_of(one) for one in model.get(_MODEL_IMPORTS, [])],
        )
        for function in map(fields_of, model.get(_MODEL_FUNCTIONS, [])):
            domain, name = (_text(function, number) for number in (_FUNCTION_DOMAIN, 1))
            found.functions[domain, name] = function
        for graph in model.get(_MODEL_GRAPH, []):
            fields = fields_of(graph)
            _graph(fields, found, "", _DEPTH, {})
            found.inputs = _ports(fields, _GRAPH_INPUT)
            found.outputs = _ports(fields, _GRAPH_OUTPUT)
    except (ValueError, TypeError) as wrong:
        raise ValueError(f"is not an ONNX model, or a damaged one: {wrong}") from None
    # Up to version 3 of the format initializers had to be listed among the inputs as well.
    found.inputs = [port for port in found.inputs if port.name not in found.tensors]
    return found


def _text(fields: Fields, number: int) -> str:
    return text_of(fields.get(number, [b""])[-1])


def _graph(
    fields: Fields, found: Graphs, scope: str, depth: int, given: Mapping[str, Fields]
) -> None:
    """Everything of a graph, and of the graphs inside it; given: as in `_nodes`."""
    for tensor in fields.get(_INITIALIZER, []):
        found.tensors[scope + _text(fields_of(tensor), _TENSOR_NAME)] = tensor
    for number in (_GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE):
        for port in _ports(fields, number):
            found.values[scope + port.name] = port
    _nodes(fields.get(_NODE, []), found, scope, depth, given)


def _nodes(
    each: list[memoryview], found: Graphs, scope: str, depth: int, given: Mapping[str, Fields]
) -> None:
    """All nodes; given: the attributes of the call, inside a function."""
    for data in each:
        fields = fields_of(data)
        node = _node(fields, scope, given)
        domain = _text(fields, _DOMAIN)
        found.kinds[node.kind] += 1
        if found.kinds.total() > _MOST:
            raise ValueError(f"more than {_MOST} nodes")
        # Every output by its node, whatever it is: who follows a value back decides what it can
        # use.
        found.made |= dict.fromkeys(node.outputs, node)
        standard = domain in _STANDARD
        function = found.functions.get((domain, node.kind))
        if function is not None:
            _call(node, function, found, depth)
        elif node.kind == "GRU" and standard:
            wanted = node.name or f"GRU_{len(found.grus)}"
            found.grus[_free_name(wanted, found.grus)] = node
        elif node.kind == "Identity" and standard and node.outputs and node.inputs:
            found.same[node.outputs[0]] = node.inputs[0]
        for attribute in node.attributes.values():
            if node.kind == "Constant" and node.outputs and _TENSOR in attribute:
                found.tensors[node.outputs[0]] = attribute[_TENSOR][-1]
            if _GRAPH in attribute and depth:
                _graph(fields_of(attribute[_GRAPH][-1]), found, scope, depth - 1, given)


def _free_name(wanted: str, taken: Mapping[str, Node]) -> str:
    """The name, with a number behind it where another node has it: names are unique in a graph
    alone, and each call of a function repeats those inside it.
    """
    name, number = wanted, len(taken)
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _call(node: Node, function: Fields, found: Graphs, depth: int) -> None:
    """The nodes of a function, whose names are its own."""
    if not depth:
        return
    # The count makes the scope of each call another one: a function may be called twice.
    scope = f"{node.name or node.outputs}/{found.kinds.total()}/"
    for number, outer in ((_FUNCTION_INPUT, node.inputs), (_FUNCTION_OUTPUT, node.outputs)):
        for own, name in zip(function.get(number, []), outer, strict=False):
            # A function's names are its own: without the scope two calls would share their
            # values.
            inner = scope + text_of(own)
            # Inside, an input stands for what is given; outside, an output for what is made.
            if name and number == _FUNCTION_INPUT:
                found.same[inner] = name
            elif name:
                found.same[name] = inner
    nodes = function.get(_FUNCTION_NODE, [])
    _nodes(nodes, found, scope, depth - 1, node.attributes)


def _node(fields: Fields, scope: str, given: Mapping[str, Fields]) -> Node:
    def names(number: int) -> tuple[str, ...]:
        each = map(text_of, fields.get(number, []))
        return tuple(scope + name if name else "" for name in each)

    attributes, raw = dict[str, Fields](), list[bytes]()
    for data in fields.get(_ATTRIBUTE, []):
        attribute, own = fields_of(data), bytes_of(data)
        name = _text(attribute, _ATTRIBUTE_NAME)
        refers = _text(attribute, _REFERS_TO)
        if refers in given:  # an attribute of the call, under the name that it has here
            attribute = {**given[refers], _ATTRIBUTE_NAME: [name.encode()]}
            own = _written(attribute)
        attributes[name] = attribute
        raw.append(own)
    kind, name = _text(fields, _OP), _text(fields, _NAME)
    return Node(kind, name, names(_INPUT), names(_OUTPUT), attributes, tuple(raw))


def _written(attribute: Fields) -> bytes:
    """An attribute as bytes again: a number of four bytes has a kind of field of its own."""
    found = b""
    for number, values in attribute.items():
        for value in values:
            if number == 2 and not isinstance(value, int):
                found += bytes([number << 3 | 5]) + bytes_of(value)
            else:
                found += field_bytes(number, value if isinstance(value, int) else bytes_of(value))
    return found


def _ports(fields: Fields, number: int) -> list[Port]:
    """Names, types and sizes of values."""
    found = list[Port]()
    for data in fields.get(number, []):
        info = fields_of(data)
        kind, shape = 0, None
        for type_ in map(fields_of, info.get(2, [])):
            for tensor in map(fields_of, type_.get(1, [])):
                kind = int(tensor.get(1, [0])[-1])
                shape = _sizes(tensor)
        found.append(Port(_text(info, 1), type_name(kind), shape))
    return found


def _sizes(tensor: Fields) -> tuple[int | None, ...] | None:
    if 2 not in tensor:
        return None
    sizes = list[int | None]()
    for dimension in map(fields_of, fields_of(tensor[2][-1]).get(1, [])):
        size = dimension.get(1, [None])[-1]
        sizes.append(size if isinstance(size, int) and size > 0 else None)
    return tuple(sizes)
