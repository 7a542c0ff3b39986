"""Messages of protocol buffers as bytes: their fields are read without a copy, and written."""

from __future__ import annotations

from typing import Any, TypeAlias

#: Fields of a message by number, each as often as it is there: whole numbers, and bytes of
#: everything else. Of a field that is meant to be there once, the last one counts.
Fields: TypeAlias = dict[int, list[Any]]


def fields_of(data: memoryview) -> Fields:
    """The fields of a message, each inside it.

    Raises:
        ValueError: it claims more than it holds.
    """
    found, at = dict[int, list[Any]](), 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        value: Any
        if kind == 0:
            value, at = _read_varint(data, at)
        else:
            if kind == 2:
                length, at = _read_varint(data, at)
            else:
                length, at = {1: 8, 5: 4}.get(kind, -1), at
            # Kinds 3 and 4 are groups, which protocol buffers have given up: -1 refuses them.
            if length < 0 or at + length > len(data):
                raise ValueError(f"a field of {length} bytes at byte {at} of {len(data)}")
            value, at = data[at : at + length], at + length
        found.setdefault(key >> 3, []).append(value)
    return found


def whole_numbers(each: list[Any]) -> tuple[int, ...]:
    """A repeated field of whole numbers, one by one or packed."""
    found = list[int]()
    for one in each:
        if isinstance(one, int):
            found.append(one)
            continue
        at = 0
        while at < len(one):
            value, at = _read_varint(one, at)
            found.append(value)
    return tuple(found)


def bytes_of(value: Any) -> bytes:
    """The bytes of a field, which must have some: bytes(n) would be n zeros."""
    if isinstance(value, int):
        raise ValueError(f"the number {value} where bytes are wanted")
    return bytes(value)


def text_of(value: object) -> str:
    """The text of a field; what is not UTF-8 is spelled."""
    return bytes_of(value).decode("utf-8", errors="backslashreplace")


def field(number: int, value: int | bytes | str) -> bytes:
    """A field of a message: a whole number, bytes or a text."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    # Ten bytes of seven bits hold any number of 64: more are damage, and might go on for ever.
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("it ends inside a number")
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number of more than ten bytes")


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
