"""Modules with PyTorch's parameter names, given the weights of each case: cells, layers and
stacks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Self

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gruverify._named import Keywords
from gruverify._visible import error_line
from gruverify.arithmetic import FORMATS, Format, NDArray
from gruverify.backends._autograd import Loaded, Tensors
from gruverify.backends._building import OPTIONS, Builder, biases_of, options_of, size_of
from gruverify.backends._place import BadModule, Place, name_of, place_of
from gruverify.backends._plain import copied, is_plain, make_plain, without_dropout
from gruverify.backends._renamed import renamed
from gruverify.backends._returned import outputs_and_last, state_of
from gruverify.backends._tensors import host_tensor, tensor, torch_dtype
from gruverify.cell import Cell, Stack, Variant

__all__ = ["OPTIONS", "BadModule", "Modules", "name_of", "packed_call", "variants_of"]


@dataclass(frozen=True)
class Built:
    """A module that is given weights, where it has them, and what is called for its answers."""

    module: nn.Module
    place: Place
    call: Callable[..., Any]

    def fill(self, packed: Mapping[str, NDArray], variant: Variant) -> dict[str, torch.Tensor]:
        """The module's weights of these names, with these values; a bias that the variant lacks may
        be missing.
        """
        own = self.place.weights(self.module)
        packed = {
            name: array for name, array in packed.items() if name in own or any(variant.mask(name))
        }
        if missing := [name for name in packed if name not in own]:
            only = {"bias_ih": "recurrent", "bias_hh": "input"}.get(missing[0].partition("_l")[0])
            raise ValueError(
                f"{name_of(self.module)} has no parameter {missing[0]!r} (it has: "
                f"{', '.join(sorted(own)) or 'none'}): "
                + (f'declare biases="{only}", ' if only else "")
                + "name the parameters as PyTorch does, or write a backend (gruverify.backend)"
            )
        for name, values in packed.items():
            # Over the case's own memory: a module that writes into its weights writes into the
            # case, and is found out.
            own[name].data = tensor(values)
        if any(name not in packed for name in own):
            self.silence(packed)
        return {name: own[name] for name in packed}

    def silence(self, wanted: Collection[str]) -> None:
        """A module that was built without biases, and has them all the same, must not bring its
        own.
        """
        for name, weight in self.place.weights(self.module).items():
            if name.startswith("bias_") and name not in wanted:
                weight.data.zero_()

    def at(self, others: Tensors) -> Callable[..., Any]:
        """The module at other weights.

        Raises:
            NotImplementedError: something else is called in its place, which keeps its own.
        """
        if self.call is not self.module:
            raise NotImplementedError(
                f"{name_of(self.module)} is wrapped: it can be called at its own weights alone"
            )
        named = {f"{self.place.prefix}{name}": weight for name, weight in others.items()}
        return lambda *given: functional_call(self.module, named, given)


@dataclass(frozen=True)
class LoadedModule(Loaded):
    """A module that holds one cell's weights.

    call: the module, or what is called in its place; or the module at other parameters than those
    that it holds.
    """

    built: Built
    own: Tensors
    call: Callable[..., Any]

    @property
    def parameters(self) -> Tensors:
        """The weights it is called with, by PyTorch's names."""
        return self.own

    def at(self, parameters: Tensors) -> Self:
        """The module at other parameters."""
        return replace(self, own=parameters, call=self.built.at(parameters))

    def train(self, flag: bool) -> None:
        """Put the module into training mode, or into evaluation mode."""
        self.built.module.train(flag)


class LoadedCell(LoadedModule):
    """A cell, which takes a state or none."""

    def __call__(self, x: torch.Tensor, h: torch.Tensor | None) -> torch.Tensor:
        """The next state (B, H), from x (B, I) and h (B, H) or None."""
        if h is None:
            return state_of(self.call(x))
        return state_of(self.call(x, h))


@dataclass(frozen=True)
class LoadedStack(LoadedModule):
    """A stack, arranged as nn.GRU has it."""

    batch_first: bool

    def __call__(
        self, xs: torch.Tensor, h0: torch.Tensor | None, lengths: NDArray | None
    ) -> tuple[torch.Tensor, Any]:
        """The outputs and the last states.

        Raises:
            NotImplementedError: there are lengths, and the module takes no packed sequence.
        """
        given = (xs,) if h0 is None else (xs, h0)
        # nn.GRU and its kind do take packed sequences: what they raise for one is a fault, and no
        # refusal.
        if lengths is None or isinstance(self.built.module, nn.RNNBase):
            return packed_call(self.call, given, lengths, self.batch_first)
        try:
            return packed_call(self.call, given, lengths, self.batch_first)
        except Exception as refused:  # of a module that knows none, it may be anything
            raise NotImplementedError(
                f"{name_of(self.built.module)} takes no packed sequence: {error_line(refused)}"
            ) from refused


@dataclass(frozen=True)
class LoadedLayer(Loaded):
    """A stack of one layer in one direction, called with steps first and a state without layers;
    its parameters have the names of a cell's.
    """

    stack: LoadedStack

    @property
    def parameters(self) -> Tensors:
        """The weights of the layer, by the names that a cell has for them."""
        return {name.removesuffix("_l0"): p for name, p in self.stack.parameters.items()}

    def __call__(
        self, inputs: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs (T, B, I), state (B, H) or None -> outputs (T, B, H) and last (B, H)."""
        h0 = None if state is None else state[None]
        if self.stack.batch_first:
            outputs, last = self.stack(inputs.transpose(0, 1), h0, None)
            return outputs.transpose(0, 1), last[0]
        outputs, last = self.stack(inputs, h0, None)
        return outputs, last[0]

    def at(self, parameters: Tensors) -> LoadedLayer:
        """The layer at other parameters."""
        return LoadedLayer(self.stack.at({f"{name}_l0": p for name, p in parameters.items()}))

    def train(self, flag: bool) -> None:
        """Put the module into training mode, or into evaluation mode."""
        self.stack.train(flag)


class Modules:
    """Modules of one class, built once for each size, format and shape, or copies of one instance.

    wrap: what is called instead of the module, made from it once; the module keeps the parameters.
    Of a user's instance a copy is taken, with plain weights: the user's own keeps its weights.
    name: how the user names it, for messages.

    Raises:
        BadModule: it has no weights of a GRU that can be set; when it is first built, or read.
    """

    def __init__(
        self,
        target: Any,
        wrap: Callable[[nn.Module], Callable[..., Any]] | None = None,
        name: str = "",
    ) -> None:
        self.target, self.name = target, name
        self._wrap = wrap
        if isinstance(target, nn.Module):
            self.target, self._builder = renamed(target), None
        else:
            self._builder = Builder(target)
        # A cache of this object: one on the method would keep the modules of every object alive.
        self._module = lru_cache(maxsize=256)(self.build)

    def load_cell(self, cell: Cell) -> Loaded:
        """A cell, called as module(x, h)."""
        built = self._module(cell.input_size, cell.hidden_size, cell.variant.bias, cell.format)
        return LoadedCell(built, built.fill(cell.packed(), cell.variant), built.call)

    def load_layer(self, cell: Cell) -> Loaded:
        """A layer of one direction, called as module(inputs, h0)."""
        return LoadedLayer(self.load_stack(Stack(((cell,),)), self.shape["batch_first"]))

    def load_stack(self, stack: Stack, batch_first: bool) -> LoadedStack:
        """A stack, called as module(inputs, h0), with a packed sequence where there are lengths.

        Raises:
            NotImplementedError: the module was not built so, or its class cannot be.
        """
        options = {
            "num_layers": stack.layers,
            "bidirectional": stack.directions == 2,
            "batch_first": batch_first,
        }
        # The default is not asked for: a class without these options can be built all the same.
        unusual = {name: value for name, value in options.items() if value != self.shape[name]}
        if not self.choices >= unusual.keys():
            spelled = ", ".join(f"{name}={value}" for name, value in unusual.items())
            raise NotImplementedError(f"{name_of(self.target)} cannot be had with {spelled}")
        built = self._module(
            stack.input_size, stack.hidden_size, stack.variant.bias, stack.format, **unusual
        )
        parameters = built.fill(stack.packed(), stack.variant)
        return LoadedStack(built, parameters, built.call, batch_first)

    @property
    def elsewhere(self) -> bool:
        """Whether the modules can be called at other weights than their own: not what is called
        instead of them.
        """
        return self._wrap is None and not isinstance(self.target, torch.jit.ScriptModule)

    @cached_property
    def sample(self) -> nn.Module:
        """The instance, or one of the class."""
        if self._builder:
            return self._builder.sample
        own: nn.Module = self.target
        return own

    @cached_property
    def place(self) -> Place:
        """Where the modules have their weights."""
        # A part can be named of an instance alone.
        return place_of(self.sample, "" if self._builder else self.name)

    @cached_property
    def shape(self) -> Keywords:
        """What each of `OPTIONS` is unless asked for: of an instance, what it was built with."""
        return options_of(self.sample, self.place)

    @property
    def choices(self) -> frozenset[str]:
        """The options of a stack that the class can be built with; an instance can no more be
        changed.
        """
        if self._builder:
            return self._builder.choices
        return frozenset()

    @property
    def biases(self) -> frozenset[bool]:
        """Whether there are modules with biases, and without."""
        own = bool(biases_of(self.place.weights(self.sample)))
        chosen = self._builder and self._builder.can_choose_biases
        return frozenset({True, False} if chosen else {own})

    @property
    def formats(self) -> tuple[Format, ...]:
        """The format of an instance.

        Raises:
            BadModule: gruverify knows no such format, or the weights have several.
        """
        dtypes = {weight.dtype for weight in self.place.weights(self.sample).values()}
        found = tuple(fmt for fmt in FORMATS if {torch_dtype(fmt)} == dtypes)
        if not found:
            spelled = " and ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
            known = ", ".join(fmt.name for fmt in FORMATS)
            raise BadModule(
                f"{name_of(self.target)} has weights in {spelled}: gruverify knows {known}, one "
                "at a time"
            )
        return found

    def size(self, weight: str) -> int:
        """The columns of the first weight that is so called, of an instance: H of weight_hh, I of
        weight_ih.
        """
        return size_of(self.place.weights(self.sample), weight)

    @property
    def misbuilt(self) -> str:
        """What shows that a class takes its sizes in another order; empty if nothing does."""
        if self._builder:
            return self._builder.misbuilt
        return ""

    @property
    def is_plain(self) -> bool:
        """Whether the modules hold each of their weights as a parameter of its own."""
        return is_plain(self.sample, self.place)

    def user_module(self, I: int, H: int, bias: bool, fmt: Format, **options: Any) -> Built:
        """A module as the user has it, with whatever stands before its weights, but without
        dropout.
        """
        if self._builder:
            module = self._builder.build(I, H, bias, fmt, **options)
            if not bias:
                self._builder.require_no_biases(module)
        else:
            module = copied(self.target)
        without_dropout(module)
        return Built(module, self.place, module)

    def build(self, I: int, H: int, bias: bool, fmt: Format, **options: object) -> Built:
        """A module without dropout and with plain weights, and what is called in its place."""
        module = self.user_module(I, H, bias, fmt, **options).module
        make_plain(module, self.place)
        return Built(module, self.place, self._wrap(module) if self._wrap else module)


def packed_call(
    call: Callable[..., Any],
    given: tuple[torch.Tensor, ...],
    lengths: NDArray | None,
    batch_first: bool,
) -> tuple[torch.Tensor, Any]:
    """What a stack returns for inputs and, if they are given, states: as a packed sequence where
    there are lengths.
    """
    xs, *states = given
    if lengths is None:
        return outputs_and_last(call(xs, *states))
    # PyTorch wants lengths on the CPU, wherever the sequences are.
    packed = pack_padded_sequence(xs, host_tensor(lengths), batch_first, enforce_sorted=False)
    outputs, last = outputs_and_last(call(packed, *states))
    # It would be padded up to the longest member alone, and the case may have more steps.
    T = xs.shape[1] if batch_first else xs.shape[0]
    return pad_packed_sequence(outputs, batch_first, total_length=T)[0], last


def variants_of(targets: list[Any]) -> tuple[Variant, ...]:
    """With and without biases, where every module can be built or was built so."""
    modules = [target if isinstance(target, Modules) else Modules(target) for target in targets]
    shared = frozenset.intersection(*(each.biases for each in modules))
    return tuple(Variant(bias=bias) for bias in (True, False) if bias in shared)
