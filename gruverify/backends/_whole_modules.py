"""What a user's Python module has that may be checked, for whoever names the module alone."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from gruverify.backends._function import is_backend


def is_file_of_module(name: str) -> bool:
    """Whether `name`, such as "pkg.module", is that of a file below the current directory."""
    path = name.split(".")
    if not all(part.isidentifier() for part in path):
        return False
    return Path(*path).with_suffix(".py").is_file()


def what_it_has(module: ModuleType, target: str) -> str:
    """What to name of the module, or to write in it, in one line."""
    name, objects = module.__name__, _checkable(module)
    if not objects:
        return (
            f"target {target!r} is a module without a GRU that could be checked: write a function "
            f"step(cell, x, h) in it, and name that, {name}:step"
        )
    named = ", ".join(f"{name}:{found}" for found in objects)
    return f"target {target!r} is a module: name what to check in it: {named}"


def _checkable(module: ModuleType) -> list[str]:
    """The objects of a module that may be targets: backends, modules of PyTorch and functions of
    three arguments, or all functions if there are none of these.
    """
    found, functions = list[str](), list[str]()
    for name, value in vars(module).items():
        if name.startswith("_") or _is_imported(value, module):
            continue
        if is_module(value) or is_backend(value) or _takes(value, 3):
            found.append(name)
        elif inspect.isfunction(value):
            functions.append(name)
    return found or functions


def _is_imported(value: object, module: ModuleType) -> bool:
    """Whether it is a module, or a function or class that another one defines."""
    if inspect.isfunction(value) or isinstance(value, type):
        return value.__module__ != module.__name__
    return inspect.ismodule(value)


def _takes(value: object, count: int) -> bool:
    """Whether it is a function of that many arguments."""
    return inspect.isfunction(value) and len(inspect.signature(value).parameters) == count


def is_module(found: Any) -> bool:
    """Whether it is an `nn.Module`, a class of one or an instance."""
    # Whoever hands in an nn.Module has imported torch; nobody else has to.
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    return isinstance(found, torch.nn.Module) or (
        isinstance(found, type) and issubclass(found, torch.nn.Module)
    )
