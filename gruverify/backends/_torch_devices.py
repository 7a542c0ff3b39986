"""The devices of PyTorch, and what a target is on one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch

from gruverify._visible import error_line
from gruverify.arithmetic import FORMATS, Format
from gruverify.backends._devices import DeviceUnavailable, Placement, UnknownDevice
from gruverify.backends._tensors import on, torch_dtype

#: What others call a device, for messages.
_ALIASES = {"gpu": "cuda", "rocm": "cuda", "hip": "cuda"}
#: Accelerators that PyTorch has a module for, where it was built with them.
_ACCELERATORS = ("cuda", "mps", "xpu")


def placement(name: str) -> Placement:
    """The device of that name, with its number or without.

    Raises:
        UnknownDevice: PyTorch has none of that name.
        DeviceUnavailable: PyTorch has no such device here.
    """
    device = _device(name)
    if device.type != "cpu":
        _require_here(device)
    return Placement(name, partial(on, device), _formats_on(device), declared_on(device))


def _device(name: str) -> torch.device:
    try:
        device: torch.device | None = torch.device(name)
    except RuntimeError:
        device = None
    if device is not None and _is_known(device):
        return device
    alias = _ALIASES.get(name.partition(":")[0])
    if alias:
        hint = f": did you mean {alias}?"
    else:
        hint = f": {_there_are()}"
    raise UnknownDevice(f"PyTorch has no device {name!r}{hint}")


def _require_here(device: torch.device) -> None:
    """Raise DeviceUnavailable if there is none of that kind and number."""
    module = _module_of(device.type)
    if not module.is_available():
        raise DeviceUnavailable(
            f"PyTorch {torch.__version__} sees no {device.type} device: {_there_are()}"
        )
    if (device.index or 0) >= module.device_count():
        raise DeviceUnavailable(f"PyTorch sees no {device}: {_there_are()}")
    try:
        # That it is there does not say that it can be used.
        torch.zeros(1, device=device)
    except Exception as failure:  # a driver that is too old, a device that is full
        raise DeviceUnavailable(f"PyTorch cannot use {device}: {error_line(failure)}") from None


def _is_known(device: torch.device) -> bool:
    """Whether PyTorch computes on devices of that kind; of CPUs there is one."""
    if device.type == "cpu" and device.index:
        return False
    return _module_of(device.type) is not None


def _module_of(kind: str) -> Any:
    """What PyTorch has for devices of that kind: `torch.cuda`, say; None if there is nothing, as
    for "meta", which has no numbers.
    """
    found = getattr(torch, kind, None)
    if hasattr(found, "is_available") and hasattr(found, "device_count"):
        return found
    return None


def _there_are() -> str:
    return f"devices here: {', '.join(['cpu', *_accelerators()])}"


def _accelerators() -> Iterator[str]:
    for kind in _ACCELERATORS:
        module = _module_of(kind)
        if module is not None and module.is_available():
            yield from (f"{kind}:{number}" for number in range(module.device_count()))


def _formats_on(device: torch.device) -> Sequence[Format]:
    """The formats that the device has: Apple's have no float64."""
    return tuple(fmt for fmt in FORMATS if _has(device, fmt))


def _has(device: torch.device, fmt: Format) -> bool:
    try:
        torch.zeros(1, dtype=torch_dtype(fmt), device=device)
    except (RuntimeError, TypeError):
        return False
    return True


def declared_on(device: torch.device) -> dict[str, Any]:
    """PyTorch's setting for products of float32 on CUDA; what cuDNN's layers do besides is
    found out by a run.
    """
    if device.type == "cuda" and _allows_tf32():
        return {"products": {"float32": "tf32"}}
    return {}


def _allows_tf32() -> bool:
    matmul: Any = torch.backends.cuda.matmul
    try:
        return bool(matmul.allow_tf32)
    except RuntimeError:  # it was set by its newer name, and PyTorch does not translate
        return bool(matmul.fp32_precision == "tf32")
