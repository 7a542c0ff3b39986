"""An ONNX model as a whole, for one whose GRU is not a node but a Loop, a Scan or single steps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from gruverify._protobuf import Fields, bytes_of, field, fields_of, text_of
from gruverify._visible import visible
from gruverify.models._files import BadFile
from gruverify.models._mapped import mapped
from gruverify.models._onnx_graphs import RECURRENT, Graphs, read_graphs
from gruverify.models._onnx_tensors import kind_of_tensor, tensor_array, type_name
from gruverify.models._whole import WholeModel

_TENSOR_NAME, _RAW = 8, 9
#: Where tensors may be: of each kind of message the fields that hold others, and their kinds.
_HOLDS = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "tensor": {},
}
#: Fields of a tensor that say that its data are elsewhere.
_ELSEWHERE = (13, 14)


def onnx_whole(path: str | Path) -> WholeModel:
    """The model of a file.

    Raises:
        BadFile: it cannot be read, is not an ONNX model, or what it stores elsewhere is not there.
    """
    file = Path(path)
    try:
        graphs = read_graphs(file)
        return WholeModel(
            _in_one(file, graphs),
            graphs.inputs,
            graphs.outputs,
            _how(graphs),
            stored_types(graphs.tensors),
        )
    except OSError as refused:
        raise BadFile(f"{path}: {refused.strerror or refused}") from None
    except (ValueError, TypeError, RecursionError) as wrong:
        raise BadFile(f"{path}: {visible(str(wrong))}") from None


def _how(graphs: Graphs) -> str:
    """How the model goes along time."""
    there = sorted(set(graphs.kinds) & {"GRU", *RECURRENT})
    if there:
        return f"it has {', '.join(there)}"
    return "it has its steps one by one"


def stored_types(tensors: dict[str, memoryview]) -> Counter[str]:
    """How many tensors are stored of each type."""
    return Counter(type_name(kind_of_tensor(tensor)) for tensor in tensors.values())


def _in_one(file: Path, graphs: Graphs) -> bytes:
    """The bytes of a model, with its external data inside."""
    data = mapped(file)
    if not any(map(_is_elsewhere, graphs.tensors.values())):
        return bytes(data)
    return _completed(data, "model", file.parent)


def _is_elsewhere(tensor: memoryview) -> bool:
    return any(number in _ELSEWHERE for number in fields_of(tensor))


def _completed(message: memoryview, kind: str, folder: Path) -> bytes:
    """A message of that kind, in which every tensor has its data."""
    fields, holds = fields_of(message), _HOLDS[kind]
    if kind == "tensor" and _is_elsewhere(message):
        return _inside(message, fields, folder)
    # As it is where nothing is inside: numbers of an attribute have kinds of fields of their own.
    if not fields.keys() & holds.keys():
        return bytes(message)
    for number, part in holds.items():
        fields[number] = [_completed(each, part, folder) for each in fields.get(number, [])]
    return _written(fields)


def _inside(tensor: memoryview, fields: Fields, folder: Path) -> bytes:
    """A tensor whose data are in another file, with them."""
    name = text_of(fields.get(_TENSOR_NAME, [b""])[-1])
    array = tensor_array(name, tensor, folder)
    kept = {number: each for number, each in fields.items() if number not in _ELSEWHERE}
    return _written({**kept, _RAW: [array.tobytes()]})


def _written(fields: Fields) -> bytes:
    found = list[bytes]()
    for number, each in fields.items():
        found += [field(number, one if isinstance(one, int) else bytes_of(one)) for one in each]
    return b"".join(found)
