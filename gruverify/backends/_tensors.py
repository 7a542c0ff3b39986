"""NumPy arrays as tensors that share their memory, and back. bfloat16 passes as its bits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch

from gruverify.arithmetic import Format, NDArray, bfloat16

_CPU = torch.device("cpu")
#: Where tensors and modules are made while a target that was placed is called; None: on the CPU,
#: and nobody said so.
_DEVICE: ContextVar[torch.device | None] = ContextVar("device", default=None)


@contextmanager
def on(device: torch.device) -> Iterator[None]:
    """Inside, tensors and modules are made on the device."""
    token = _DEVICE.set(device)
    try:
        if device.type == "cpu":
            yield
        else:
            with warnings.catch_warnings():
                # Every case has weights of its own, each in memory of its own.
                warnings.filterwarnings("ignore", "RNN module weights are not part of single")
                yield
    finally:
        _DEVICE.reset(token)


def device() -> torch.device:
    """The device on which tensors and modules are made."""
    return _DEVICE.get() or _CPU


def was_placed() -> bool:
    """Whether somebody named the device."""
    return _DEVICE.get() is not None


def tensor(array: NDArray) -> torch.Tensor:
    """A tensor on the device; on the CPU it lies over the array's own memory."""
    return host_tensor(array).to(device())


def host_tensor(array: NDArray) -> torch.Tensor:
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
    # From the smallest stride on, each axis must step over all that the axes before it span.
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
    detached = value.detach().cpu()
    if detached.dtype == torch.bfloat16:
        return detached.contiguous().view(torch.int16).numpy().view(bfloat16.dtype).copy()
    return detached.numpy().copy()


def torch_dtype(fmt: Format) -> torch.dtype:
    """Torch's name for the format."""
    found = getattr(torch, fmt.name)
    assert isinstance(found, torch.dtype)
    return found
