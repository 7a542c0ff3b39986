"""Arrays of files, by name. Nothing that a file holds is executed, and nothing is allocated that it
does not hold.
"""

from __future__ import annotations

import io
import json
import math
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np

from gruverify._named import Keywords
from gruverify._visible import shortened, visible
from gruverify.arithmetic import NDArray, bfloat16, format_named
from gruverify.backends import state_dict_of
from gruverify.models._archives import Members
from gruverify.models._keras import KerasModel, is_keras, keras_archive, keras_weights
from gruverify.models._mapped import mapped
from gruverify.models._msgpack import msgpack_arrays
from gruverify.models._onnx import onnx_grus
from gruverify.models._safetensors import safetensors_arrays

#: Arrays by name, and what the file says of them.
Read: TypeAlias = tuple[Mapping[str, NDArray], Keywords]

#: What a compressed archive may come to: that many times its own size, or that many bytes if that
#: is more.
_EXPANDS, _SMALL = 8, 2**26
#: NumPy refuses headers that are longer.
_MOST_OF_HEADER = 2**17
_NPY, _HDF5, _ZIP = b"\x93NUMPY", b"\x89HDF", b"PK\x03\x04"
#: How a map of msgpack begins, unless it is empty, with the place of its first name; and how that
#: does.
_MAPS = {**dict.fromkeys(range(0x81, 0x90), 1), 0xDE: 3, 0xDF: 5}
_TEXTS = (*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB)
_READ = (
    ".npz, .npy, .safetensors, a PyTorch state_dict, .keras, .weights.h5, .onnx, Flax' msgpack, or "
    "JSON"
)


class BadFile(ValueError):
    """A file that cannot be read, or holds something else than it should; the message names file
    and way out.
    """


def read_arrays(path: str | Path) -> dict[str, NDArray]:
    """All arrays of a file by name; the one of a .npy file is called "".

    What it is is told by its content: .npz, .npy, .safetensors, what
    torch.save wrote (with torch), Keras' .keras and .weights.h5, ONNX models with GRU
    nodes, what flax.serialization.to_bytes returned, or JSON: an object of nested lists by name, or
    one with "arrays", and perhaps "format", next to them.

    Raises:
        BadFile: it is none of these, damaged, or claims more than it holds; or the package it needs
        is missing.
    """
    arrays = arrays_and_remarks(path)[0]
    try:
        return {name: np.array(arrays[name]) for name in arrays}
    except ValueError as damaged:
        raise BadFile(f"{path}: {damaged}") from None


def arrays_and_remarks(path: str | Path) -> Read:
    """The same arrays, as views of the file or read when they are asked for, where a ValueError
    says what is damaged; and what the file says of them: "layout", "reset", "update"; by the name
    of each GRU "resets", "refused" (what keeps it from being read), "clips", "functions", and
    "backward" (those that run backward alone).

    Raises:
        BadFile: as `read_arrays`.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            read = _reader(stream.read(9), file.stat().st_size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy and PyTorch, about old or odd headers
            return read(file)
    except ImportError as missing:
        raise BadFile(f"{path}: {missing}") from None
    except OSError as refused:
        raise BadFile(f"{path}: {refused.strerror or refused}") from None
    except MemoryError:
        raise BadFile(f"{path}: more than fits in memory") from None
    except Exception as wrong:  # whatever a reader stumbles over in a damaged file
        raise BadFile(f"{path}: {visible(shortened(str(wrong) or type(wrong).__name__))}") from None


def _reader(head: bytes, size: int) -> Callable[[Path], Read]:
    """What reads a file that begins so."""
    if head.startswith(_NPY):
        return _npy
    if head.startswith(_ZIP):
        return _archive
    # Before JSON: a header of 123 bytes, for example, makes safetensors begin with "{" as well.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8:
        return _safetensors
    if head[:1] == b"{":
        return _json
    # A protocol buffer has no signature. Field 1 as a number is what every exporter writes first.
    if head[:1] == b"\x08":  # the version of ONNX' format, which is written first
        return _onnx
    if head[8:9] == b"{":
        raise ValueError(
            f"claims a header of {int.from_bytes(head[:8], 'little')} bytes, and has {size} in all"
        )
    if head.startswith(_HDF5):
        return _keras
    if head[:1] == b"\x80":
        raise ValueError(
            "is a pickle, which would have to be executed; if PyTorch saved it, before version "
            "1.6: "
            "torch.save(torch.load(...), ...) writes it again"
        )
    if head and _is_map(head):
        return _msgpack
    raise ValueError(
        f"is not a file of arrays that is read here: {_READ}"
        + (" (it is empty)" if not size else "")
    )


def _is_map(head: bytes) -> bool:
    """Whether a map of msgpack begins so: its first name is a text, unless it ends before."""
    return head[0] in _MAPS and all(byte in _TEXTS for byte in head[_MAPS[head[0]] :][:1])


def _onnx(path: Path) -> Read:
    arrays, remarks = onnx_grus(path)
    return arrays, {"layout": "onnx", **remarks}


def _keras(path: Path) -> Read:
    return _of_keras(keras_weights(path))


def _of_keras(model: KerasModel) -> Read:
    remarks = {"resets": model.resets, "refused": model.refused, "functions": model.functions}
    return model.arrays, remarks


def _msgpack(path: Path) -> Read:
    return msgpack_arrays(path), {}


def _npy(path: Path) -> Read:
    return {"": _array_in(mapped(path))}, {}


def _array_in(data: memoryview) -> NDArray:
    """The array that these bytes are in NumPy's format."""
    head = io.BytesIO(data[:_MOST_OF_HEADER])
    return _array(head, data)


def _array(stream: IO[bytes], data: memoryview) -> NDArray:
    """One array in NumPy's format; stream: its beginning, with its header."""
    # Header and numbers apart, and not np.load, which allocates what a header claims.
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(
            f"is .npy version {version[0]}.{version[1]}: versions 1.0 and 2.0 are read"
        )
    if dtype.hasobject:
        raise ValueError("holds Python objects, which would have to be executed: save numbers")
    if min(shape, default=0) < 0:
        raise ValueError(f"claims shape {shape}")
    claimed, there = math.prod(shape) * dtype.itemsize, len(data) - stream.tell()
    if claimed > there:
        raise ValueError(f"claims shape {shape} of {dtype}, {claimed} bytes, and holds {there}")
    start = stream.tell()
    flat = np.frombuffer(data[start : start + claimed], dtype)
    if fortran:
        array = flat.reshape(shape[::-1]).T
    else:
        array = flat.reshape(shape)
    # bfloat16 of ml_dtypes loses its name in this format, and becomes two bytes of nothing in
    # particular.
    if dtype == np.dtype("V2"):
        return array.view(bfloat16.dtype)
    return array


def _archive(path: Path) -> Read:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as damaged:
        raise ValueError(
            "begins as an archive (.npz, .keras or a state_dict) and is truncated or damaged: "
            f"{damaged}"
        ) from None
    with archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if any(name.endswith("/constants.pkl") for name in names):
            raise ValueError(
                "is a TorchScript program, which would have to be executed: save its weights, "
                "torch.save(torch.jit.load(...).state_dict(), ...)"
            )
        if any(name.endswith("data.pkl") for name in names):
            return state_dict_of(path), {}
        arrays = [member for member in members if member.filename.endswith(".npy")]
        if not arrays and not is_keras(archive):
            raise ValueError(f"is an archive without arrays; read here: {_READ}")
        size = path.stat().st_size
        most = max(_EXPANDS * size, _SMALL)
        # Members may overlap in a hostile archive: each small, and together more than there is.
        if sum(member.compress_size for member in members) > size:
            raise ValueError(f"claims members of more than the {size} bytes that it has")
        if sum(member.file_size for member in members) > most:
            raise ValueError(
                f"would expand to more than {most} bytes from {size}: save it with np.savez, "
                "uncompressed"
            )
        if is_keras(archive):
            return _of_keras(keras_archive(path, archive))
        named = {member.filename.removesuffix(".npy"): member for member in arrays}
        return Members(path, named, _array_in), {}


def _safetensors(path: Path) -> Read:
    return safetensors_arrays(path), {}


def _json(path: Path) -> Read:
    said = json.loads(path.read_bytes())
    within = isinstance(said.get("arrays"), dict)
    if within:
        fmt = format_named(str(said.get("format", "float32")))
    else:
        fmt = format_named("float32")
    found = {}
    for name, numbers in (said["arrays"] if within else said).items():
        # Ragged lists raise here, texts and mixtures become another kind of array.
        array = np.array(numbers)
        if array.dtype.kind not in "iuf":
            raise ValueError(f'"{visible(name)}" holds something else than numbers')
        found[name] = fmt.cast(array.astype(np.float64))
    return found, _remarks(said) if within else {}


def _remarks(said: Keywords) -> dict[str, str]:
    remarks: dict[str, str] = {
        name: said[name] for name in ("layout", "reset", "update") if name in said
    }
    if wrong := [name for name, value in remarks.items() if not isinstance(value, str)]:
        raise ValueError(f'"{wrong[0]}" must be a word')
    return remarks
