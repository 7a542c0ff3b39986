"""From what a user names, a TARGET, to a backend."""

from __future__ import annotations

import difflib
import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from gruverify._config import BadConfiguration, Configuration, NamedTarget
from gruverify._visible import error_line, visible
from gruverify.backends._attributes import value_of
from gruverify.backends._claims import claims_of, declared_variants
from gruverify.backends._configured import declared_by, meant_by, named_target, named_targets
from gruverify.backends._declarations import (
    BadDeclaration,
    Declared,
    attribute_of,
    declarations_of,
)
from gruverify.backends._derived import completed, redeclared
from gruverify.backends._devices import (
    DeviceUnavailable,
    Placement,
    UnknownDevice,
    parted,
    placed,
    placement_of,
)
from gruverify.backends._function import backend, is_backend, spelled_out
from gruverify.backends._protocol import EVERY_METHOD, Backend
from gruverify.backends._shapes import is_compiled
from gruverify.backends._target import Target
from gruverify.backends._whole_modules import is_file_of_module, is_module, what_it_has
from gruverify.backends.exec import PREFIX, BadCommand, CannotRun, program
from gruverify.backends.world import WORLD


class UnknownTarget(ValueError):
    """The TARGET names nothing that can be checked: a user's mistake."""


class TargetUnavailable(RuntimeError):
    """The TARGET is known, but cannot be used here: a package is missing, or its import failed."""


# Each imports what it needs once it is asked for: `gruverify list` shows all of them, and loads no
# framework.
def _numpy() -> Backend:
    from gruverify.backends._numpy import NumpyBackend

    return NumpyBackend()


def _torch() -> Backend:
    from gruverify.backends._torch import builtin

    return builtin()


def _torch_formulas() -> Backend:
    from gruverify.backends._torch import formulas

    return formulas()


def _deployed(name: str) -> Callable[[], Backend]:
    def build() -> Backend:
        # By its name, because the module that has the function imports PyTorch.
        from gruverify.backends import _deployed as deployed

        backend: Backend = getattr(deployed, name)()
        return backend

    return build


def _torch_func() -> Backend:
    from gruverify.backends._functional import FunctionalBackend

    return FunctionalBackend()


def _of_torch(name: str, description: str, build: Callable[[], Backend]) -> Target:
    return Target(name, description, "torch", build, places="torch")


TARGETS: tuple[Target, ...] = (
    Target(
        "numpy",
        "gruverify's formulas over NumPy arrays, analytic derivatives, all variants",
        None,
        _numpy,
    ),
    _of_torch("torch", "PyTorch's nn.GRUCell and nn.GRU, derivatives by autograd", _torch),
    _of_torch(
        "torch-formulas",
        "gruverify's formulas over tensors, autograd, all variants",
        _torch_formulas,
    ),
    _of_torch("torch:GRU", "nn.GRU alone, a step being a sequence of one step", _deployed("gru")),
    _of_torch(
        "torch:GRUCell", "nn.GRUCell alone, a sequence being a loop over it", _deployed("gru_cell")
    ),
    _of_torch(
        "torch:func",
        "nn.GRUCell and nn.GRU as functions, derivatives by torch.func",
        _torch_func,
    ),
    _of_torch(
        "torch:compile",
        "nn.GRUCell compiled, one size; needs a C++ compiler",
        _deployed("compiled"),
    ),
    _of_torch(
        "torch:script", "nn.GRUCell and nn.GRU as TorchScript, one size", _deployed("script")
    ),
    _of_torch(
        "torch:export", "nn.GRUCell exported by torch.export, one size", _deployed("exported")
    ),
    *WORLD,
)


def resolve(target: object) -> Backend:
    """The backend that `target` stands for.

    A string is the name of a shipped backend, one that the nearest pyproject.toml has a table of
    (see docs/configuration.md) or that an installed package offers as an entry point of the group
    `gruverify.targets`, a program as `exec:COMMAND`, or `pkg.module:object` (the current directory
    is searched too). A device may follow, as TARGET@DEVICE, where PyTorch or JAX computes. Anything
    else, or the object so named, may be a backend, a class of one, an `nn.Module` class or instance
    with PyTorch's parameter names, or a function step(cell, x, h). What follows from the methods
    that it has is added (`completed`).

    Raises:
        UnknownTarget: there is no such name or object, or it cannot be made into a backend.
        TargetUnavailable: its package is missing or its module fails to import.
    """
    named = target if isinstance(target, NamedTarget) else _named(target)
    if named is None:
        return completed(_resolve(target, {}))
    try:
        return completed(_resolve(named.target, declared_by(named)))
    except BadConfiguration as wrong:
        raise UnknownTarget(str(wrong)) from None
    except (UnknownTarget, BadDeclaration) as wrong:
        # Under the name of the table, which is where the user can mend it.
        raise UnknownTarget(str(named.bad(str(wrong)))) from None


def _named(target: object) -> NamedTarget | None:
    # What ships keeps its name: no table changes what `numpy` stands for.
    if not isinstance(target, str) or _shipped(target) is not None:
        return None
    try:
        # The whole text first: a name in quotation marks may have an @ of its own.
        named = named_target(target)
        plain, device = parted(target)
        if named is not None or not device or _shipped(plain) is not None:
            return named
        return _named_on(plain, device)
    except BadConfiguration as wrong:
        raise UnknownTarget(str(wrong)) from None


def _named_on(name: str, device: str) -> NamedTarget | None:
    """What the project calls so, on a device."""
    named = named_target(name)
    if named is None:
        return None
    if parted(named.target)[1]:
        raise named.wrong("target", f"it names a device itself, and cannot be put on {device}")
    return replace(named, target=f"{named.target}@{device}")


def _shipped(name: str) -> Target | None:
    """The target that ships with gruverify under that name."""
    return next((shipped for shipped in TARGETS if shipped.name == name), None)


def require_named(project: Configuration) -> None:
    """Raise BadConfiguration if a name that the project gives to a target is taken, or what it
    declares of one makes no sense.
    """
    for name, named in project.targets.items():
        if _shipped(name) is not None:
            raise named.bad("is a target that ships with gruverify: give yours another name")
        if named.target in project.targets:
            raise named.wrong("target", "it is a name of this file: say what that stands for")
        declared_by(named)


def require_installed(target: str) -> None:
    """Raise TargetUnavailable if it is a shipped target whose package is missing."""
    shipped = _shipped(meant_by(target))
    if shipped is not None and not shipped.available:
        raise TargetUnavailable(
            f"target {target!r} needs the package {shipped.missing!r}: {shipped.remedy}"
        )


def _resolve(target: object, declared: Mapping[str, Any]) -> Backend:
    """declared: what pyproject.toml says of it."""
    if not isinstance(target, str):
        return _adapt(target, _in_words(target), declared)
    # Before any @ or colon is looked for: a command may have its own.
    if target.startswith(PREFIX):
        return _declaring(_program(target), declared)
    if (shipped := _shipped(target)) is not None:
        require_installed(target)
        return _declaring(_built_in(shipped), declared)
    if (offered := offered_targets().get(target)) is not None:
        return _adapt(_offered_object(target, offered), target, declared)
    plain, device = parted(target)
    if device:
        return _on_device(plain, device, target, declared)
    if ":" not in target:
        raise UnknownTarget(_told_what_it_has(target) or _unknown_name(target))
    return _adapt(named_object(target), target, declared)


def _in_words(target: object) -> str:
    """How messages call an object, whatever its own __repr__ does."""
    try:
        return repr(target)
    except Exception:
        return object.__repr__(target)


def _on_device(plain: str, device: str, target: str, declared: Mapping[str, Any]) -> Backend:
    """What `plain` names, placed on the device; `target` is how the user calls both."""
    if (shipped := _shipped(plain)) is not None:
        require_installed(target)
        placement = _placement(shipped.places, device, target)
        # It is built there, too: what it finds out about the machine, as `_probes` does, is about
        # that device.
        with placement.on():
            found = _built_in(shipped)
        return _declaring(placed(found, placement), declared)
    name = offered_targets().get(plain, plain)
    if ":" not in name:
        raise UnknownTarget(_unknown_name(target))
    module = named_object(name)
    if not is_module(module):
        raise UnknownTarget(
            f"target {target!r} is {type(module).__name__}, which places its arrays itself: name "
            f"it {plain!r}; modules of PyTorch, and targets that PyTorch or JAX computes, are "
            "placed on a device"
        )
    placement = _placement("torch", device, target)
    with placement.on():
        found = _from_module(module, plain, declared)
    return placed(found, placement)


def _placement(framework: str, device: str, target: str) -> Placement:
    try:
        return placement_of(framework, device)
    except UnknownDevice as wrong:
        raise UnknownTarget(f"target {target!r}: {wrong}") from None
    except (DeviceUnavailable, ImportError) as reason:
        raise TargetUnavailable(f"target {target!r} cannot be used here: {reason}") from None


def _declaring(found: Backend, declared: Mapping[str, Any]) -> Backend:
    """The backend, declaring what is declared of it."""
    if not declared:
        return found
    said = redeclared(found, spelled_out(cast(Declared, declared)))
    # Read for its errors alone, which are then reported once and not case by case.
    declarations_of(said)
    return redeclared(said, {"variants": declared_variants(said)})


def _program(target: str) -> Backend:
    try:
        return program(target)
    except BadCommand as wrong:
        raise UnknownTarget(f"target {target!r}: {wrong}") from None
    except CannotRun as reason:
        raise TargetUnavailable(f"target {target!r} cannot be used here: {reason}") from None


def offered_targets() -> dict[str, str]:
    """What installed packages offer by name, and which object of theirs it is: entry points of
    `gruverify.targets`.
    """
    return {point.name: point.value for point in entry_points(group="gruverify.targets")}


def _offered_object(name: str, value: str) -> Any:
    """The object of an entry point; where there is none, the message has the name it goes by."""
    try:
        return named_object(value)
    except (UnknownTarget, TargetUnavailable) as wrong:
        raise type(wrong)(f"{wrong} (entry point {name!r} of gruverify.targets)") from None


def _built_in(shipped: Target) -> Backend:
    try:
        return shipped.build()
    # What cannot be had on this machine says so itself, as torch:compile without a C++ compiler.
    except RuntimeError as reason:
        raise TargetUnavailable(
            f"target {shipped.name!r} cannot be used here: {visible(str(reason))}"
        ) from None
    except Exception as failure:
        if not shipped.install:
            raise
        # It is there, and not what it was: another version, or one of those that it needs is
        # missing.
        raise TargetUnavailable(
            f"target {shipped.name!r} cannot be used here: {error_line(failure)}; what it was made "
            f"for: {shipped.remedy}"
        ) from failure


def _unknown_name(target: str) -> str:
    mine, names = named_targets(), [*(shipped.name for shipped in TARGETS), *offered_targets()]
    near = difflib.get_close_matches(parted(target)[0], [*mine, *names])
    module, _, name = target.rpartition(".")
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif module and is_file_of_module(module):
        hint = f"did you mean {module}:{name}?"
    else:
        of_project = f"pyproject.toml has {', '.join(mine)}; " if mine else ""
        hint = f"{of_project}shipped targets: {', '.join(names)}."
    return f"target {target!r} is unknown: {hint} Your own code is named as pkg.module:object."


def _told_what_it_has(target: str) -> str:
    """What to name of a module, where `target` is one of the user's; else empty."""
    name = target.removeprefix("./").removesuffix(".py")
    if not is_file_of_module(name):
        return ""
    return what_it_has(_import(name, target), target)


def named_object(target: str) -> Any:
    """The object that `package.module:object` names; the current directory is searched first.

    Raises:
        UnknownTarget: there is no such module, or no such object in it.
        TargetUnavailable: the module fails, or needs a package that is not installed.
    """
    module_name, _, path = target.partition(":")
    if not module_name or not path:
        raise UnknownTarget(f"target {target!r} is not of the form pkg.module:object")
    if "/" in module_name or os.sep in module_name or module_name.endswith(".py"):
        named = f"{Path(module_name).stem}:{path}"
        raise UnknownTarget(
            f"target {target!r} names a file: name its module, {named!r}, from the folder it is in"
        )
    if module_name.startswith("."):
        raise UnknownTarget(
            f"target {target!r} begins with a dot: name the module in full, there is no package "
            "that it could be relative to"
        )
    found: Any = _import(module_name, target)
    for i, part in enumerate(path.split(".")):
        if not hasattr(found, part):
            owner = ".".join([module_name, *path.split(".")[:i]])
            # `torch:GRUcell` is as likely meant for a target as for an attribute of the module.
            shipped = [
                t.name.removeprefix(f"{module_name}:")
                for t in TARGETS
                if t.name.startswith(f"{module_name}:")
            ]
            near = difflib.get_close_matches(
                part, [*shipped, *(n for n in dir(found) if not n.startswith("_"))]
            )
            if near:
                hint = f": did you mean {' or '.join(near)}?"
            else:
                hint = ""
            raise UnknownTarget(f"target {target!r}: {owner} has no {part!r}{hint}")
        found = getattr(found, part)
    return found


def _import(module_name: str, target: str) -> Any:
    # A console script has its own folder on the path, and not the one that it is called in.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(module_name)
    except BadDeclaration as wrong:
        raise UnknownTarget(f"target {target!r}: {wrong}") from None
    except ModuleNotFoundError as missing:
        shipped = next(
            (t for t in TARGETS if t.needs is not None and t.needs == missing.name), None
        )
        if shipped is not None:
            raise TargetUnavailable(
                f"target {target!r} needs the package {missing.name!r}: {shipped.remedy}"
            ) from None
        # The module itself, or a package that it would lie in: a slip of the user. Anything else is
        # a module that it imports.
        if missing.name is not None and (
            module_name == missing.name or module_name.startswith(missing.name + ".")
        ):
            raise UnknownTarget(
                f"target {target!r}: there is no module {missing.name!r} (searched {os.getcwd()} "
                "and the Python path)"
            ) from None
        raise TargetUnavailable(
            f"target {target!r} needs the package {missing.name!r}, which is not installed"
        ) from None
    except KeyboardInterrupt:
        raise
    except BaseException as failure:  # SystemExit, too: a script that ends itself must not end us
        raise TargetUnavailable(
            f"importing {module_name} failed: {error_line(failure)}"
        ) from failure


def _adapt(found: Any, name: str, declared: Mapping[str, Any]) -> Backend:
    if is_module(found):
        return _from_module(found, name, declared)
    if is_backend(found):
        whole = _completed(_built(found, name) if isinstance(found, type) else found, name)
        return _declaring(whole, declared)
    if callable(found) and not isinstance(found, type):
        step: Any = found
        return backend(step=step, **declared)
    raise UnknownTarget(
        f"target {name} is {type(found).__name__}, which is not a backend: give a function "
        "step(cell, x, h), an nn.Module "
        "with PyTorch's parameter names, or an object with a method of the Backend contract"
    )


def _built(cls: type, name: str) -> Any:
    try:
        return cls()
    except KeyboardInterrupt:
        raise
    except BaseException as failure:
        raise UnknownTarget(
            f"target {name}: {cls.__name__}() failed: {error_line(failure)}; where it needs "
            "arguments, make an instance in your module and name that"
        ) from failure


def _completed(found: Any, name: str) -> Backend:
    missing = [n for n in ("name", "variants", "formats") if not _has(found, n)]
    if missing:
        raise UnknownTarget(
            f"target {name} has no attribute {missing[0]!r}: a backend declares name, variants "
            "and formats"
        )
    declarations_of(found)  # whatever is wrong with a declaration is said before anything else
    declares = claims_of(found)
    declared_variants(found)
    if attribute_of(found, "shapes") is None and any(
        _is_compiled(found, method) for method in EVERY_METHOD
    ):
        declares["shapes"] = "few"
    result: Backend = found
    if declares:
        return redeclared(result, declares)
    return result


def _is_compiled(found: object, method: str) -> bool:
    try:
        return is_compiled(value_of(found, method))
    except Exception:  # not there, or a property that raises: whoever calls the method reports it
        return False


def _has(found: object, name: str) -> bool:
    try:
        value_of(found, name)
    except AttributeError:
        return False
    except Exception:  # a property that raises is there; what it raises is said where it is read
        return True
    return True


def _from_module(found: Any, name: str, declared: Mapping[str, Any]) -> Backend:
    from gruverify.backends._torch import module_backend

    try:
        # Messages suggest "NAME.part", which is of use where it can be typed: not behind a repr.
        named = name if re.fullmatch(r"[\w.]+:[\w.]+", name) else ""
        return module_backend(found, named, **declared)
    except ValueError as unusable:
        raise UnknownTarget(str(unusable)) from None
