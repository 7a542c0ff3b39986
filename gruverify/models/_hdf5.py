"""The arrays of an HDF5 file as Keras writes it: datasets of numbers by their paths, each a view of
the file's own bytes.

A reader of our own: HDF5's library loops and crashes on damaged files, and can open others from
inside one. It reads what h5py writes unless told otherwise: superblocks of version 0 and 1, groups
as symbol tables, datasets in one piece. The rest is refused by name. Numbers of messages and fields
are those of the HDF5 File Format Specification.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gruverify.arithmetic import NDArray, bfloat16

#: Groups inside groups, down to here, and that many groups and datasets in all.
_DEPTH, _MOST = 24, 20_000
_SPACE, _TYPE, _EXTERNAL, _LAYOUT, _ATTRIBUTE, _CONTINUED, _TABLE = 1, 3, 7, 8, 12, 16, 17
_LINKS = 2
_NO_ADDRESS = 2**64 - 1
#: Classes of types: numbers, texts of one length, bytes of no meaning, and what lies in a heap.
_WHOLE, _REAL, _STRING, _OPAQUE, _VARIABLE = 0, 1, 3, 5, 9
#: Size of a floating-point number, of its exponent and of its significand, each in bits.
_REALS = {
    (16, 5, 10): np.dtype("f2"),
    (16, 8, 7): bfloat16.dtype,
    (32, 8, 23): np.dtype("f4"),
    (64, 11, 52): np.dtype("f8"),
}
_SAVE_ANEW = (
    "save the arrays again, np.savez('weights.npz', **{w.path: w.numpy() for w in model.weights})"
)


@dataclass
class Hdf5:
    """What an HDF5 file holds: arrays by path, the attribute "name" of groups by path, and
    "model_config" of the file, and version its "keras_version", which Keras writes.
    """

    arrays: dict[str, NDArray] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    config: str = ""
    version: str = ""


@dataclass
class _Item:
    """The messages of a group's or dataset's header, by number."""

    messages: dict[int, list[memoryview]]

    def one(self, number: int) -> memoryview:
        return self.messages.get(number, [memoryview(b"")])[0]


def hdf5(data: memoryview) -> Hdf5:
    """All of a file.

    Raises:
        ValueError: it is damaged, of a kind that is not read, or a dataset claims more than it
            holds.
    """
    file = _File(data)
    version = file.at(8, 1)[0]
    # Versions 2 and 3 are written for libver="latest" alone, with groups and headers of newer
    # kinds.
    if version > 1:
        raise ValueError(f"is HDF5 with a superblock of version {version}: {_SAVE_ANEW}")
    if (widths := bytes(file.at(13, 2))) != b"\x08\x08":
        raise ValueError(f"is HDF5 with addresses and lengths of {widths[0]} and {widths[1]} bytes")
    root = file.item(file.number(64 + 4 * version))
    found = Hdf5(config=file.text(root, b"model_config"), version=file.text(root, b"keras_version"))
    for path, item in file.below(root, "", _DEPTH):
        if _TABLE in item.messages or _LINKS in item.messages:
            if name := file.text(item, b"name"):
                found.names[path] = name
        elif (array := file.array(path, item)) is not None:
            found.arrays[path] = array
    return found


class _File:
    """The bytes of a file, every one of which is there before it is read."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._seen = set[int]()

    def at(self, start: int, count: int) -> memoryview:
        """The `count` bytes from `start` on."""
        if start + count > len(self._data):
            raise ValueError(
                f"is a truncated or damaged HDF5 file: {count} bytes at byte {start} of "
                f"{len(self._data)}"
            )
        return self._data[start : start + count]

    def number(self, start: int, width: int = 8) -> int:
        return int.from_bytes(self.at(start, width), "little")

    def signed(self, start: int, signature: bytes) -> None:
        """Raise ValueError unless a block begins so, or if it was met before."""
        if bytes(self.at(start, 4)) != signature:
            raise ValueError(f"is a damaged HDF5 file: no {signature.decode()} at byte {start}")
        if start in self._seen:
            # A cycle of blocks would be followed for ever; a sound file meets each block once.
            raise ValueError(f"is a damaged HDF5 file: it comes back to byte {start}")
        self._seen.add(start)

    def item(self, start: int) -> _Item:
        """The header at an address, with what continues it elsewhere."""
        if self.at(start, 1)[0] != 1:
            raise ValueError(f"is HDF5 with a header of another version than 1: {_SAVE_ANEW}")
        count = self.number(start + 2, 2)
        # The prefix of version 1 has 12 bytes, padded to 16: messages are aligned to eight.
        blocks, messages = [(start + 16, self.number(start + 8, 4))], dict[int, list[memoryview]]()
        while blocks and count:
            at, left = blocks.pop(0)
            while left >= 8 and count:
                kind, size = struct.unpack("<HH", self.at(at, 4))
                body = self.at(at + 8, size)
                if kind == _CONTINUED and size >= 16:
                    blocks.append(struct.unpack("<QQ", body[:16]))
                # Bit 1: the message lies elsewhere, as that of a named type does.
                elif not self.at(at + 4, 1)[0] & 2:
                    messages.setdefault(kind, []).append(body)
                at, left, count = at + 8 + size, left - 8 - size, count - 1
        return _Item(messages)

    def below(self, group: _Item, above: str, depth: int) -> Iterator[tuple[str, _Item]]:
        """The groups and datasets of a group, and of those, each once."""
        if _LINKS in group.messages:
            raise ValueError(f"is HDF5 with groups of the newer kind: {_SAVE_ANEW}")
        if _TABLE not in group.messages:
            return
        if not depth:
            raise ValueError(f"has groups in each other more than {_DEPTH} deep")
        tree, heap = struct.unpack("<QQ", _whole(group.one(_TABLE), 16))
        self.signed(heap, b"HEAP")
        # The local heap's data segment: its address at byte 24, its size at 8.
        names = self.at(self.number(heap + 24), self.number(heap + 8))
        for offset, start in self._entries(tree, depth):
            if start in self._seen:
                continue  # another name of what is here
            self._seen.add(start)
            if len(self._seen) > _MOST:
                raise ValueError(f"has more than {_MOST} groups and datasets")
            name = bytes(names[offset : offset + 1024]).partition(b"\0")[0]
            path = above + name.decode("utf-8", errors="backslashreplace")
            item = self.item(start)
            yield path, item
            yield from self.below(item, f"{path}/", depth - 1)

    def _entries(self, node: int, depth: int) -> Iterator[tuple[int, int]]:
        """Where the name and the header of each entry of a group are; links are left out."""
        if not depth:
            raise ValueError(f"has a group in more than {_DEPTH} levels")
        self.signed(node, b"TREE")
        for place in range(self.number(node + 6, 2)):
            # Behind the head of 24 bytes keys and addresses take turns, a key first; the keys are
            # not needed.
            child = self.number(node + 32 + 16 * place)
            if self.at(node + 5, 1)[0]:
                yield from self._entries(child, depth - 1)
                continue
            self.signed(child, b"SNOD")
            for entry in range(self.number(child + 6, 2)):
                at = child + 8 + 40 * entry
                # 2 is a soft link, whose target is met under its own name.
                if self.number(at + 16, 4) != 2:
                    yield self.number(at), self.number(at + 8)

    def array(self, path: str, item: _Item) -> NDArray | None:
        """The numbers of a dataset; None of what holds others, or is not a dataset."""
        if not {_SPACE, _TYPE, _LAYOUT} <= item.messages.keys():
            return None
        dtype, shape = _dtype(item.one(_TYPE)), _shape(item.one(_SPACE))
        if dtype is None:
            return None
        if _EXTERNAL in item.messages:
            raise ValueError(f"{path} is in another file: save the weights in one file")
        data = self._stored(path, item.one(_LAYOUT))
        if (claimed := math.prod(shape) * dtype.itemsize) > len(data):
            raise ValueError(
                f"{path} claims shape {shape} of {dtype}, {claimed} bytes, and holds {len(data)}"
            )
        found = np.frombuffer(data[:claimed], dtype).reshape(shape)
        if dtype.isnative:
            return found
        return found.astype(dtype.newbyteorder("="))

    def _stored(self, path: str, layout: memoryview) -> memoryview:
        version, kind = _whole(layout, 2)[:2]
        if version not in (3, 4) or kind not in (0, 1):
            raise ValueError(f"{path} is stored in chunks, or compressed: {_SAVE_ANEW}")
        if kind == 0:
            size = int.from_bytes(layout[2:4], "little")
            return _whole(layout, 4 + size)[4 : 4 + size]
        start, size = struct.unpack("<QQ", _whole(layout, 18)[2:18])
        # Nothing was ever written to it, as in a dataset without entries.
        if start == _NO_ADDRESS:
            return memoryview(b"")
        return self.at(start, size)

    def text(self, item: _Item, name: bytes) -> str:
        """The text of an attribute, or none."""
        for body in item.messages.get(_ATTRIBUTE, []):
            version, _, *sizes = struct.unpack("<BBHHH", _whole(body, 8)[:8])
            # Version 3 has one byte more, the encoding of the name; version 1 pads each part to
            # eight.
            at, parts = 8 + (version == 3), list[memoryview]()
            for size in sizes:
                parts.append(_whole(body, at + size)[at : at + size])
                at += -(-size // 8) * 8 if version == 1 else size
            if bytes(parts[0]).rstrip(b"\0") == name:
                return self._text_of(_whole(parts[1], 8), body[at:])
        return ""

    def _text_of(self, type_: memoryview, data: memoryview) -> str:
        kind = type_[0] & 15
        # h5py stores a str so: how long it is, and where in a heap it lies.
        if kind == _VARIABLE:
            _, heap, index = struct.unpack("<IQI", _whole(data, 16)[:16])
            data = self._in_heap(heap, index)
        elif kind == _STRING:
            data = data[: int.from_bytes(type_[4:8], "little")]
        else:
            return ""
        return bytes(data).rstrip(b"\0").decode("utf-8", errors="backslashreplace")

    def _in_heap(self, heap: int, wanted: int) -> memoryview:
        """An object of a global heap."""
        at, end = heap + 16, heap + self.number(heap + 8)
        while bytes(self.at(heap, 4)) == b"GCOL" and at + 16 <= end:
            index, size = self.number(at, 2), self.number(at + 8)
            if index == wanted:
                return self.at(at + 16, size)
            if not index:
                break
            at += 16 + -(-size // 8) * 8
        raise ValueError(f"is a damaged HDF5 file: no object {wanted} in the heap at byte {heap}")


def _whole(data: memoryview, count: int) -> memoryview:
    """The data, if it has at least `count` bytes."""
    if count > len(data):
        raise ValueError(f"is a damaged HDF5 file: {len(data)} bytes of a message of {count}")
    return data


def _dtype(type_: memoryview) -> np.dtype[Any] | None:
    """The dtype of a type; None of what is not a number."""
    kind, bits, size = _whole(type_, 8)[0] & 15, type_[1], int.from_bytes(type_[4:8], "little")
    order: Literal[">", "<"] = ">" if bits & 1 else "<"
    if kind == _REAL:
        found = _REALS.get((8 * size, _whole(type_, 20)[13], type_[15]))
        if found != bfloat16.dtype:
            return found and found.newbyteorder(order)
        if order == ">":  # NumPy cannot turn the bytes of a type that is not its own
            raise ValueError(f"is HDF5 with bfloat16, the high byte first: {_SAVE_ANEW}")
        return found
    if kind == _WHOLE and size in (1, 2, 4, 8):
        return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
    # bfloat16 of ml_dtypes has no type in HDF5, and becomes two bytes of nothing in particular.
    if kind == _OPAQUE and size == 2:
        return bfloat16.dtype
    return None


def _shape(space: memoryview) -> tuple[int, ...]:
    version, rank = _whole(space, 4)[:2]
    if version not in (1, 2):
        raise ValueError(f"is HDF5 with a shape of version {version}: {_SAVE_ANEW}")
    start = 8 if version == 1 else 4
    sizes = _whole(space, start + 8 * rank)[start : start + 8 * rank]
    return struct.unpack(f"<{rank}Q", sizes)
