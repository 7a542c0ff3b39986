"""An ONNX model as a whole, for one whose GRU is no node: a Loop, a Scan, or steps one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gruverify._protobuf import Fields, bytes_of, field, fields_of, text_of
from gruverify._visible import visible
from gruverify.models._files import BadFile
from gruverify.models._mapped import mapped
from gruverify.models._onnx_graphs import RECURRENT, Graphs, Port, read_graphs
from gruverify.models._onnx_tensors import kind_of_tensor, tensor_array, type_name

_GRAPH, _INITIALIZER, _TENSOR_NAME, _RAW = 7, 5, 8, 9
#: Fields of a tensor that say that its data are elsewhere.
_ELSEWHERE = (13, 14)


@dataclass(frozen=True, eq=False)
class OnnxWhole:
    """A model with its inputs and outputs. model: its bytes, with everything inside that the file
    has in others beside it; how: how it goes along time, in words; stored: how
    many tensors it stores of each type, those of subgraphs and functions among them.
    """

    model: bytes
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    how: str
    stored: Counter[str]


def onnx_whole(path: str | Path) -> OnnxWhole:
    """The model of a file.

    Raises:
        BadFile: it cannot be read, is no ONNX model, or what it stores elsewhere is not there.
    """
    file = Path(path)
    try:
        graphs = read_graphs(file)
        return OnnxWhole(
            _in_one(file),
            graphs.inputs,
            graphs.outputs,
            _how(graphs),
            stored_types(graphs.tensors),
        )
    except OSError as refused:
        raise BadFile(f"{path}: {refused.strerror or refused}") from None
    except (ValueError, TypeError) as wrong:
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


def _in_one(file: Path) -> bytes:
    """The bytes of a model, with its external data inside."""
    data = mapped(file)
    model = fields_of(data)
    graphs = [fields_of(graph) for graph in model.get(_GRAPH, [])]
    if not any(_is_elsewhere(tensor) for graph in graphs for tensor in graph.get(_INITIALIZER, [])):
        return bytes(data)
    whole = _written({number: each for number, each in model.items() if number != _GRAPH})
    for graph in graphs:
        graph[_INITIALIZER] = [_inside(tensor, file) for tensor in graph.get(_INITIALIZER, [])]
        whole += field(_GRAPH, _written(graph))
    return whole


def _is_elsewhere(tensor: memoryview) -> bool:
    return any(number in _ELSEWHERE for number in fields_of(tensor))


def _inside(tensor: memoryview, file: Path) -> bytes:
    """A tensor with its data."""
    fields = fields_of(tensor)
    if not _is_elsewhere(tensor):
        return bytes(tensor)
    name = text_of(fields.get(_TENSOR_NAME, [b""])[-1])
    array = tensor_array(name, tensor, file.parent)
    kept = {number: each for number, each in fields.items() if number not in _ELSEWHERE}
    return _written({**kept, _RAW: [array.tobytes()]})


def _written(fields: Fields) -> bytes:
    found = list[bytes]()
    for number, each in fields.items():
        found += [field(number, one if isinstance(one, int) else bytes_of(one)) for one in each]
    return b"".join(found)
