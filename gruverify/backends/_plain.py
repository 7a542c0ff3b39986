"""A copy of a user's module that holds a GRU's weights as plain parameters, so that they can be set
one by one.

What a module computes is a function of its effective weights. So that any weights can be put to it,
the copy is without what stands before them: parametrizations, pruning masks, the older weight_norm
and spectral_norm, ties between weights. Whether the module as it was given computes the same at the
weights that it shows is an invariant of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from gruverify._visible import error_line
from gruverify.backends._place import BadModule, Place, name_of, reparametrized
from gruverify.backends._tensors import device, was_placed

#: How deep modules keep what they have computed: activations by name and step, say.
_DEPTH = 4


def copied(module: nn.Module) -> nn.Module:
    """A copy that shares nothing with the module, on the device that was named, and else on the
    CPU.

    Raises:
        BadModule: the module is on another device than the CPU, and none was named; or it cannot be
            copied.
    """
    elsewhere = {str(p.device) for p in module.parameters()} - {"cpu", "meta"}
    if elsewhere and not was_placed():
        there = elsewhere.pop()
        raise BadModule(
            f"{name_of(module)} is on {there}: name the device, as TARGET@{there} or TARGET@cpu, "
            "or give it '.cpu()'"
        )
    derived = list(_derived(module))
    # PyTorch refuses to copy what was computed with a gradient, as a pruned weight is; it is
    # computed again anyway.
    memo: dict[int, Any] = {id(tensor): tensor.detach().clone() for tensor in derived}
    try:
        # Else a scripted module's copy would send its gradients to the original.
        with torch.no_grad():
            twin = copy.deepcopy(module, memo)
    except Exception as refused:  # a lock, a generator, a __deepcopy__ of its own
        raise BadModule(
            f"{name_of(module)} cannot be copied ({error_line(refused)}), and it is a copy that is "
            "given the weights of each case: leave out what cannot be copied, or name its class"
        ) from None
    # What is on the meta device has shapes and no numbers; those come with each case.
    if any(p.is_meta for p in twin.parameters()):
        twin = twin.to_empty(device=device())
    elif was_placed():
        twin = twin.to(device())
    for parameter in twin.parameters():
        parameter.grad = None
    return twin


def _derived(module: nn.Module) -> Iterator[torch.Tensor]:
    """The tensors among the attributes of a module's parts that are results of a computation."""
    for part in module.modules():
        yield from _results_in(vars(part), _DEPTH)


def _results_in(value: object, depth: int) -> Iterator[torch.Tensor]:
    """Results of computations in containers, down to a depth: a list may hold itself."""
    if isinstance(value, torch.Tensor):
        if value.grad_fn is not None:
            yield value
        return
    items = list[object]()
    if isinstance(value, Mapping):
        items = list(value.values())
    elif isinstance(value, (list, tuple)):
        items = list(value)
    if depth:
        for item in items:
            yield from _results_in(item, depth - 1)


def without_dropout(module: nn.Module) -> None:
    """Dropout off in training mode too: what is random cannot be compared."""
    for part in module.modules():
        if isinstance(part, _DropoutNd):
            part.p = 0.0
        elif isinstance(vars(part).get("dropout"), (int, float)):
            vars(part)["dropout"] = 0.0


def is_plain(module: nn.Module, place: Place) -> bool:
    """Whether each of the weights is a parameter of its own."""
    weights = place.weights(module).values()
    return not reparametrized(place.owner(module)) and len(
        {id(weight) for weight in weights}
    ) == len(weights)


def make_plain(module: nn.Module, place: Place) -> None:
    """Each of the weights becomes a parameter of its own, with the value that it is shown with, and
    is trainable.
    """
    owner = place.owner(module)
    computed = reparametrized(owner)
    _without_parametrizations(owner)
    _without_hooks(owner)
    for name in computed:
        # Set, because what is registered otherwise does not reach nn.GRU's list of weights.
        setattr(owner, name, getattr(owner, name))
    seen: set[int] = set()
    for name, weight in place.weights(module).items():
        # The same tensor under two names: each case has two.
        if id(weight) in seen:
            setattr(owner, name, nn.Parameter(weight.detach().clone()))
        seen.add(id(weight))
    # A weight that is frozen has a gradient all the same, and it is checked.
    for weight in place.weights(module).values():
        weight.requires_grad_()


def _without_parametrizations(owner: Any) -> None:
    # PyTorch's own remove_parametrizations takes the weight from the class, and so from the module
    # that was copied.
    if not parametrize.is_parametrized(owner):
        return
    values = {name: getattr(owner, name).detach().clone() for name in owner.parametrizations}
    del owner.parametrizations
    owner.__class__ = type(owner).__bases__[0]
    for name, value in values.items():
        setattr(owner, name, nn.Parameter(value))


def _without_hooks(owner: nn.Module) -> None:
    """Without pruning masks and the older norms."""
    hooks = vars(owner).get("_forward_pre_hooks", {})
    for key, hook in list(hooks.items()):
        if isinstance(hook, (prune.BasePruningMethod, WeightNorm, SpectralNorm)):
            with torch.no_grad():
                hook.remove(owner)
            del hooks[key]
