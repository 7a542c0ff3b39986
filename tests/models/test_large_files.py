"""Of a file of two gigabytes only the GRU is read: the rest of it is a hole, and takes no disk."""

from __future__ import annotations

import json
import runpy
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gruverify.models import BadFile, read_arrays, read_grus

FUZZ = runpy.run_path(str(Path(__file__).parents[1] / "campaigns" / "reader_fuzz.py"))
WEIGHTS = FUZZ["weights"]()
LARGE = 2**31 - 2**20
#: What reading a small GRU may take, whatever else is in the file.
MOST = 2**20


def safetensors(path: Path) -> None:
    """The weights, and an embedding behind them."""
    header, at = {}, 0
    for name, array in WEIGHTS.items():
        places = [at, at + array.nbytes]
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": places}
        at += array.nbytes
    large = {"dtype": "F32", "shape": [LARGE // 4], "data_offsets": [at, at + LARGE]}
    head = json.dumps({**header, "embedding": large}).encode()
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.write(b"".join(array.tobytes() for array in WEIGHTS.values()))
        file.truncate(file.tell() + LARGE)


def npz(path: Path) -> None:
    """The same as members of an archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in WEIGHTS.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
        large = zipfile.ZipInfo("embedding/kernel.npy")
        large.header_offset, large.CRC = archive.start_dir, 0
        large.file_size = large.compress_size = LARGE
        assert archive.fp is not None
        archive.fp.seek(archive.start_dir)
        archive.fp.write(large.FileHeader(zip64=False))
        archive.fp.truncate(archive.fp.tell() + LARGE)
        archive.fp.seek(0, 2)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(large)
        archive.NameToInfo[large.filename] = large


def onnx(path: Path) -> None:
    """A model with a large tensor at its end."""
    large = FUZZ["field_of"](1, LARGE // 8) + FUZZ["field_of"](2, 1) + FUZZ["field_of"](8, b"e")
    raw = b"\x4a" + FUZZ["_varint"](LARGE // 2)
    whole = FUZZ["KINDS"]["onnx"](WEIGHTS)
    tensor = b"\x2a" + FUZZ["_varint"](len(large) + len(raw) + LARGE // 2) + large + raw
    graph = b"\x3a" + FUZZ["_varint"](len(tensor) + LARGE // 2) + tensor
    with path.open("wb") as file:
        file.write(whole + graph)
        file.truncate(file.tell() + LARGE // 2)


@pytest.mark.parametrize("write", [safetensors, npz, onnx])
def test_of_a_large_file_only_the_gru_is_read(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    file = tmp_path / "large"
    write(file)
    read_grus(file)  # what is imported once is nobody's
    tracemalloc.start()
    try:
        [gru] = read_grus(file)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert file.stat().st_size > LARGE // 2
    assert gru.stack.hidden_size == 2
    assert most < MOST


def test_arrays_are_no_views_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(FUZZ["KINDS"]["safetensors"](WEIGHTS))

    arrays = read_arrays(file)
    file.write_bytes(b"")

    assert all(np.array_equal(arrays[name], array) for name, array in WEIGHTS.items())


@pytest.mark.parametrize("compressed", [False, True])
def test_catches_a_member_whose_checksum_is_wrong(compressed: bool, tmp_path: Path) -> None:
    kind = "npz, compressed" if compressed else "npz"
    data = bytearray(FUZZ["KINDS"][kind](WEIGHTS))
    (tmp_path / "a.npz").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        info = archive.getinfo("weight_hh_l0.npy")
    data[info.header_offset + 30 + len(info.filename) + info.compress_size - 1] ^= 1
    (tmp_path / "a.npz").write_bytes(data)

    for read in (read_grus, read_arrays):
        with pytest.raises(BadFile, match=r"a\.npz: .*weight_hh_l0\.npy: "):
            read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, "has 4 of the 8"),
        ({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, "has no shape"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, "has 16 of the 8"),
        (
            {name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for name in "ab"},
            "two arrays have the same bytes",
        ),
    ],
)
def test_catches_a_safetensors_header_that_lies(
    header: object, message: str, tmp_path: Path
) -> None:
    head = json.dumps(header).encode().ljust(120)
    (tmp_path / "a").write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))

    with pytest.raises(BadFile, match=message):
        read_arrays(tmp_path / "a")
