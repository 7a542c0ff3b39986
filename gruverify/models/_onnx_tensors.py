"""Tensors of an ONNX model as arrays. Numbers of fields and types are those of onnx.proto."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from gruverify._protobuf import Fields, bytes_of, fields_of, text_of, whole_numbers
from gruverify.arithmetic import NDArray, bfloat16

_DIMS, _TYPE, _RAW, _EXTERNAL = 1, 2, 9, 13
#: The fields of numbers that are not stored as raw bytes: floats, whole numbers of up to 32 bits
#: (halves are spelled so, too), of 64 bits, doubles.
_FLOATS, _INT32S, _INT64S, _DOUBLES = 4, 5, 7, 10
ONNX_TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    4: np.dtype("<u2"),
    5: np.dtype("<i2"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype(bool),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    16: bfloat16.dtype,
}
_OTHERS = {8: "string", 12: "uint32", 13: "uint64", 17: "float8", 21: "uint4", 22: "int4"}


class AbsentData(ValueError):
    """What a tensor has in another file is not there: the model is not whole."""


def type_name(kind: int) -> str:
    """What a type is called."""
    if kind in ONNX_TYPES:
        return ONNX_TYPES[kind].name
    return _OTHERS.get(kind, f"ONNX data type {kind}")


def kind_of_tensor(tensor: memoryview) -> int:
    """The number of its type."""
    kind: int = fields_of(tensor).get(_TYPE, [0])[-1]
    return kind


def tensor_array(name: str, tensor: memoryview, folder: Path | None) -> NDArray:
    """The numbers of a tensor, of a model in that folder, where its external data are; None: it may
    have none.

    Raises:
        ValueError: it is damaged; AbsentData: its data are not there.
    """
    fields = fields_of(tensor)
    kind = fields.get(_TYPE, [0])[-1]
    if kind not in ONNX_TYPES:
        raise ValueError(f"{name} is {type_name(kind)}, which is not read here")
    shape, dtype = whole_numbers(fields.get(_DIMS, [])), ONNX_TYPES[kind]
    if _EXTERNAL in fields:
        data = _external(name, fields, folder, math.prod(shape) * dtype.itemsize)
    else:
        data = _stored(fields, dtype)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(
            f"{name} claims shape {shape} of {dtype.name}, and holds {len(data)} bytes"
        )
    return np.frombuffer(data, dtype).reshape(shape)


def _stored(fields: Fields, dtype: np.dtype[Any]) -> bytes:
    """The bytes of a tensor that has them itself."""
    data = b"".join(bytes_of(part) for part in fields.get(_RAW, []))
    if data:
        return data
    name = dtype.name
    if name in ("float32", "float64"):
        places = _FLOATS if name == "float32" else _DOUBLES
        return b"".join(bytes_of(part) for part in fields.get(places, []))
    numbers = whole_numbers(fields.get(_INT64S if name == "int64" else _INT32S, []))
    # Negative numbers are varints of ten bytes, modulo 2^64; the low bits are those of any width.
    bits = np.array([number % 2**64 for number in numbers], np.uint64)
    return bits.astype(f"<u{dtype.itemsize}").tobytes()


def _external(name: str, fields: Fields, folder: Path | None, size: int) -> bytes:
    """The `size` bytes of a tensor in another file, which must be beside the model or below."""
    said = dict[str, str]()
    for entry in map(fields_of, fields[_EXTERNAL]):
        said[text_of(entry.get(1, [b""])[-1])] = text_of(entry.get(2, [b""])[-1])
    place = said.get("location", "")
    # By both rules: a model made on Windows has backslashes, and "..\\x" must not lead out
    # either.
    parts = PurePosixPath(place).parts + PureWindowsPath(place).parts
    if (
        folder is None
        or not parts
        or PurePosixPath(place).is_absolute()
        or PureWindowsPath(place).drive
    ):
        raise AbsentData(f"{name} has its data in {place!r}, which is not a file next to the model")
    if ".." in parts:
        raise AbsentData(f"{name} has its data in {place!r}, which is not below the model's folder")
    try:
        offset, length = int(said.get("offset", 0)), int(said.get("length", size))
    except ValueError:
        raise AbsentData(f"{name} has its data at a place that is not a number: {said}") from None
    file = folder / place
    try:
        with file.open("rb") as stream:
            there = file.stat().st_size
            if offset < 0 or length != size or offset + length > there:
                raise AbsentData(
                    f"{name} claims {size} bytes, and has {length} at {offset} in {place}, a file "
                    f"of {there}"
                )
            stream.seek(offset)
            return stream.read(size)
    except OSError as missing:
        raise AbsentData(
            f"{name} has its data in another file, {file}: {missing.strerror or missing}"
        ) from None
