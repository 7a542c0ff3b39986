"""Arrays of a .safetensors file: a length of eight bytes, a header in JSON, and the numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gruverify._visible import visible
from gruverify.arithmetic import NDArray, bfloat16
from gruverify.models._mapped import mapped

_LENGTH, _ABOUT = 8, "__metadata__"
#: The dtypes by their names there; others, as float8 is, no GRU has that is judged here.
_DTYPES: dict[str, np.dtype[Any]] = {
    **{f"F{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
    **{f"I{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    "BF16": bfloat16.dtype,
    "BOOL": np.dtype(bool),
}


def safetensors_arrays(path: Path) -> dict[str, NDArray]:
    """The arrays of a file by name, which are those of the file as it is.

    Raises:
        ValueError: it is damaged, or an array claims what is not there.
    """
    data = mapped(path)
    start = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
    header = json.loads(bytes(data[_LENGTH:start]))
    assert isinstance(header, dict)  # it begins as an object does
    _require_apart(header)
    numbers, found = data[start:], dict[str, NDArray]()
    for name, said in header.items():
        if name == _ABOUT or not isinstance(said, dict) or said.get("dtype") not in _DTYPES:
            continue
        found[name] = _array(visible(name), said, numbers)
    return found


def _require_apart(header: Mapping[str, Any]) -> None:
    """Raise ValueError where two arrays have the same bytes: together they would be more than the
    file.
    """
    places = [said.get("data_offsets") for said in header.values() if isinstance(said, dict)]
    held = sorted(filter(None, map(_sizes, places)))
    for before, after in pairwise(held):
        if after[0] < before[-1]:
            raise ValueError(f"two arrays have the same bytes: {before} and {after}")


def _array(name: str, said: Mapping[str, Any], numbers: memoryview) -> NDArray:
    dtype = _DTYPES[said["dtype"]]
    shape, place = _sizes(said.get("shape")), _sizes(said.get("data_offsets"))
    if shape is None or place is None or len(place) != 2:
        raise ValueError(f"{name} has no shape, or no place: {shape}, {place}")
    claimed, held = math.prod(shape) * dtype.itemsize, place[1] - place[0]
    if claimed != held or place[1] > len(numbers):
        raise ValueError(
            f"{name} claims shape {tuple(shape)} of {dtype.name}, {claimed} bytes, and has {held} "
            f"of the {len(numbers)} that there are"
        )
    return np.frombuffer(numbers[place[0] : place[1]], dtype).reshape(shape)


def _sizes(value: object) -> list[int] | None:
    """A list of whole numbers that are not negative; None if it is something else."""
    if not isinstance(value, list):
        return None
    # `type`, for True is an int as well, and JSON has it.
    whole = all(type(one) is int and one >= 0 for one in value)
    if whole:
        return value
    return None
