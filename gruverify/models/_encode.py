"""Arrays as the bytes of a file, in the kind that its name says."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gruverify._named import JsonObject
from gruverify.arithmetic import NDArray, format_of
from gruverify.backends import saved_state_dict
from gruverify.cell import LAYOUTS, Stack
from gruverify.models._written import UNNAMED, layer_name

_SAFETENSORS = {"float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64"}


@dataclass(frozen=True)
class Content:
    """What a file is to hold: arrays by name, the stacks that they are of, by theirs, and what else
    a file of JSON says of them: layout, reset, update.
    """

    arrays: Mapping[str, NDArray]
    stacks: Mapping[str, Stack] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)


def encoder(path: Path) -> Callable[[Content], bytes]:
    """What makes the bytes of a file of that name.

    Raises:
        ValueError: the name says no kind that is written.
    """
    ending = next((e for e in _ENCODERS if path.name.lower().endswith(e)), None)
    if ending is None:
        raise ValueError(
            f"{path}: name a file that ends in {', '.join(_ENCODERS)}: its ending says what is "
            "written"
        )
    return _ENCODERS[ending]


def layout_of(path: Path) -> str | None:
    """The layout that a file of that name is expected to have, if any."""
    endings = {".weights.h5": "keras", ".pt": "pytorch", ".pth": "pytorch"}
    return next((layout for e, layout in endings.items() if path.name.lower().endswith(e)), None)


def npz_bytes(arrays: Mapping[str, NDArray]) -> bytes:
    """A .npz file, uncompressed, as np.savez writes it; the same arrays give the same bytes."""
    # Not np.savez itself: it takes arrays called "file" and "allow_pickle" for its own options.
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    return file.getvalue()


def safetensors_bytes(arrays: Mapping[str, NDArray], about: Mapping[str, str]) -> bytes:
    """A .safetensors file, written as the format says, with a header that has no spaces, and the
    texts `about` it. It needs no package: a length, JSON, and the numbers.
    """
    if about:
        header: JsonObject = {"__metadata__": dict(about)}
    else:
        header = {}
    data = list[bytes]()
    start = 0
    for name, array in arrays.items():
        if array.dtype.kind == "i":
            kind = f"I{8 * array.dtype.itemsize}"
        else:
            kind = _SAFETENSORS[format_of(array.dtype).name]
        # The format has C order alone; a transposed view of Keras' or ONNX' layout has not.
        data.append(np.ascontiguousarray(array).tobytes())
        end = start + len(data[-1])
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of eight
    return len(text).to_bytes(8, "little") + text + b"".join(data)


def _npz(content: Content) -> bytes:
    return npz_bytes(content.arrays)


def _safetensors(content: Content) -> bytes:
    return safetensors_bytes(content.arrays, content.remarks)


def _state_dict(content: Content) -> bytes:
    return saved_state_dict({n: np.ascontiguousarray(a) for n, a in content.arrays.items()})


def _json(content: Content) -> bytes:
    formats = {format_of(array.dtype).name for array in content.arrays.values()}
    if len(formats) > 1:
        raise ValueError(f"JSON has one format for all arrays, and these are {', '.join(formats)}")
    arrays = {name: array.astype(np.float64).tolist() for name, array in content.arrays.items()}
    document = {"format": formats.pop(), **content.remarks, "arrays": arrays}
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _weights_h5(content: Content) -> bytes:
    """The stacks as Keras 3 saves layers of GRU and Bidirectional; load_weights reads it."""
    try:
        import h5py
    except ImportError:
        raise ImportError(
            "needs the package h5py, which is not installed: pip install 'gruverify[hdf5]', or "
            "write .npz and set the weights, layer.set_weights([kernel, recurrent_kernel, bias])"
        ) from None
    counts = dict[str, int]()
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for name, stack in content.stacks.items():
            for layer, row in enumerate(stack.cells):
                kind = "bidirectional" if len(row) == 2 else "gru"
                # Keras 3 numbers layers of one kind in the order of the model: gru, gru_1, gru_2.
                number = counts[kind] = counts.get(kind, -1) + 1
                place = f"layers/{kind}{f'_{number}' * (number > 0)}"
                own = layer_name(name, stack, layer) or UNNAMED
                _name_of_layer(file, place, own)
                for way, cell in zip(("forward", "backward"), row, strict=False):
                    if len(row) == 2:
                        inner = f"{place}/{way}_layer"
                    else:
                        inner = place
                    if len(row) == 2:
                        _name_of_layer(file, inner, f"{way}_{own}")
                    _name_of_layer(file, f"{inner}/cell", "gru_cell")
                    parameters = LAYOUTS["keras"].parameters(cell)
                    for weight, array in enumerate(parameters.values()):
                        _weight(file, f"{inner}/cell/vars/{weight}", array)
    return data.getvalue()


def _name_of_layer(file: Any, place: str, name: str) -> None:
    file.require_group(f"{place}/vars").attrs["name"] = name


def _weight(file: Any, path: str, array: NDArray) -> None:
    file[path] = np.ascontiguousarray(array)
    if array.dtype.name == "bfloat16":
        file[path].attrs["dtype"] = "bfloat16"  # as Keras says it


_ENCODERS: dict[str, Callable[[Content], bytes]] = {
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".pt": _state_dict,
    ".pth": _state_dict,
    ".json": _json,
    ".weights.h5": _weights_h5,
}
