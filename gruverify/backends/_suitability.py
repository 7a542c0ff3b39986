"""Whether a module can be verified as a GRU: a wrapper, and one whose weights are computed or shared."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gruverify.backends._modules import Modules
from gruverify.backends._place import BadModule, name_of, reparametrized
from gruverify.backends._plain import copied, make_plain

#: Steps and members of the inputs that a wrapper is called with once.
_T, _B = 3, 2


def require_a_gru(modules: Modules) -> None:
    """Raise BadModule if a wrapper does other than what it holds, or if a module cannot do with plain weights."""
    if modules.place.prefix and (difference := _difference(modules)):
        held = name_of(modules.place.owner(modules.sample))
        what = f"{name_of(modules.sample)} holds {held} as `{modules.place.path}`"
        raise BadModule(f"{what}, and its forward is no GRU's: {difference}. {_way_out(modules)}")
    if not modules.is_plain and (dependence := _dependence(modules)):
        raise BadModule(
            f"{name_of(modules.sample)} cannot be verified at any weights: {dependence}. Remove what stands before its "
            "weights, or write a backend (gruverify.backend)"
        )


def _dependence(modules: Modules) -> str:
    """Why a module that runs cannot do so with each of its weights as a parameter of its own; empty if it can."""
    arguments, _ = _sample_of(modules)
    given, plain = copied(modules.sample).eval(), copied(modules.sample).eval()
    names = reparametrized(modules.place.owner(given))
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        try:
            given(*arguments)
        except Exception:  # a fault of its own, which is for the invariants to find
            return ""
        make_plain(plain, modules.place)
        try:
            sums = [value.sum() for value in _tensors(plain(*arguments))]
        except Exception as failure:
            what = f"its forward reads what {', '.join(names)} is computed from"
            return f"{what} ({type(failure).__name__}: {_first_line(failure)})"
    weights = modules.place.weights(plain)
    found = torch.autograd.grad(sums, list(weights.values()), allow_unused=True)
    unread = [name for name, gradient in zip(weights, found, strict=True) if gradient is None]
    return f"its forward does not read {', '.join(unread)} by its name" if unread else ""


def _way_out(modules: Modules) -> str:
    path, target = modules.place.path, modules.name
    if isinstance(modules.target, nn.Module):
        named = f"{target}.{path}" if ":" in target else f"its {path}, as module:instance.{path}"
        return f"Name {named}, or write a backend (gruverify.backend)"
    return f"Name `{path}` of an instance of yours, as module:instance.{path}, or write a backend (gruverify.backend)"


def _difference(modules: Modules) -> str:
    """What is not as it is with the module that is held; empty if all is."""
    place, module = modules.place, copied(modules.sample).eval()
    expected = "(x (B, I), h (B, H)) to (B, H)"
    if place.layered:
        expected = "(inputs (T, B, I), h0 (L·D, B, H)) to (outputs (T, B, D·H), h_n (L·D, B, H))"
    arguments, shapes = _sample_of(modules)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            found = module(*arguments)
    except Exception as failure:
        return f"it raised {type(failure).__name__} for what is called as {expected}: {_first_line(failure)}"
    if _shapes(found) != _shapes(shapes):
        return f"it returned {_spelled(found)}, expected {expected} with {_sizes(modules)}"
    others = [name for name, _ in module.named_parameters() if not name.startswith(place.prefix)]
    if others and not _same(found, place.owner(module), arguments):
        return f"it returns other numbers than `{place.path}` alone, by {', '.join(others[:3])}"
    return ""


def _sample_of(modules: Modules) -> tuple[tuple[torch.Tensor, ...], Any]:
    """Arguments of the module's own sizes, and tensors of the shapes that it must return for them."""
    I, H = modules.size("weight_ih"), modules.size("weight_hh")
    like = next(iter(modules.place.weights(modules.sample).values()))

    def full(*shape: int) -> torch.Tensor:
        return torch.linspace(-1, 1, torch.Size(shape).numel(), dtype=torch.float64).reshape(shape).to(like.dtype)

    if not modules.place.layered:
        return (full(_B, I), full(_B, H)), full(_B, H)
    D, first = 1 + modules.shape["bidirectional"], modules.shape["batch_first"]
    steps = (_B, _T) if first else (_T, _B)
    states = full(modules.shape["num_layers"] * D, _B, H)
    return (full(*steps, I), states), (full(*steps, D * H), states)


def _sizes(modules: Modules) -> str:
    return f"T={_T}, B={_B}, I={modules.size('weight_ih')}, H={modules.size('weight_hh')}"


def _same(found: Any, held: nn.Module, arguments: tuple[torch.Tensor, ...]) -> bool:
    with torch.no_grad():
        alone = held(*arguments)
    pairs = zip(_tensors(found), _tensors(alone), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def _tensors(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _shapes(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    return [_shapes(part) for part in value] if isinstance(value, (tuple, list)) else type(value)


def _spelled(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_spelled, value))})"
    return type(value).__name__


def _first_line(failure: Exception) -> str:
    return str(failure).strip().partition("\n")[0]
