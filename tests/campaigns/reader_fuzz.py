"""Damaged files, many of them: each is read, or refused in one line; nothing crashes, and nothing
large is allocated.

    python tests/campaigns/reader_fuzz.py --files 100000

prints how many were read and refused by kind, and the most memory that one took, as a multiple of
its size.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gruverify.models import BadFile, onnx_file, onnx_whole, read_grus

#: What a reader may take beside twice the size of the file: of Python's own objects, and of buffers
#: of its libraries.
SLACK = 2**20


def weights() -> dict[str, np.ndarray[Any, Any]]:
    """A GRU of two units and three inputs under PyTorch's names."""
    rng = np.random.default_rng(0)
    shapes = {
        "weight_ih_l0": (6, 3),
        "weight_hh_l0": (6, 2),
        "bias_ih_l0": (6,),
        "bias_hh_l0": (6,),
    }
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def _npz(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _compressed(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _npy(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    file = io.BytesIO()
    np.save(file, arrays["weight_ih_l0"])
    return file.getvalue()


def _json(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    return json.dumps({"arrays": {name: array.tolist() for name, array in arrays.items()}}).encode()


def _safetensors(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    from safetensors.numpy import save

    return bytes(save(arrays))


def _state_dict(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, file)
    return file.getvalue()


def field_of(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer: a whole number, or bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])


def onnx_tensor(name: str, array: np.ndarray[Any, Any]) -> bytes:
    """A tensor of float32 as ONNX stores it."""
    dims = b"".join(field_of(1, size) for size in array.shape)
    return dims + field_of(2, 1) + field_of(8, name.encode()) + field_of(9, array.tobytes())


def onnx_node(kind: str, inputs: list[str], output: str, **attributes: int | bytes) -> bytes:
    """A node; attributes are whole numbers, texts, the bytes of a tensor called `value`, or a graph
    called `body`.
    """
    found = b"".join(field_of(1, name.encode()) for name in inputs) + field_of(2, output.encode())
    for name, value in attributes.items():
        number = {"value": 5, "body": 6}.get(name, 3 if isinstance(value, int) else 4)
        number = 9 if name == "activations" else number
        found += field_of(5, field_of(1, name.encode()) + field_of(number, value))
    return found + field_of(3, f"{kind.lower()}_of_{output}".encode()) + field_of(4, kind.encode())


def onnx_model(nodes: list[bytes], tensors: list[bytes]) -> bytes:
    """A model with one graph."""
    return field_of(1, 8) + field_of(7, onnx_graph(nodes, tensors))


def onnx_graph(nodes: list[bytes], tensors: list[bytes]) -> bytes:
    """A graph of these nodes and initializers."""
    return b"".join(field_of(1, node) for node in nodes) + b"".join(
        field_of(5, tensor) for tensor in tensors
    )


def _onnx(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    def swapped(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        r, z, n = np.split(array, 3)
        return np.concatenate([z, r, n])

    biases = [swapped(arrays[f"bias_{side}_l0"]) for side in ("ih", "hh")]
    tensors = [
        onnx_tensor("w", swapped(arrays["weight_ih_l0"])[None]),
        onnx_tensor("r", swapped(arrays["weight_hh_l0"])[None]),
        onnx_tensor("b", np.concatenate(biases)[None]),
    ]
    return onnx_model([onnx_node("GRU", ["x", "w", "r", "b"], "y", linear_before_reset=1)], tensors)


def onnx_numbers(name: str, *numbers: int) -> bytes:
    """A tensor of int64, one axis."""
    data = np.array(numbers, np.int64).tobytes()
    return (
        field_of(1, len(numbers)) + field_of(2, 7) + field_of(8, name.encode()) + field_of(9, data)
    )


def _onnx_layers(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """Two layers with layout between them, weights behind a Cast, and the second in a function."""
    W, R = np.zeros((1, 6, 3), np.float32), arrays["weight_hh_l0"][None]
    tensors = [
        onnx_tensor("w", W),
        onnx_tensor("r", R),
        onnx_tensor("v", R),
        onnx_numbers("axes", 1),
        onnx_numbers("sizes", 0, 0, -1),
    ]
    nodes = [
        onnx_node("Cast", ["w"], "W", to=1),
        onnx_node("GRU", ["x", "W", "r"], "y"),
        onnx_node("Squeeze", ["y", "axes"], "s"),
        onnx_node("Reshape", ["s", "sizes"], "t"),
        onnx_node("Layer", ["t", "v", "r"], "z") + field_of(7, b"own"),
    ]
    layer = field_of(1, b"Layer") + b"".join(field_of(4, name) for name in (b"a", b"b", b"c"))
    layer += field_of(5, b"d") + field_of(7, onnx_node("GRU", ["a", "b", "c"], "d"))
    return onnx_model(nodes, tensors) + field_of(25, layer + field_of(10, b"own"))


def _weights_h5(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """The weights as Keras 3 saves those of a layer called encoder, gates in the order z, r, h."""
    import h5py

    def swapped(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        r, z, n = np.split(array, 3)
        return np.concatenate([z, r, n])

    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        cell = file.create_group("layers/gru/cell/vars")
        cell.attrs["name"] = "gru_cell"
        file.create_group("layers/gru/vars").attrs["name"] = "encoder"
        cell["0"], cell["1"] = (swapped(arrays[f"weight_{side}_l0"]).T for side in ("ih", "hh"))
        cell["2"] = np.stack([swapped(arrays[f"bias_{side}_l0"]) for side in ("ih", "hh")])
    return data.getvalue()


def keras_config(**settings: Any) -> dict[str, Any]:
    """The configuration of a model with a GRU called encoder."""
    gru = {"class_name": "GRU", "config": {"name": "encoder", "reset_after": True, **settings}}
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": [gru]}}


def keras_file(weights: bytes, config: dict[str, Any], **metadata: str) -> bytes:
    """A .keras file of these members."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return data.getvalue()


def _keras(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    return keras_file(_weights_h5(arrays), keras_config())


def packed(value: Any) -> bytes:
    """A value as msgpack: a map, a list, a text, bytes, an array as Flax has it, or a small
    number.
    """
    if isinstance(value, dict):
        each = b"".join(packed(key) + packed(inner) for key, inner in value.items())
        return bytes([0x80 | len(value)]) + each
    if isinstance(value, list | tuple):
        return bytes([0x90 | len(value)]) + b"".join(map(packed, value))
    if isinstance(value, str):
        return bytes([0xA0 | len(value)]) + value.encode()
    if isinstance(value, bytes):
        return b"\xc5" + len(value).to_bytes(2, "big") + value
    if isinstance(value, int):
        return bytes([value])
    inner = packed([value.shape, value.dtype.name, value.tobytes()])
    return b"\xc8" + len(inner).to_bytes(2, "big") + b"\x01" + inner


def _msgpack(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    return packed({"params": {"rnn": arrays}})


KINDS: dict[str, Callable[[dict[str, np.ndarray[Any, Any]]], bytes]] = {
    "npz": _npz,
    "npz, compressed": _compressed,
    "npy": _npy,
    "json": _json,
    "safetensors": _safetensors,
    "state_dict": _state_dict,
    "onnx": _onnx,
    "onnx, layers": _onnx_layers,
    "weights.h5": _weights_h5,
    "keras": _keras,
    "msgpack": _msgpack,
}
#: The packages without which kinds of files are neither made nor read.
NEEDS = {
    "safetensors": "safetensors",
    "state_dict": "torch",
    "weights.h5": "h5py",
    "keras": "h5py",
}


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """The file with bytes changed, cut off, doubled or filled, a few times; numbers in its headers
    become large.
    """
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        if not found:
            break
        at, way = int(rng.integers(len(found))), int(rng.integers(7))
        length = int(rng.integers(1, 16))
        if way == 0:
            found[at] = int(rng.integers(256))
        elif way == 1:
            del found[at:]
        elif way == 2:
            found[at:at] = found[at : at + length]
        elif way == 3:
            found[at : at + length] = b"\xff" * length
        elif way == 4:
            del found[at : at + length]
        elif way == 5:
            found[at] ^= 1 << int(rng.integers(8))
        elif digits := [i for i, byte in enumerate(found) if chr(byte).isdigit()]:
            place = digits[int(rng.integers(len(digits)))]
            found[place : place + 1] = b"9" * length
    return bytes(found)


def fate(data: bytes, file: Path) -> tuple[str, int]:
    """Whether the file is "read" or "refused", and how many bytes reading it took at most.

    Raises:
        AssertionError: it is refused in more than one line.
    """
    file.write_bytes(data)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        read_grus(file)
        if data[:1] == b"\x08":
            onnx_file(file)
            onnx_whole(file)
        found = "read"
    except BadFile as wrong:
        if "\n" in str(wrong) or not str(wrong).startswith(str(file)):
            raise AssertionError(f"not one line that names the file: {wrong!r}") from wrong
        found = "refused"
    return found, tracemalloc.get_traced_memory()[1] - before


def fuzz(kind: str, files: int, seed: int, file: Path) -> tuple[Counter[str], int]:
    """So many mutated files of a kind: how many had which fate, and the most memory beyond twice
    the size of one.
    """
    whole, rng = KINDS[kind](weights()), np.random.default_rng(seed)
    fates, most = Counter[str](), 0
    fate(whole, file)  # what is imported and remembered once is nobody's
    for _ in range(files):
        data = mutated(whole, rng)
        found, memory = fate(data, file)
        fates[found] += 1
        most = max(most, memory - 2 * len(data))
    return fates, most


def main() -> None:
    """Fuzz every kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    asked = parser.parse_args()
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as folder:
        for kind in asked.kinds:
            fates, most = fuzz(
                kind, asked.files // len(asked.kinds), asked.seed, Path(folder) / "weights"
            )
            within = "within" if most <= SLACK else "BEYOND"
            print(
                f"{kind}: {dict(fates)}; memory {within} twice the size and {SLACK >> 20} MiB "
                f"({most:,} bytes more)"
            )


if __name__ == "__main__":
    main()
