"""Members of zip archives, of which only those are read that are looked at."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gruverify._visible import visible
from gruverify.arithmetic import NDArray
from gruverify.models._mapped import mapped

#: A member's own header: its size without name and extra field, and where it says how long those
#: are.
_HEADER, _LENGTHS = 30, 26
_SIGNATURE, _ENCRYPTED = b"PK\x03\x04", 1


def member_of(path: Path, member: zipfile.ZipInfo) -> memoryview:
    """The bytes of a member, whose checksum is right; of one that is not compressed they are those
    of the file as it is.

    Raises:
        ValueError: it is damaged.
    """
    # What is stored as it is needs no copy: its arrays are views of the mapped file.
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & _ENCRYPTED:
        with zipfile.ZipFile(path) as archive:
            return memoryview(archive.read(member))
    data, at = mapped(path), member.header_offset
    header = data[at : at + _HEADER]
    if len(header) < _HEADER or header[:4] != _SIGNATURE:
        raise ValueError("its header is not where the archive says")
    # Of the member's own header: its extra field may be longer than that in the archive's
    # directory, as np.savez' is.
    lengths = bytes(header[_LENGTHS:])
    at += _HEADER + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    found = data[at : at + member.file_size]
    if len(found) < member.file_size or zlib.crc32(found) != member.CRC:
        raise ValueError("its checksum is another one: it is damaged")
    return found


class Members(Mapping[str, NDArray]):
    """Arrays of an archive by name, each read when it is asked for.

    read: makes the bytes of a member into an array.
    """

    def __init__(
        self,
        path: Path,
        members: Mapping[str, zipfile.ZipInfo],
        read: Callable[[memoryview], NDArray],
    ) -> None:
        self._path, self._members, self._read = path, members, read

    def __getitem__(self, name: str) -> NDArray:
        """The array; ValueError names the member that is damaged."""
        member = self._members[name]
        try:
            return self._read(member_of(self._path, member))
        except Exception as wrong:  # whatever a reader stumbles over
            raise ValueError(
                f"{visible(member.filename)}: {wrong or type(wrong).__name__}"
            ) from wrong

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
