"""Damaged files, many of them: each is read, or refused in one line; nothing crashes, and nothing large is allocated.

    python tests/campaigns/reader_fuzz.py --files 100000

prints how many were read and refused by kind, and the most memory that one took, as a multiple of its size.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gruverify.models import BadFile, read_grus

#: What a reader may take beside twice the size of the file: of Python's own objects, and of buffers of its libraries.
SLACK = 2**20


def weights() -> dict[str, np.ndarray[Any, Any]]:
    """A GRU of two units and three inputs under PyTorch's names."""
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": (6, 3), "weight_hh_l0": (6, 2), "bias_ih_l0": (6,), "bias_hh_l0": (6,)}
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


KINDS: dict[str, Callable[[dict[str, np.ndarray[Any, Any]]], bytes]] = {
    "npz": _npz,
    "npz, compressed": _compressed,
    "npy": _npy,
    "json": _json,
    "safetensors": _safetensors,
    "state_dict": _state_dict,
}


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """The file with bytes changed, cut off, doubled or filled, a few times; numbers in its headers become large."""
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
        found = "read"
    except BadFile as wrong:
        if "\n" in str(wrong) or not str(wrong).startswith(str(file)):
            raise AssertionError(f"not one line that names the file: {wrong!r}") from wrong
        found = "refused"
    return found, tracemalloc.get_traced_memory()[1] - before


def fuzz(kind: str, files: int, seed: int, file: Path) -> tuple[Counter[str], int]:
    """So many mutated files of a kind: how many had which fate, and the most memory beyond twice the size of one."""
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
            fates, most = fuzz(kind, asked.files // len(asked.kinds), asked.seed, Path(folder) / "weights")
            within = "within" if most <= SLACK else "BEYOND"
            print(f"{kind}: {dict(fates)}; memory {within} twice the size and {SLACK >> 20} MiB ({most:,} bytes more)")


if __name__ == "__main__":
    main()
