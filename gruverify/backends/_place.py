"""Where in a module a GRU's weights are: under PyTorch's own names, or under them behind one common
prefix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from gruverify.backends._declarations import BadDeclaration
from gruverify.backends._other_names import shapes_of, suggested_names
from gruverify.cell import parameter_name

_PACKED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_PYTORCHS = re.compile(rf"({'|'.join(_PACKED)})(_l\d+(_reverse)?)?")
#: How PyTorch packs them, for messages.
_EXPECTED = (
    "weight_ih (3H, I), weight_hh (3H, H), bias_ih and bias_hh (3H,) for a cell, "
    "weight_ih_l0 ... for a layer"
)


@dataclass(frozen=True)
class Place:
    """Where a module has its weights: in `owner`, whose path is `prefix` ("", or for example
    "encoder.gru.").

    layered: whether the names end in _l0 and so on, as nn.GRU's do and nn.GRUCell's do not.
    """

    prefix: str
    layered: bool

    @property
    def path(self) -> str:
        """The owner's path in the module, "" for the module itself."""
        return self.prefix.removesuffix(".")

    def owner(self, module: nn.Module) -> nn.Module:
        """What holds the weights: the module or one of its submodules."""
        found: Any = module
        # Not by get_submodule, which TorchScript's modules lack.
        for part in filter(None, self.path.split(".")):
            found = getattr(found, part)
        owner: nn.Module = found
        return owner

    def weights(self, module: nn.Module) -> dict[str, torch.Tensor]:
        """The weights that the module shows, by PyTorch's names."""
        return {
            name: weight
            for name, weight in weights_as_read(self.owner(module)).items()
            if _is_pytorchs(name)
        }


@cache  # the names are few, and each is asked for at every call of every module
def _is_pytorchs(name: str) -> bool:
    return _PYTORCHS.fullmatch(name) is not None


class BadModule(BadDeclaration):
    """A module that cannot be verified as it is; the message says why, and what to name instead."""


def weights_as_read(owner: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors that a module itself holds as parameters, under the names by which its forward
    reads them.

    A parametrized weight, a pruned one, and one under the older weight_norm and spectral_norm is
    shown as computed.
    """
    found = {name: p for name, p in _own_parameters(owner) if p is not None}
    return found | {name: getattr(owner, name) for name in reparametrized(owner)}


def reparametrized(owner: nn.Module) -> tuple[str, ...]:
    """The weights that the module computes from other parameters whenever it runs."""
    before: Any = getattr(owner, "parametrizations", {})
    if parametrize.is_parametrized(owner):
        names = list(before)
    else:
        names = []
    # Pruning and the older norms compute the weight in a hook before each run.
    for hook in vars(owner).get("_forward_pre_hooks", {}).values():
        if isinstance(hook, prune.BasePruningMethod):
            names.append(str(hook._tensor_name))
        elif isinstance(hook, (WeightNorm, SpectralNorm)):
            names.append(hook.name)
    return tuple(dict.fromkeys(names))


def _own_parameters(owner: nn.Module) -> Any:
    # Shared weights too: a module that ties two names has both. `named_parameters` lists the same,
    # much more slowly.
    return owner._parameters.items()


def place_of(module: nn.Module, target: str = "") -> Place:
    """Where the module has a GRU's weights.

    target: how a user names the module, for messages.

    Raises:
        BadModule: nowhere, in several places, or under names that are not PyTorch's.
    """
    if isinstance(module, torch.jit.ScriptModule) and not hasattr(module, "forward"):
        raise BadModule(
            f"{name_of(module)} is scripted and cannot be called, as PyTorch has it of a scripted "
            "nn.GRU: "
            "script a module that calls it"
        )
    owners = _owners(module)
    # Weights of its own come first: a part of it may be a GRU, too.
    if "" in owners:
        return _checked(module, "", owners[""])
    # An LSTM has four gates and an RNN one: next to a GRU they leave no doubt which part is meant.
    grus = {path: names for path, names in owners.items() if _has_three_gates(names)}
    if len(grus) > 1:
        raise BadModule(
            f"{name_of(module)} holds {len(grus)} GRUs: name one of them, "
            f"{_choices(target, list(grus))}"
        )
    if not grus and not owners:
        raise BadModule(_unlike(module))
    path, names = next(iter((grus or owners).items()))
    return _checked(module, f"{path}.", names)


def _owners(module: nn.Module) -> dict[str, Mapping[str, torch.Tensor]]:
    """The submodules that hold weights by PyTorch's names, by their paths."""
    found: dict[str, Mapping[str, torch.Tensor]] = {}
    for path, owner in module.named_modules():
        if "parametrizations" in path.split("."):
            continue
        names = {
            name: weight for name, weight in weights_as_read(owner).items() if _is_pytorchs(name)
        }
        if any(name.startswith("weight_") for name in names):
            found[path] = names
    return found


def _has_three_gates(weights: Mapping[str, torch.Tensor]) -> bool:
    recurrent = next(
        (weight for name, weight in weights.items() if name.startswith("weight_hh")), None
    )
    return recurrent is None or recurrent.ndim != 2 or recurrent.shape[0] == 3 * recurrent.shape[1]


def _checked(module: nn.Module, prefix: str, weights: Mapping[str, torch.Tensor]) -> Place:
    """The place, if all weights of a GRU are there, in PyTorch's shapes."""
    if lazy := [name for name, weight in weights.items() if nn.parameter.is_lazy(weight)]:
        raise BadModule(
            f"{name_of(module)} has no shape yet for {lazy[0]}, which it initialises lazily: call "
            "it once before"
        )
    layered = "weight_ih" not in weights and "weight_hh" not in weights
    first = {name: parameter_name(name, 0, 0) if layered else name for name in _PACKED}
    needed = [first["weight_ih"], first["weight_hh"]]
    if missing := [name for name in needed if name not in weights]:
        raise BadModule(
            f"{name_of(module)} has {', '.join(sorted(weights))}, but no {missing[0]}: gruverify "
            f"expects {_EXPECTED}; "
            "give it that parameter, or write a backend (gruverify.backend)"
        )
    shape = tuple(weights[first["weight_hh"]].shape)
    if not _has_three_gates(weights):
        raise BadModule(
            f"{name_of(module)} is not a GRU: {prefix}{first['weight_hh']} has the shape {shape}, "
            "and a GRU's is (3H, H), "
            "three gates of H units"
        )
    return Place(prefix, layered)


def _unlike(module: nn.Module) -> str:
    """What is said of a module none of whose parameters has one of PyTorch's names."""
    said = (
        f"{name_of(module)} has the parameters {', '.join(shapes_of(module)) or '(none)'}: "
        f"gruverify expects PyTorch's names, {_EXPECTED}"
    )
    if not shapes_of(module):
        return f"{said}; or write a backend (gruverify.backend)"
    return f"{said}; {suggested_names(module, name_of(module))}"


def _choices(target: str, paths: list[str]) -> str:
    """How to name submodules: as parts of a target, if that is an instance with a name."""
    if ":" in target:
        return " or ".join(f"{target}.{path}" for path in paths)
    return f"{' or '.join(paths)}, of an instance of yours (module:instance.{paths[0]})"


def name_of(target: Any) -> str:
    """A class's own name, or that of an instance's, before it was scripted or parametrized."""
    if isinstance(target, type):
        return target.__name__
    # Its class is one that PyTorch made of it, ParametrizedGRU, and the first base is its own.
    if parametrize.is_parametrized(target):
        cls = type(target).__bases__[0]
    else:
        cls = type(target)
    return getattr(target, "original_name", None) or cls.__name__
