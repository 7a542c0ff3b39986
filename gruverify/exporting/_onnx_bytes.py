"""What an ONNX file is made of, as the bytes of its protocol buffer. Numbers of fields and types
are those of onnx.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

import numpy as np

from gruverify._protobuf import field
from gruverify.arithmetic import NDArray

#: The numbers of TensorProto.DataType.
_TYPES = {"float32": 1, "int32": 6, "int64": 7, "float16": 10, "float64": 11, "bfloat16": 16}
#: The version of the operator GRU that has attributes as here, and the newer one that has bfloat16,
#: each with the oldest format of models that may use it.
_OPSET, _OPSET_OF_BFLOAT16 = (14, 7), (22, 10)
_FLOAT, _INT, _STRING = 1, 2, 3
#: The key of a field of four bytes: number 2.
_FLOAT_FIELD = bytes([2 << 3 | 5])


def tensor_bytes(name: str, array: NDArray) -> bytes:
    """A tensor, as a .pb file of a node test holds one."""
    dims = b"".join(field(1, size) for size in array.shape)
    # raw_data is little-endian, as native numbers are on x86 and ARM.
    kind, data = _TYPES[array.dtype.name], np.ascontiguousarray(array).tobytes()
    return dims + field(2, kind) + field(8, name) + field(9, data)


def gru_model(
    inputs: Mapping[str, NDArray | None],
    outputs: Mapping[str, NDArray],
    attributes: Mapping[str, int | str | float],
) -> bytes:
    """A model of one GRU node. Inputs in the operator's order; those that are None are left out,
    and so those at its end need not be there. All others are inputs of the model, in their shapes.
    """
    # An empty name leaves out an input that stands before others.
    names = [name if array is not None else "" for name, array in inputs.items()]
    node = b"".join(field(1, name) for name in names)
    node += b"".join(field(2, name) for name in outputs)
    node += field(4, b"GRU")
    node += b"".join(field(5, _attribute(name, value)) for name, value in attributes.items())
    given = {name: array for name, array in inputs.items() if array is not None}
    graph = field(1, node) + field(2, b"gru")
    graph += b"".join(field(11, info) for info in _infos(given))
    graph += b"".join(field(12, info) for info in _infos(outputs))
    # The older operator where it will do: more runtimes have it.
    narrow = any(array.dtype.name == "bfloat16" for array in given.values())
    opset, version = _OPSET_OF_BFLOAT16 if narrow else _OPSET
    imported = field(1, b"") + field(2, opset)
    return field(1, version) + field(2, b"gruverify") + field(7, graph) + field(8, imported)


def _infos(arrays: Mapping[str, NDArray]) -> Iterable[bytes]:
    """Each array as a ValueInfoProto: its name, type and shape."""
    for name, array in arrays.items():
        shape = b"".join(field(1, field(1, size)) for size in array.shape)
        kind = field(1, _TYPES[array.dtype.name]) + field(2, shape)
        yield field(1, name) + field(2, field(1, kind))


def _attribute(name: str, value: int | str | float) -> bytes:
    # By hand, as fields of four bytes occur here alone.
    if isinstance(value, float):
        return field(1, name) + _FLOAT_FIELD + struct.pack("<f", value) + field(20, _FLOAT)
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, _INT)
    return field(1, name) + field(4, value) + field(20, _STRING)
