"""Modules with PyTorch's parameter names, given the weights of each case: cells, layers and stacks."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gruverify.arithmetic import FORMATS, Format, float32
from gruverify.backends._autograd import Loaded
from gruverify.backends._protocol import NDArray
from gruverify.backends._tensors import tensor, torch_dtype
from gruverify.cell import Cell, Stack, Variant, parameter_name

#: What nn.GRU calls the shape of a stack, with what each is unless asked for.
OPTIONS: dict[str, Any] = {"num_layers": 1, "bidirectional": False, "batch_first": False}


class Modules:
    """Modules of one class, built once for each size, format and shape, or copies of one instance.

    wrap: what is called instead of the module, made from it once; the module keeps the parameters. Of a user's instance
    a copy is taken: the user's own keeps its weights.
    """

    def __init__(self, target: Any, wrap: Callable[[nn.Module], Callable[..., Any]] | None = None) -> None:
        self.target = target
        self._wrap = wrap
        self._module = lru_cache(maxsize=256)(self._built)

    def load_cell(self, cell: Cell) -> Loaded:
        """A cell, called as module(x, h)."""
        module, call = self._module(cell.input_size, cell.hidden_size, cell.variant.bias, cell.format)
        at = None if self._wrap else partial(_elsewhere, module)
        parameters = _filled(module, cell.packed(), cell.variant)

        def step(x: torch.Tensor, h: torch.Tensor | None) -> Any:
            return call(x) if h is None else call(x, h)

        return Loaded(parameters, step, module.train, at)

    def load_layer(self, cell: Cell) -> Loaded:
        """A layer of one direction, called as module(inputs, h0)."""
        first = self._own("batch_first")
        loaded = self.load_stack(Stack(((cell,),)), first)

        def layer(stack: Callable[..., Any]) -> Callable[..., Any]:
            def call(inputs: torch.Tensor, state: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
                xs = inputs.transpose(0, 1) if first else inputs
                outputs, last = stack(xs, None if state is None else state[None], None)
                return outputs.transpose(0, 1) if first else outputs, last[0]

            return call

        def at(parameters: Mapping[str, torch.Tensor]) -> Callable[..., Any]:
            assert loaded.at is not None
            return layer(loaded.at({f"{name}_l0": p for name, p in parameters.items()}))

        own = {name.removesuffix("_l0"): p for name, p in loaded.parameters.items()}
        return Loaded(own, layer(loaded.call), loaded.mode, at if loaded.at else None)

    def load_stack(self, stack: Stack, batch_first: bool) -> Loaded:
        """A stack, called as module(inputs, h0), with a packed sequence where there are lengths.

        Raises:
            NotImplementedError: the module was not built so, or its class cannot be.
        """
        options = {"num_layers": stack.layers, "bidirectional": stack.directions == 2, "batch_first": batch_first}
        unusual = {name: value for name, value in options.items() if value != self._own(name)}
        if unusual and not self.shapes >= unusual.keys():
            spelled = ", ".join(f"{name}={value}" for name, value in unusual.items())
            raise NotImplementedError(f"{name_of(self.target)} cannot be had with {spelled}")
        built = self._module(stack.input_size, stack.hidden_size, stack.variant.bias, stack.format, **unusual)
        module, wrapped = built
        parameters = _filled(module, stack.packed(), stack.variant)

        def at(others: Mapping[str, torch.Tensor]) -> Callable[..., Any]:
            return partial(_stack_call, _elsewhere(module, others), module, batch_first)

        call = partial(_stack_call, wrapped, module, batch_first)
        return Loaded(parameters, call, module.train, None if self._wrap else at)

    @property
    def shapes(self) -> frozenset[str]:
        """The options of a stack that the class can be built with; an instance can no more be changed."""
        if isinstance(self.target, nn.Module):
            return frozenset()
        if issubclass(self.target, nn.RNNBase):
            return frozenset(OPTIONS)
        return frozenset(name for name in OPTIONS if name in inspect.signature(self.target).parameters)

    def _own(self, option: str) -> Any:
        """What the option is unless asked for: of an instance, what it was built with."""
        return options_of(self.target)[option] if isinstance(self.target, nn.Module) else OPTIONS[option]

    def _built(self, I: int, H: int, bias: bool, fmt: Format, **options: Any) -> tuple[nn.Module, Callable[..., Any]]:
        instance = isinstance(self.target, nn.Module)
        module = copy.deepcopy(self.target) if instance else _build(self.target, I, H, bias, fmt, options)
        return module, self._wrap(module) if self._wrap else module


def _elsewhere(module: nn.Module, others: Mapping[str, torch.Tensor]) -> Callable[..., Any]:
    """The module at other parameters."""
    return lambda *given: functional_call(module, dict(others), given)


def packed_call(
    call: Callable[..., Any], given: tuple[torch.Tensor, ...], lengths: NDArray | None, batch_first: bool
) -> tuple[torch.Tensor, Any]:
    """What a stack returns for inputs and, if they are given, states: as a packed sequence where there are lengths."""
    xs, *states = given
    if lengths is None:
        outputs, last = call(xs, *states)
        return outputs, last
    packed = pack_padded_sequence(xs, torch.from_numpy(lengths), batch_first, enforce_sorted=False)
    outputs, last = call(packed, *states)
    T = xs.shape[1] if batch_first else xs.shape[0]
    return pad_packed_sequence(outputs, batch_first, total_length=T)[0], last


def _stack_call(
    run: Callable[..., Any],
    module: nn.Module,
    batch_first: bool,
    xs: torch.Tensor,
    h0: torch.Tensor | None,
    lengths: NDArray | None,
) -> tuple[torch.Tensor, Any]:
    if lengths is not None and not isinstance(module, nn.RNNBase):
        raise NotImplementedError(f"{name_of(module)} is no nn.GRU: packed sequences are put to those alone")
    return packed_call(run, (xs,) if h0 is None else (xs, h0), lengths, batch_first)


def _build(cls: Any, I: int, H: int, bias: bool, fmt: Format, options: dict[str, Any]) -> nn.Module:
    accepted = inspect.signature(cls).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    wanted = {"bias": bias, "dtype": torch_dtype(fmt)}
    # Drawing a module's initial weights must neither disturb the user's random state nor depend on it.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module: nn.Module = cls(I, H, **{k: v for k, v in wanted.items() if anything or k in accepted}, **options)
    return module.to(torch_dtype(fmt))


def _filled(module: nn.Module, packed: Mapping[str, NDArray], variant: Variant) -> dict[str, torch.Tensor]:
    """The module's parameters of these names, with these values; a bias that the variant lacks may be missing."""
    own = dict(module.named_parameters())
    packed = {name: array for name, array in packed.items() if name in own or any(variant.mask(name))}
    if missing := [name for name in packed if name not in own]:
        only = {"bias_ih": "recurrent", "bias_hh": "input"}.get(missing[0].partition("_l")[0])
        raise ValueError(
            f"{name_of(module)} has no parameter {missing[0]!r} (it has: {', '.join(sorted(own)) or 'none'}): "
            + (f'declare biases="{only}", ' if only else "")
            + "name the parameters as PyTorch does, or write a backend (gruverify.backend)"
        )
    for name, values in packed.items():
        own[name].data = tensor(values)
    # A module that was told to have no biases, and has them all the same, must not bring its own.
    for name in own.keys() - packed.keys():
        if name.startswith("bias_"):
            own[name].data.zero_()
    return {name: own[name] for name in packed}


def name_of(target: Any) -> str:
    """A class's own name, or that of the instance's."""
    return getattr(target, "__name__", None) or type(target).__name__


def options_of(module: nn.Module) -> dict[str, Any]:
    """The shape of an instance that is a stack: its layers and directions as its parameters have them."""
    names = [name for name, _ in module.named_parameters()]
    layers = next(layer for layer in range(len(names) + 1) if parameter_name("weight_ih", layer, 0) not in names)
    return {
        "num_layers": layers,
        "bidirectional": parameter_name("weight_ih", 0, 1) in names,
        "batch_first": bool(getattr(module, "batch_first", False)),
    }


def variants_of(targets: list[Any]) -> tuple[Variant, ...]:
    """With and without biases, where every module can be built or was built so."""

    def choices(module: Any) -> set[bool]:
        if isinstance(module, nn.Module):
            return {any(name.startswith("bias_ih") for name, _ in module.named_parameters())}
        accepted = inspect.signature(module).parameters
        return {True, False} if "bias" in accepted or "kwargs" in accepted else {True}

    shared = set.intersection(*(choices(module) for module in targets))
    return tuple(Variant(bias=bias) for bias in (True, False) if bias in shared)


def size_of(module: nn.Module, parameter: str) -> int:
    """The columns of the first parameter that is so called: H of weight_hh, I of weight_ih."""
    return next(int(p.shape[1]) for name, p in module.named_parameters() if name.startswith(parameter))


def formats_of(module: nn.Module) -> tuple[Format, ...]:
    """The format of an instance."""
    dtype = next((p.dtype for p in module.parameters()), torch_dtype(float32))
    return tuple(f for f in FORMATS if torch_dtype(f) == dtype)
