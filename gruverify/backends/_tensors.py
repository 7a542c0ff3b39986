"""NumPy arrays as tensors that share their memory, and back. bfloat16 passes as its bits."""

from __future__ import annotations

import numpy as np
import torch

from gruverify.arithmetic import Format, NDArray, bfloat16


def tensor(array: NDArray) -> torch.Tensor:
    """A tensor over the array's own memory: what is done to it in place is done to the array.

    An array that PyTorch cannot have so, read-only or backwards in memory, is copied; so is one
    whose entries share memory, of which PyTorch cannot differentiate everything.
    """
    if not array.flags.writeable or min(array.strides, default=0) < 0 or _overlaps_itself(array):
        array = array.copy()
    if array.dtype == bfloat16.dtype:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _overlaps_itself(array: NDArray) -> bool:
    """Whether entries may share memory, in an array that lies forwards."""
    if array.flags.c_contiguous:
        return False
    reach = array.itemsize
    for stride, length in sorted(
        (s, n) for s, n in zip(array.strides, array.shape, strict=True) if n > 1
    ):
        if stride < reach:
            return True
        reach += stride * (length - 1)
    return False


def numpy(value: torch.Tensor) -> NDArray:
    """The tensor's values as an array of its own."""
    detached = value.detach()
    if detached.dtype == torch.bfloat16:
        return detached.contiguous().view(torch.int16).numpy().view(bfloat16.dtype).copy()
    return detached.numpy().copy()


def torch_dtype(fmt: Format) -> torch.dtype:
    """Torch's name for the format."""
    found = getattr(torch, fmt.name)
    assert isinstance(found, torch.dtype)
    return found
