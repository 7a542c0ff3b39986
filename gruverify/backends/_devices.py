"""TARGET@DEVICE: a target whose cell and arrays are placed on a device, in whose memory it
computes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from gruverify.arithmetic import FORMATS, Format
from gruverify.backends._attributes import value_of
from gruverify.backends._declarations import declarations_of
from gruverify.backends._derived import redeclared
from gruverify.backends._has_modules import MODULE_METHODS
from gruverify.backends._protocol import EVERY_METHOD, Backend, offers
from gruverify.backends.exec import PREFIX

#: What can place arrays: the module that knows its devices.
_FRAMEWORKS = {"torch": "_torch_devices", "jax": "_jax_devices"}


class UnknownDevice(ValueError):
    """There is no device of that name: a user's mistake."""


class DeviceUnavailable(RuntimeError):
    """The framework knows the device, and has none: on this machine, or in this build of it."""


@dataclass(frozen=True)
class Placement:
    """A device as a framework has it.

    on: the context in which arrays go to the device, and come back from it. formats: those that the
    device has. declares: what a target is there, unless it says otherwise itself.
    """

    device: str
    on: Callable[[], AbstractContextManager[object]]
    formats: Sequence[Format] = FORMATS
    declares: Mapping[str, Any] = field(default_factory=dict)


def parted(target: str) -> tuple[str, str]:
    """TARGET@DEVICE as ("TARGET", "DEVICE"); the device is empty where none is named."""
    # At the last one: what stands before may have an @ itself.
    named, _, device = target.rpartition("@")
    if not named or not device or target.startswith(PREFIX):
        return target, ""
    return named, device


def placement_of(framework: str, device: str) -> Placement:
    """The device of that name, of "torch" or "jax"; "" is what computes on the CPU alone.

    Raises:
        UnknownDevice: there is none; the message names those that there are.
        DeviceUnavailable: it is not here.
    """
    if not framework:
        if device != "cpu":
            raise UnknownDevice(f"it computes on the CPU alone, and there is no {device!r} for it")
        return Placement(device, nullcontext)
    module = importlib.import_module(f"gruverify.backends.{_FRAMEWORKS[framework]}")
    found: Placement = module.placement(device)
    return found


def placed(backend: Backend, placement: Placement) -> Backend:
    """The backend, with every method called on the device; its name tells the device."""
    unusual = declarations_of(backend).unusual()
    # What the target says of itself outweighs what is usual on the device.
    declares = {name: value for name, value in placement.declares.items() if name not in unusual}
    formats = tuple(fmt for fmt in backend.formats if fmt in placement.formats)
    found: Any = _Placed(backend, placement)
    named = {"name": f"{backend.name}@{placement.device}", "formats": formats}
    return redeclared(found, {**named, **declares})


class _Placed:
    """A backend on a device; everything but its methods is its own."""

    def __init__(self, backend: Backend, placement: Placement) -> None:
        self.backend = backend
        for method in (*EVERY_METHOD, *MODULE_METHODS):
            if offers(backend, method):
                setattr(self, method, _within(placement.on, value_of(backend, method)))

    def __getattr__(self, name: str) -> Any:
        if name == "backend":  # not there yet while a copy is being made
            raise AttributeError(name)
        return value_of(self.backend, name)


def _within(
    context: Callable[[], AbstractContextManager[object]], method: Callable[..., Any]
) -> Callable[..., Any]:
    """The method, called in the context."""

    @wraps(method)
    def call(*arguments: object) -> Any:
        with context():
            return method(*arguments)

    return call
