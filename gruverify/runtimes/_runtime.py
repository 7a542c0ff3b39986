"""What runs a model: a runtime by name, or a function of the user's."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import TypeAlias

from gruverify._visible import error_line
from gruverify.arithmetic import NDArray
from gruverify.backends import TARGETS, TargetUnavailable, named_object

#: From the inputs of a model, by name, to its outputs in their order.
Runs: TypeAlias = Callable[[dict[str, NDArray]], Sequence[NDArray]]


@dataclass(frozen=True)
class Known:
    """A runtime that is known: the module that loads models, and what of it does; what pip is to
    install for it, unless the target of its name says so; and the ending of the files that it runs.
    """

    module: str
    loads: str = "load"
    install: str = ""
    files: str = ".onnx"


RUNTIMES = {
    "onnxruntime": Known("_onnxruntime"),
    "openvino": Known("_openvino"),
    "openvino:f32": Known("_openvino", "load_f32"),
    "tract": Known("_tract"),
    "onnx": Known("_onnx_reference"),
    "litert": Known("_litert", install="ai-edge-litert==2.3.0", files=".tflite"),
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
        load: Callable[[bytes], Runs] = getattr(module_of(name), RUNTIMES[name].loads)
        packages = [each.partition("==")[0] for each in _install(name).split()]
        return Runtime(name, load, _versions(packages))
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
        raise ValueError(f"runtime {name!r} is not a function of (model, inputs)")

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


def module_of(name: str) -> ModuleType:
    """The module of ours about one of `RUNTIMES`.

    Raises:
        TargetUnavailable: what it is about cannot be imported.
    """
    try:
        return importlib.import_module(f"{_WORLD}.{RUNTIMES[name].module}")
    except ImportError as missing:
        raise TargetUnavailable(
            f"runtime {name!r} cannot be used here: {error_line(missing)}; pip install "
            f"{_install(name)}"
        ) from None


def _install(name: str) -> str:
    """What pip is to install for a runtime that is known."""
    known = RUNTIMES[name]
    return known.install or next(each.install for each in TARGETS if each.name == name)
