"""The arrays of a msgpack file, as flax.serialization.to_bytes writes parameters: nested maps by
name. Each array is a view of the file's own bytes; nothing of it is executed.

A decoder of our own: it is shorter than a dependency is long, and a map that claims a thousand
million entries fails at the first that is not there.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gruverify.arithmetic import NDArray, bfloat16
from gruverify.models._mapped import mapped

#: Maps inside maps, down to here.
_DEPTH = 24
#: Flax' extension type of an array: its shape, the name of its dtype and its bytes, as msgpack
#: again.
_NDARRAY = 1
#: How Flax stores an array of more than 2^30 bytes, in a map that says so.
_CHUNKED = "__msgpack_chunked_array__"
_DTYPES = {
    "bfloat16": bfloat16.dtype,
    **{name: np.dtype(name) for name in ("float16", "float32", "float64")},
}
#: Numbers by their first byte, as `struct` reads them.
_NUMBERS = {0xCA + i: f">{letter}" for i, letter in enumerate("fdBHIQbhiq")}
#: What has a length before it: texts, bytes, extensions, lists and maps, by their first byte, with
#: how many bytes the length has.
_LENGTHS = {
    **{0xC4 + i: ("bytes", 1 << i) for i in range(3)},
    **{0xC7 + i: ("extension", 1 << i) for i in range(3)},
    **{0xD9 + i: ("text", 1 << i) for i in range(3)},
    **{0xDC + i: ("list", 2 << i) for i in range(2)},
    **{0xDE + i: ("map", 2 << i) for i in range(2)},
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


@dataclass
class _Extension:
    kind: int
    data: memoryview


def msgpack_arrays(path: Path) -> dict[str, NDArray]:
    """The floating-point arrays of a file by their names, with slashes between those of maps.

    Raises:
        ValueError: it is not msgpack, damaged, or an array claims more than it holds.
    """
    reader = _Reader(mapped(path))
    found = reader.value(_DEPTH)
    if reader.at != len(reader.data):
        raise ValueError(
            f"is not a msgpack file, or more: it ends at byte {reader.at} of its value"
        )
    if not isinstance(found, dict):
        raise ValueError("is msgpack, and no map of parameters by name")
    return dict(_arrays("", found))


class _Reader:
    """Values one after the other."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def value(self, depth: int) -> Any:
        """The next value. Texts and numbers are Python's; bytes and extensions are views."""
        if not depth:
            raise ValueError(f"has maps or lists in each other more than {_DEPTH} deep")
        first = self._bytes(1)[0]
        # Small numbers are their own byte, as a signed one.
        if first < 0x80 or first >= 0xE0:
            # Numbers from -32 to 127 are a byte of their own.
            return first - 256 * (first >= 0xE0)
        if first < 0xC0:
            if first < 0x90:
                kind = "map"
            elif first < 0xA0:
                kind = "list"
            else:
                kind = "text"
            return self._with_length(kind, first & (31 if kind == "text" else 15), depth)
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _NUMBERS:
            return struct.unpack(_NUMBERS[first], self._bytes(struct.calcsize(_NUMBERS[first])))[0]
        if first in _LENGTHS:
            kind, width = _LENGTHS[first]
            return self._with_length(kind, int.from_bytes(self._bytes(width), "big"), depth)
        if 0xD4 <= first <= 0xD8:
            return self._with_length("extension", 1 << first - 0xD4, depth)
        raise ValueError(f"is not msgpack: byte {first:#x} at {self.at - 1} begins no value")

    def _with_length(self, kind: str, length: int, depth: int) -> Any:
        if kind == "map":
            return {self._key(depth): self.value(depth - 1) for _ in range(length)}
        if kind == "list":
            return [self.value(depth - 1) for _ in range(length)]
        if kind == "extension":
            code = self._bytes(1)[0]
            return _Extension(code, self._bytes(length))
        data = self._bytes(length)
        if kind == "text":
            return bytes(data).decode("utf-8", errors="backslashreplace")
        return data

    def _key(self, depth: int) -> str:
        found = self.value(depth - 1)
        if not isinstance(found, str | int):
            raise ValueError(f"has a {type(found).__name__} for the name in a map")
        return str(found)

    def _bytes(self, count: int) -> memoryview:
        if count > len(self.data) - self.at:
            raise ValueError(
                f"is truncated, or claims more than it holds: {count} bytes at byte {self.at} of "
                f"{len(self.data)}"
            )
        self.at += count
        return self.data[self.at - count : self.at]


def _arrays(name: str, value: object) -> Iterator[tuple[str, NDArray]]:
    """The arrays of nested maps; what is neither is left out."""
    if isinstance(value, _Extension) and value.kind == _NDARRAY:
        if (array := _array(name, value.data)) is not None:
            yield name, array
    elif isinstance(value, Mapping) and _CHUNKED in value:
        yield name, _joined(name, value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _arrays(f"{name}/{key}" if name else key, inner)


def _array(name: str, data: memoryview) -> NDArray | None:
    """An array, unless it is of whole numbers or of a dtype that no GRU has."""
    match _Reader(data).value(_DEPTH):
        case [[*shape], (str() | memoryview()) as dtype, memoryview() as numbers]:
            if isinstance(dtype, str):
                named = dtype
            else:
                named = bytes(dtype).decode("ascii", "replace")
        case _:
            raise ValueError(f"{name} is not an array as Flax writes them")
    if any(not isinstance(size, int) or size < 0 for size in shape):
        raise ValueError(f"{name} claims shape {tuple(shape)}")
    if named not in _DTYPES:
        return None
    # Before `reshape`, so that the message names the array.
    if math.prod(shape) * _DTYPES[named].itemsize != len(numbers):
        raise ValueError(
            f"{name} claims shape {tuple(shape)} of {named}, and holds {len(numbers)} bytes"
        )
    return np.frombuffer(numbers, _DTYPES[named]).reshape(shape)


def _joined(name: str, value: Mapping[str, object]) -> NDArray:
    """An array in chunks, which lie in maps by number, as its shape does."""
    match value:
        case {"shape": {**sizes}, "chunks": {**chunks}}:
            parts = [array for _, array in _arrays(name, _by_number(name, chunks))]
            found = np.concatenate([part.reshape(-1) for part in parts])
            shape: list[Any] = list(_by_number(name, sizes).values())
            return found.reshape(shape)
    raise ValueError(f"{name} is not an array in chunks as Flax writes them")


def _by_number(name: str, parts: Mapping[object, object]) -> dict[str, object]:
    """The entries of a map by number, 0 first: a map may have them in any order."""
    order = [str(number) for number in range(len(parts))]
    if parts.keys() != set(order):
        raise ValueError(f"{name} is in parts that are not numbered: {', '.join(map(str, parts))}")
    return {number: parts[number] for number in order}
