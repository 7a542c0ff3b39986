"""What runs an ONNX model: a runtime by name, or a function of the user's."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from typing import TypeAlias

from gruverify._visible import error_line
from gruverify.arithmetic import NDArray
from gruverify.backends import TARGETS, TargetUnavailable, named_object

#: From the inputs of a model, by name, to its outputs in their order.
Runs: TypeAlias = Callable[[dict[str, NDArray]], Sequence[NDArray]]

#: The runtimes that are known, each the target of that name: the module that loads models, and what
#: of it does.
RUNTIMES = {
    "onnxruntime": ("_onnxruntime", "load"),
    "openvino": ("_openvino", "load"),
    "openvino:f32": ("_openvino", "load_f32"),
    "tract": ("_tract", "load"),
    "onnx": ("_onnx_reference", "load"),
}
_WORLD = "gruverify.backends.world"


@dataclass(frozen=True)
class Runtime:
    """load: makes the bytes of a model into what runs it; versions: of its packages."""

    name: str
    load: Callable[[bytes], Runs]
    versions: Mapping[str, str]


def runtime_named(name: str) -> Runtime:
    """One of `RUNTIMES`, or the user's `package.module:function`, a function (model, inputs) of the
    bytes of a model and its inputs by name, which returns its outputs in their order.

    Raises:
        ValueError: the name is neither, or names no function.
        TargetUnavailable: it cannot be imported.
    """
    if name in RUNTIMES:
        module, loads = RUNTIMES[name]
        # The target of the same name knows what is to be installed.
        [target] = [target for target in TARGETS if target.name == name]
        try:
            load: Callable[[bytes], Runs] = getattr(
                importlib.import_module(f"{_WORLD}.{module}"), loads
            )
        except ImportError as missing:
            raise TargetUnavailable(
                f"runtime {name!r} cannot be used here: {error_line(missing)}; {target.remedy}"
            ) from None
        return Runtime(name, load, _versions(target.packages))
    if ":" not in name:
        near = difflib.get_close_matches(name, RUNTIMES)
        if near:
            hint = f"did you mean {near[0]}?"
        else:
            hint = f"choose from {', '.join(RUNTIMES)},"
        raise ValueError(
            f"runtime {name!r} is unknown: {hint} or name a function (model, inputs) as "
            "package.module:function"
        )
    function: Callable[..., Sequence[NDArray]] = named_object(name)
    if not callable(function):
        raise ValueError(f"runtime {name!r} is no function of (model, inputs)")

    def load_own(model: bytes) -> Runs:
        return lambda inputs: function(model, inputs)

    return Runtime(name, load_own, {})


def _versions(packages: Sequence[str]) -> dict[str, str]:
    """Of the packages that are installed under these names."""
    found = dict[str, str]()
    for package in packages:
        # A module may come with a package of another name: onnxruntime with onnxruntime-gpu.
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
