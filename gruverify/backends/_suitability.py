"""Whether a module can be verified as a GRU: a wrapper, and one whose weights are computed or
shared.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from gruverify.backends._called import takes_a_sequence
from gruverify.backends._modules import Modules
from gruverify.backends._place import BadModule, name_of, reparametrized
from gruverify.backends._plain import copied, make_plain
from gruverify.backends._renamed import Renamed
from gruverify.backends._tensors import device

#: Steps and members of the inputs that a wrapper is called with once. Not the same number, so that
#: an output with both exchanged has another shape.
_T, _B = 3, 2

_NAMED_AS_A_CELL = (
    "is called with a sequence, and its weights are named as a cell's: put _l0 behind each block "
    'of parameter_names, as "W_xz_l0.T", or name the weights as nn.GRU does, weight_ih_l0 ... '
    "(docs/how-to/torch-module.md)"
)


def require_a_gru(modules: Modules, *, initial_state: bool = True) -> None:
    """Raise BadModule if a wrapper does other than what it holds, or if a module cannot be called
    as a GRU is.

    initial_state: whether it is called with a state.
    """
    module = modules.sample
    if isinstance(modules.target, nn.Module):
        copied(module)  # what cannot be copied is refused now, and not case by case
    if initial_state and not _takes_a_state(module):
        takes_none = f"takes no state, forward{inspect.signature(module.forward)}"
        declare = "initial_state=False, as an attribute or a keyword of torch_backend"
        if modules.place.prefix:
            held = name_of(modules.place.owner(module))
            raise BadModule(
                f"{name_of(module)} holds {held} as `{modules.place.path}`, and {takes_none}. "
                f"{_way_out(modules)}; or declare {declare}, if it is a GRU from zeros"
            )
        raise BadModule(
            f"{name_of(module)} {takes_none}: declare {declare}, and it is checked from zeros alone"
        )
    if not modules.place.layered and _is_a_layer(modules):
        raise BadModule(f"{name_of(module)} {_NAMED_AS_A_CELL}")
    if modules.place.layered and (otherwise := _arranged_otherwise(modules, initial_state)):
        raise BadModule(f"{name_of(module)} {otherwise}")
    if modules.place.prefix and (difference := _difference(modules, initial_state)):
        held = name_of(modules.place.owner(module))
        what = f"{name_of(module)} holds {held} as `{modules.place.path}`"
        raise BadModule(
            f"{what}, and its forward is not a GRU's: {difference}. {_way_out(modules)}"
        )
    if modules.misbuilt:
        raise BadModule(modules.misbuilt)
    if not modules.is_plain and (dependence := _dependence(modules, initial_state)):
        raise BadModule(
            f"{name_of(module)} cannot be verified at any weights: {dependence}. Remove what "
            "stands before its "
            "weights, or write a backend (gruverify.backend)"
        )


def _takes_a_state(module: nn.Module) -> bool:
    """Whether its forward can be called with a second argument, as far as can be seen."""
    # Its forward has no signature that Python can read.
    if isinstance(module, torch.jit.ScriptModule):
        return True
    if isinstance(module, Renamed):
        return _takes_a_state(module.renamed)
    try:
        inspect.signature(module.forward).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # it has no signature
        return True
    return True


def _is_a_layer(modules: Modules) -> bool:
    """Whether a module whose weights are named as a cell's is called with a sequence."""
    sizes = modules.size("weight_ih"), modules.size("weight_hh")
    return takes_a_sequence(modules.sample, *sizes)


def _arranged_otherwise(modules: Modules, initial_state: bool) -> str:
    """How a layer that cannot be called as nn.GRU is, or does not return the like, can be called
    all the same; empty if it can, or if nothing else helps.
    """
    (inputs, states), (outputs, last) = _sample_with_state(modules)
    first = modules.shape["batch_first"]
    axes = ["(T, B, I)", "(B, T, I)"]
    if _returns(modules, (inputs, states), (outputs, last), initial_state):
        return ""
    turned = inputs.transpose(0, 1), states
    if _returns(modules, turned, (outputs.transpose(0, 1), last), initial_state):
        return (
            f"runs with inputs {axes[not first]} and not with {axes[first]}: declare "
            f"batch_first = {not first}, as an attribute"
        )
    also = f", and declare batch_first = {not first}"
    for xs, ys, besides in ((inputs, outputs, ""), (turned[0], outputs.transpose(0, 1), also)):
        if len(states) == 1 and _returns(modules, (xs, states[0]), (ys, last[0]), initial_state):
            return (
                "has states (B, H), and nn.GRU's are (1, B, H): take h0[0], return last[None]"
                f"{besides}; or wrap it in a module that does"
            )
    return ""


def _returns(modules: Modules, given: Any, expected: Any, initial_state: bool) -> bool:
    """Whether the module returns tensors of these shapes."""
    module = copied(modules.sample).eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            found = module(*(given if initial_state else given[:1]))
    except Exception:  # which is for the invariants to find
        return False
    return bool(_shapes(found) == _shapes(expected))


def _dependence(modules: Modules, initial_state: bool) -> str:
    """Why a module that runs cannot do so with each of its weights as a parameter of its own; empty
    if it can.
    """
    arguments, _ = _sample_of(modules, initial_state)
    given, plain = copied(modules.sample).eval(), copied(modules.sample).eval()
    names = reparametrized(modules.place.owner(given))
    # cuDNN's layers have no gradients in evaluation mode.
    without_cudnn = torch.backends.cudnn.flags(enabled=False)
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), without_cudnn:
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
    if unread:
        return f"its forward does not read {', '.join(unread)} by its name"
    return ""


def _way_out(modules: Modules) -> str:
    path, target = modules.place.path, modules.name
    if isinstance(modules.target, nn.Module):
        if ":" in target:
            named = f"{target}.{path}"
        else:
            named = f"its {path}, as module:instance.{path}"
        return f"Name {named}, or write a backend (gruverify.backend)"
    return (
        f"Name `{path}` of an instance of yours, as module:instance.{path}, or write a "
        "backend (gruverify.backend)"
    )


def _difference(modules: Modules, initial_state: bool) -> str:
    """What is not as it is with the module that is held; empty if all is."""
    place, module = modules.place, copied(modules.sample).eval()
    expected = "(x (B, I)) to (B, H)"
    if initial_state:
        expected = "(x (B, I), h (B, H)) to (B, H)"
    if place.layered:
        if initial_state:
            state = ", h0 (L·D, B, H)"
        else:
            state = ""
        expected = f"(inputs (T, B, I){state}) to (outputs (T, B, D·H), h_n (L·D, B, H))"
    arguments, shapes = _sample_of(modules, initial_state)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            found = module(*arguments)
    except Exception as failure:
        return (
            f"it raised {type(failure).__name__} for what is called as {expected}: "
            f"{_first_line(failure)}"
        )
    if _shapes(found) != _shapes(shapes):
        return f"it returned {_spelled(found)}, expected {expected} with {_sizes(modules)}"
    others = [name for name, _ in module.named_parameters() if not name.startswith(place.prefix)]
    zeros = torch.zeros_like(_sample_with_state(modules)[0][1])
    # One without parameters of its own only arranges: whether its numbers are a GRU's, the
    # invariants see.
    if others and not _same(found, place.owner(module), arguments, zeros):
        return f"it returns other numbers than `{place.path}` alone, by {', '.join(others[:3])}"
    return ""


def _sample_of(modules: Modules, initial_state: bool) -> tuple[tuple[torch.Tensor, ...], Any]:
    """Arguments of the module's own sizes, and tensors of the shapes that it must return for
    them.
    """
    (inputs, state), returned = _sample_with_state(modules)
    return ((inputs, state) if initial_state else (inputs,)), returned


def _sample_with_state(modules: Modules) -> tuple[tuple[torch.Tensor, torch.Tensor], Any]:
    I, H = modules.size("weight_ih"), modules.size("weight_hh")
    like = next(iter(modules.place.weights(modules.sample).values()))

    def full(*shape: int) -> torch.Tensor:
        return (
            # Nothing random, and no two entries the same: a part that is cut off or exchanged
            # shows.
            torch.linspace(-1, 1, torch.Size(shape).numel(), dtype=torch.float64)
            .reshape(shape)
            .to(device(), like.dtype)
        )

    if not modules.place.layered:
        return (full(_B, I), full(_B, H)), full(_B, H)
    D, first = 1 + modules.shape["bidirectional"], modules.shape["batch_first"]
    steps = (_B, _T) if first else (_T, _B)
    states = full(modules.shape["num_layers"] * D, _B, H)
    return (full(*steps, I), states), (full(*steps, D * H), states)


def _sizes(modules: Modules) -> str:
    return f"T={_T}, B={_B}, I={modules.size('weight_ih')}, H={modules.size('weight_hh')}"


def _same(
    found: object, held: nn.Module, arguments: tuple[torch.Tensor, ...], zeros: torch.Tensor
) -> bool:
    """Whether what is held returns the same. Called without a state, it may have to be given
    zeros.
    """
    if len(arguments) == 2 or not _takes_a_state(held):
        given = arguments
    else:
        given = (*arguments, zeros)
    try:
        with torch.no_grad():
            alone = held(*given)
    except Exception:  # it cannot be called alone: nothing shows that what holds it differs
        return False
    if _shapes(found) != _shapes(alone):  # one that returns its outputs alone, say
        return False
    pairs = zip(_tensors(found), _tensors(alone), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def _tensors(value: object) -> tuple[Any, ...]:
    if isinstance(value, (tuple, list)):
        return tuple(value)
    return (value,)


def _shapes(value: object) -> Any:
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    if isinstance(value, (tuple, list)):
        return [_shapes(part) for part in value]
    return type(value)


def _spelled(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_spelled, value))})"
    return type(value).__name__


def _first_line(failure: Exception) -> str:
    return str(failure).strip().partition("\n")[0]
