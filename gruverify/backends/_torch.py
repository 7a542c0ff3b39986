"""The PyTorch backends: the real modules, a user's modules, and the formulas over tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any, Unpack, cast

import torch
from torch import nn

from gruverify._named import Keywords
from gruverify.arithmetic import FORMATS, Format, NDArray
from gruverify.backends._autograd import (
    AutogradMasks,
    AutogradSequence,
    AutogradStack,
    AutogradStep,
    AutogradZoneout,
    Load,
    Loaded,
    LoadStack,
    Tensors,
)
from gruverify.backends._claims import (
    Formats,
    Variants,
    declared_variants,
    require_name,
    variants_in,
)
from gruverify.backends._declarations import Declared, declarations_of
from gruverify.backends._directions import AutogradDirections
from gruverify.backends._function import FunctionBackend, declaring
from gruverify.backends._has_modules import Reload
from gruverify.backends._module_claims import (
    formats_of,
    modules_of,
    own_shape,
    require_biases,
    said_of,
)
from gruverify.backends._modules import BadModule, Modules, name_of, variants_of
from gruverify.backends._probes import pytorch_subnormals
from gruverify.backends._protocol import EVERY_METHOD
from gruverify.backends._subjects import Subjects
from gruverify.backends._suitability import require_a_gru
from gruverify.backends._tensors import device, tensor
from gruverify.backends._ways import ModuleWays
from gruverify.cell import (
    VARIANTS,
    Arrangement,
    Cell,
    Parameters,
    Stack,
    Variant,
    parameter_name,
    unpack,
)
from gruverify.formulas import MaskedStackRun, StackRun, masked_stack, step
from gruverify.formulas import stack as stack_formulas

StepOf = Callable[[Variant, Parameters, torch.Tensor, torch.Tensor], torch.Tensor]


def torch_backend(
    step: object = None,
    sequence: object = None,
    *,
    name: str | None = None,
    variants: Variants | None = None,
    formats: Formats | None = None,
    **declared: Unpack[Declared],
) -> FunctionBackend:
    """A backend from `nn.Module` classes or instances with PyTorch's parameter names; autograd
    differentiates them.

    step: a cell, called as module(x (B, I), h (B, H)) -> (B, H), with parameters weight_ih,
    weight_hh, bias_ih, bias_hh. sequence: a layer or a stack of them, called as module(inputs (T,
    B, I), h0 (L·D, B, H)) -> (outputs, h_n), with parameters weight_ih_l0 and so on. Either may be
    a wrapper: the names may stand behind one common prefix. A class is built as cls(I, H) for every
    size that is tried, with `bias=`, `dtype=`, `num_layers=`, `bidirectional=`, `batch_first=` and
    `dropout=0` where it takes them, and verified as a stack too if it heeds `num_layers=`, as
    nn.GRU does; a copy of an instance is used, at its own size, shape and format, and gets the
    weights of each case.

    variants, formats: what it claims, one or several, formats by their names too; an instance has
    one format, its own.
    declared: what else it says of itself (see `Declarations`). All of it may also stand in
    attributes of the module. With `initial_state=False` the module is called without a state.

    Raises:
        ValueError: neither is given, a layer is given as step or a cell as sequence, a module has
            no parameters by PyTorch's names or does more than a GRU does, or a claim or a
            declaration is wrong or not true of it.
    """
    if step is None:
        cells = None
    else:
        cells = modules_of("step", step)
    if sequence is None:
        layers = None
    else:
        layers = modules_of("sequence", sequence)
    return _of_modules(
        cells, layers, {"name": name, "variants": variants, "formats": formats, **declared}
    )


def module_backend(module: Any, target: str = "", **said: Any) -> FunctionBackend:
    """A backend from one `nn.Module` class or instance: a cell or a layer, by the names of its
    parameters.

    target: how a user names it, for messages; said: what is claimed and declared of it, as for
    `torch_backend`.

    Raises:
        ValueError: as for `torch_backend`.
    """
    modules = Modules(module, name=target)
    layered = modules.place.layered
    return _of_modules(None if layered else modules, modules if layered else None, said)


def _of_modules(
    cells: Modules | None, layers: Modules | None, keywords: Keywords
) -> FunctionBackend:
    """keywords: the name, and what is claimed and declared; None is not said."""
    both = {"step": cells, "sequence": layers}
    given = {keyword: modules for keyword, modules in both.items() if modules is not None}
    if not given:
        raise BadModule("torch_backend() needs an nn.Module class or instance for step or sequence")
    said = {"name": name_of(next(iter(given.values())).target), **said_of(given, keywords)}
    require_name(said["name"])
    # Known before a module is tried: one without a state is called with one argument less.
    stateless = not declarations_of(SimpleNamespace(**said)).initial_state
    for modules in given.values():
        require_a_gru(modules, initial_state=not stateless)
    # One layer in one direction is a layer and, as nn.GRU is, a stack; more of either is a stack
    # alone.
    loads: tuple[Any, ...] = (
        None if cells is None else cells.load_cell,
        layers.load_layer if layers is not None and _is_one_layer(layers) else None,
        layers.load_stack if layers is not None and _is_a_stack(layers) else None,
    )
    if stateless:
        loads = tuple(load and partial(_without_state, load) for load in loads)
    variants = said.pop("variants", None)
    made = from_loads(
        said.pop("name"),
        _variants_of(list(given.values()), said) if variants is None else variants_in(variants),
        formats_of(given, said.pop("formats", None)),
        *loads,
        directions=all(modules.elsewhere for modules in given.values()),
        reloaded=_ways_of(
            # Every way carries the weights of one cell: a stack has no place for them.
            [modules for modules in given.values() if modules is cells or _is_one_layer(modules)]
        ),
        **own_shape(given, _fixed_shape(layers), said),
    )
    # Without a state there is no Jacobian of it, and so no method that returns both; nor are
    # weights loaded for a call with one.
    made = declaring(
        replace(made, step_jacobian=None, reloaded=None) if stateless else made,
        cast(Declared, said),
    )
    require_biases(given, declared_variants(made))
    return made


def _variants_of(given: list[Modules], said: Keywords) -> tuple[Variant, ...]:
    if said.get("biases") is None:
        return variants_of(given)
    return (Variant(),)


@dataclass(frozen=True)
class _Stateless(Loaded):
    """An implementation that is called without its state, which is 0."""

    whole: Loaded

    @property
    def parameters(self) -> Tensors:
        return self.whole.parameters

    def __call__(self, inputs: torch.Tensor, state: Any, *lengths: NDArray | None) -> Any:
        return self.whole(inputs, None, *lengths)

    def at(self, parameters: Tensors) -> Loaded:
        return _Stateless(self.whole.at(parameters))

    def train(self, flag: bool) -> None:
        self.whole.train(flag)


def _without_state(load: Callable[..., Loaded], *given: object) -> Loaded:
    return _Stateless(load(*given))


def _ways_of(given: list[Modules]) -> Reload | None:
    if given:
        return ModuleWays([Subjects(modules) for modules in given]).reloaded
    return None


def _is_one_layer(layers: Modules) -> bool:
    """Whether a layer of one direction is to be had."""
    return (layers.shape["num_layers"], layers.shape["bidirectional"]) == (1, False)


def _is_a_stack(layers: Modules) -> bool:
    """Whether it is verified as a stack too: as every instance is, and a class that has several
    layers.
    """
    return (
        isinstance(layers.target, nn.Module)
        or "num_layers" in layers.choices
        or not _is_one_layer(layers)
    )


def _fixed_shape(layers: Modules | None) -> Keywords:
    """The options of a stack that the modules were built with and that cannot be chosen."""
    if layers is None or not _is_a_stack(layers):
        return {}
    return {name: value for name, value in layers.shape.items() if name not in layers.choices}


def builtin() -> FunctionBackend:
    """`torch`: the real nn.GRUCell for a step, the real nn.GRU for sequences and stacks, autograd
    for derivatives.
    """
    return torch_backend(nn.GRUCell, nn.GRU, name="torch")


def formulas() -> FunctionBackend:
    """`torch-formulas`: gruverify's formulas over tensors, so that autograd meets every variant."""
    made = formulas_of(step, name="torch-formulas", load_stack=_load_formula_stack)
    masked = AutogradStack(_load_masked_stack)
    return replace(made, stack_masked=masked.stack, stack_masked_vjp=masked.stack_vjp)


def formulas_of(
    step: StepOf,
    *,
    name: str = "step over tensors",
    variants: Sequence[Variant] = VARIANTS,
    formats: Sequence[Format] = FORMATS,
    load_stack: LoadStack | None = None,
) -> FunctionBackend:
    """A backend from a step over tensors: variant, parameters, x (B, I) and h (B, H) to the next
    state (B, H).
    """
    one = partial(_load_formula_step, step)
    loads = one, looped(one), load_stack
    return from_loads(name, variants, formats, *loads, load_masked=one, zoneout="shares")


def from_loads(
    name: str,
    variants: Sequence[Variant],
    formats: Sequence[Format],
    load_step: Load | None,
    load_sequence: Load | None,
    load_stack: LoadStack | None,
    *,
    directions: bool = True,
    load_masked: Load | None = None,
    **shape: Any,
) -> FunctionBackend:
    """A backend of what can be loaded.

    directions: whether sequences can be called at other parameters, as derivatives along a
    direction need; load_masked: the step of which sequences with masks are made; shape: the fixed
    sizes, and further fields of a FunctionBackend.
    """
    parts = list[Any]()
    if load_step:
        parts.append(AutogradStep(load_step))
    if load_sequence:
        parts.append(AutogradSequence(load_sequence))
    if load_sequence and directions:
        parts.append(AutogradDirections(load_sequence))
    if load_masked:
        parts += [AutogradMasks(load_masked), AutogradZoneout(load_masked)]
    if load_stack:
        parts.append(AutogradStack(load_stack))
    # What no part offers stays None, which switches off the invariants that need it.
    methods: Keywords = dict.fromkeys(EVERY_METHOD)
    for part in parts:
        methods |= {name: getattr(part, name) for name in EVERY_METHOD if hasattr(part, name)}
    return FunctionBackend(
        name=name,
        variants=tuple(variants),
        formats=tuple(formats),
        **methods,
        # What was found out gives way to what is declared.
        **{"subnormals": pytorch_subnormals(str(device())), **shape},
    )


# -- the formulas over tensors ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Formulas(Loaded):
    """What computes with any parameters that it is given, and knows no training mode."""

    own: Tensors

    @property
    def parameters(self) -> Tensors:
        return self.own

    def at(self, parameters: Tensors) -> Loaded:
        return replace(self, own=parameters)

    def train(self, flag: bool) -> None:
        """There is no dropout."""


@dataclass(frozen=True)
class _FormulaStep(_Formulas):
    """A step over tensors, at the parameters of a cell."""

    step: StepOf
    cell: Cell

    @cached_property
    def _blocks(self) -> Parameters:
        return unpack(dict(self.own), self.cell.hidden_size)

    def __call__(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return self.step(self.cell.variant, self._blocks, x, h)


def _load_formula_step(step: StepOf, cell: Cell) -> Loaded:
    return _FormulaStep(_leaves(cell.packed()), step, cell)


def _leaves(packed: Mapping[str, NDArray]) -> Tensors:
    return {name: tensor(array).requires_grad_() for name, array in packed.items()}


@dataclass(frozen=True)
class _Looped(Loaded):
    """A sequence as a loop over a cell of H units."""

    step: Loaded
    H: int

    @property
    def parameters(self) -> Tensors:
        return self.step.parameters

    def __call__(
        self, inputs: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if state is None:
            h = inputs.new_zeros(inputs.shape[1], self.H)
        else:
            h = state
        outputs = []
        for x in inputs:
            h = self.step(x, h)
            outputs.append(h)
        # torch.stack refuses to stack nothing.
        if not outputs:
            return inputs.new_zeros(0, *h.shape), h
        return torch.stack(outputs), h

    def at(self, parameters: Tensors) -> Loaded:
        return _Looped(self.step.at(parameters), self.H)

    def train(self, flag: bool) -> None:
        self.step.train(flag)


def looped(load: Load) -> Load:
    """How to load a sequence that is a loop over a cell."""
    return lambda cell: _Looped(load(cell), cell.hidden_size)


@dataclass(frozen=True)
class _FormulaStack(_Formulas):
    """The formulas of a stack over tensors, at parameters by nn.GRU's names."""

    stack: Stack
    batch_first: bool

    @cached_property
    def _rows(self) -> list[list[Parameters]]:
        """The parameters of each layer and direction."""
        rows: list[list[Parameters]] = []
        for layer, cells in enumerate(self.stack.cells):
            rows.append([])
            for direction, cell in enumerate(cells):
                packed = {
                    name: self.own[parameter_name(name, layer, direction)] for name in cell.packed()
                }
                rows[-1].append(unpack(packed, self.stack.hidden_size))
        return rows

    def __call__(
        self, inputs: torch.Tensor, states: torch.Tensor | None, lengths: NDArray | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        s, arranged = self.stack, Arrangement.of_call(inputs, self.batch_first)
        xs = arranged.steps_of(inputs)
        if states is None:
            hs = xs.new_zeros(s.layers * s.directions, xs.shape[1], s.hidden_size)
        else:
            hs = arranged.states_of(states)
        run = self._run(arranged, list(xs), list(hs), lengths)
        outputs, last = torch.stack(list(run.outputs)), torch.stack(list(run.last))
        return arranged.steps(outputs), arranged.states(last)

    def _run(
        self,
        arranged: Arrangement,
        xs: list[torch.Tensor],
        hs: list[torch.Tensor],
        lengths: NDArray | None,
    ) -> StackRun | MaskedStackRun:
        return stack_formulas(self.stack.variant, self._rows, xs, hs, lengths)


@dataclass(frozen=True)
class _MaskedFormulaStack(_FormulaStack):
    """The same with a mask in the place of lengths."""

    def _run(
        self,
        arranged: Arrangement,
        xs: list[torch.Tensor],
        hs: list[torch.Tensor],
        lengths: NDArray | None,
    ) -> StackRun | MaskedStackRun:
        assert lengths is not None  # every masked call has a mask
        keep = arranged.steps_of(lengths[..., None])[..., 0]
        return masked_stack(self.stack.variant, self._rows, xs, hs, keep)


def _load_formula_stack(stack: Stack, batch_first: bool) -> Loaded:
    return _FormulaStack(_leaves(stack.packed()), stack, batch_first)


def _load_masked_stack(stack: Stack, batch_first: bool) -> Loaded:
    return _MaskedFormulaStack(_leaves(stack.packed()), stack, batch_first)
