"""Tensors that PyTorch saved, as arrays, and the other way round. Nothing of a file is executed,
nothing allocated that it does not hold.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from gruverify.arithmetic import NDArray

#: Tensors in dictionaries in dictionaries, as checkpoints have them, down to here.
_DEPTH = 8
#: The types of tensors that are read; others are passed over, as nothing of a GRU.
_DTYPES = ("float16", "bfloat16", "float32", "float64", "int64", "int32", "uint8", "bool")


def state_dict_of(path: Path) -> dict[str, NDArray]:
    """The tensors of a file that torch.save wrote, by their names with dots between them; imports
    torch.

    Raises:
        ImportError: torch is not installed.
        ValueError: the file holds something else than tensors, numbers and dictionaries of them, or
            claims more than it has.
    """
    _require_plain(path)
    import torch

    try:
        # Mapped into memory, so that what a tensor claims is held against the bytes that are there.
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as refused:
        raise ValueError(
            "holds more than tensors and dictionaries of them, which would have to be executed: "
            "save a state_dict, torch.save(model.state_dict(), ...)"
        ) from refused
    return dict(_tensors("", found, path.stat().st_size, _DEPTH))


def saved_state_dict(arrays: Mapping[str, NDArray]) -> bytes:
    """What torch.save writes of these arrays as tensors by name; imports torch.

    Raises:
        ImportError: torch is not installed.
    """
    import torch

    from gruverify.backends._tensors import tensor

    file = io.BytesIO()
    torch.save({name: tensor(array) for name, array in arrays.items()}, file)
    return file.getvalue()


def _require_plain(path: Path) -> None:
    # A compressed member could expand to any size, and cannot be mapped into memory.
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("is compressed, as torch.save never does")


def _tensors(name: str, value: object, size: int, depth: int) -> Iterator[tuple[str, NDArray]]:
    import torch

    from gruverify.backends._tensors import numpy

    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.device.type != "cpu":
            raise ValueError(
                f"{name} is a {value.layout} tensor on {value.device}: save dense ones"
            )
        if value.numel() * value.element_size() > size:
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}, more than the whole file holds"
            )
        # NumPy has no float8 and nothing quantised, and no GRU that is read here has them.
        if str(value.dtype).removeprefix("torch.") in _DTYPES:
            yield name, numpy(value)
    elif isinstance(value, Mapping) and depth:
        for key, inner in value.items():
            yield from _tensors(f"{name}.{key}" if name else str(key), inner, size, depth - 1)
