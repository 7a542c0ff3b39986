"""What an ONNX file is made of, as the bytes of its protocol buffer. Numbers of fields and types
are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

NDArray: TypeAlias = npt.NDArray[Any]

_TYPES = {"float32": 1, "int32": 6, "int64": 7, "float16": 10, "float64": 11, "bfloat16": 16}
#: The version of the operator GRU that has attributes as here, and the newer one that has bfloat16,
#: each with the oldest format of models that may use it.
_OPSET, _OPSET_OF_BFLOAT16 = (14, 7), (22, 10)
_INT, _STRING = 2, 3


def tensor_bytes(name: str, array: NDArray) -> bytes:
    """A tensor, as a .pb file of a node test holds one."""
    dims = b"".join(_field(1, size) for size in array.shape)
    kind, data = _TYPES[array.dtype.name], np.ascontiguousarray(array).tobytes()
    return dims + _field(2, kind) + _field(8, name.encode()) + _field(9, data)


def gru_model(
    inputs: Mapping[str, NDArray | None],
    outputs: Mapping[str, NDArray],
    attributes: Mapping[str, int | str],
) -> bytes:
    """A model of one GRU node. Inputs in the operator's order; those that are None are left out,
    and so those at its end need not be there. All others are inputs of the model, in their shapes.
    """
    names = [name if array is not None else "" for name, array in inputs.items()]
    node = b"".join(_field(1, name.encode()) for name in names)
    node += b"".join(_field(2, name.encode()) for name in outputs)
    node += _field(4, b"GRU")
    node += b"".join(_field(5, _attribute(name, value)) for name, value in attributes.items())
    given = {name: array for name, array in inputs.items() if array is not None}
    graph = _field(1, node) + _field(2, b"gru")
    graph += b"".join(_field(11, info) for info in _infos(given))
    graph += b"".join(_field(12, info) for info in _infos(outputs))
    narrow = any(array.dtype.name == "bfloat16" for array in given.values())
    opset, version = _OPSET_OF_BFLOAT16 if narrow else _OPSET
    imported = _field(1, b"") + _field(2, opset)
    return _field(1, version) + _field(2, b"gruverify") + _field(7, graph) + _field(8, imported)


def _infos(arrays: Mapping[str, NDArray]) -> Iterable[bytes]:
    """Names, types and shapes."""
    for name, array in arrays.items():
        shape = b"".join(_field(1, _field(1, size)) for size in array.shape)
        kind = _field(1, _TYPES[array.dtype.name]) + _field(2, shape)
        yield _field(1, name.encode()) + _field(2, _field(1, kind))


def _attribute(name: str, value: int | str) -> bytes:
    if isinstance(value, int):
        return _field(1, name.encode()) + _field(3, value) + _field(20, _INT)
    return _field(1, name.encode()) + _field(4, value.encode()) + _field(20, _STRING)


def _field(number: int, value: int | bytes) -> bytes:
    """A field of a message: a whole number, or bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
