"""The devices of JAX."""

from __future__ import annotations

from functools import partial

import jax

from gruverify.backends._devices import DeviceUnavailable, Placement, UnknownDevice

#: The names of platforms that JAX may have a plugin for.
_PLATFORMS = ("cpu", "gpu", "cuda", "rocm", "tpu", "METAL", "xpu")


def placement(name: str) -> Placement:
    """The device of that name, with its number or without.

    Raises:
        UnknownDevice: JAX knows none of that name.
        DeviceUnavailable: JAX has no such device here.
    """
    platform, colon, number = name.partition(":")
    if platform not in _PLATFORMS or bool(colon) != number.isdecimal():
        raise UnknownDevice(f"JAX has no device {name!r}: {_there_are()}")
    try:
        found = jax.devices(platform)
    except RuntimeError:
        raise DeviceUnavailable(
            f"JAX {jax.__version__} sees no {platform} device: {_there_are()}"
        ) from None
    if int(number or 0) >= len(found):
        raise DeviceUnavailable(f"JAX sees no {name}: {_there_are()}")
    return Placement(name, partial(jax.default_device, found[int(number or 0)]))


def _there_are() -> str:
    here = [f"{each.platform}:{each.id}" for each in jax.devices()]
    names = [name for name in here if not name.startswith("cpu")]
    return f"devices here: {', '.join(['cpu', *names])}"
