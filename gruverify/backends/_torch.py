"""The PyTorch backends: the real modules, a user's modules, and the formulas over tensors."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from gruverify.arithmetic import FORMATS, KAPPA, Format, float32
from gruverify.backends._autograd import AutogradSequence, AutogradStep, Load, Loaded
from gruverify.backends._function import FunctionBackend
from gruverify.backends._tensors import tensor, torch_dtype
from gruverify.cell import PACKED, VARIANTS, Cell, Variant, unpack
from gruverify.formulas import step

Build = Callable[[int, int, bool, Format], nn.Module]


def torch_backend(
    step: Any = None,
    sequence: Any = None,
    *,
    name: str | None = None,
    variants: Sequence[Variant] | None = None,
    formats: Sequence[Format] = FORMATS,
    kappa: float = KAPPA,
) -> FunctionBackend:
    """A backend from `nn.Module` classes or instances with PyTorch's parameter names; autograd differentiates them.

    step: a cell, called as module(x (B, I), h (B, H)) -> (B, H), with parameters weight_ih, weight_hh, bias_ih,
    bias_hh. sequence: a layer, called as module(inputs (T, B, I), h0 (1, B, H)) -> (outputs, h_n (1, B, H)), with
    parameters weight_ih_l0 and so on. A class is built as cls(I, H) for every size that is tried, with `bias=` and
    `dtype=` where it accepts them; an instance is used as it is, at its own size and format, and gets the weights of
    each case.

    Raises:
        ValueError: neither is given, or a module's parameters do not have PyTorch's names.
    """
    given = [module for module in (step, sequence) if module is not None]
    if not given:
        raise ValueError("torch_backend() needs an nn.Module class or instance for step or sequence")
    fixed = [module for module in given if isinstance(module, nn.Module)]
    modules = {suffix: _Modules(m, suffix) for m, suffix in ((step, ""), (sequence, "_l0")) if m is not None}
    sizes = fixed[0] if fixed else None
    return _from_loads(
        name or _name(given[0]),
        variants if variants is not None else _declared_variants(given),
        _own_format(sizes) if sizes is not None else formats,
        kappa,
        modules[""].load if "" in modules else None,
        modules["_l0"].load if "_l0" in modules else None,
        sizes,
    )


def builtin() -> FunctionBackend:
    """`torch`: the real nn.GRUCell for a step, the real nn.GRU for a sequence, autograd for their derivatives."""
    return torch_backend(nn.GRUCell, nn.GRU, name="torch")


def formulas() -> FunctionBackend:
    """`torch-formulas`: gruverify's formulas over tensors, so that autograd meets every variant."""
    return _from_loads("torch-formulas", VARIANTS, FORMATS, KAPPA, _load_formula_step, _load_formula_sequence, None)


def _from_loads(
    name: str,
    variants: Sequence[Variant],
    formats: Sequence[Format],
    kappa: float,
    load_step: Load | None,
    load_sequence: Load | None,
    sizes: nn.Module | None,
) -> FunctionBackend:
    one = AutogradStep(load_step) if load_step else None
    many = AutogradSequence(load_sequence) if load_sequence else None
    return FunctionBackend(
        name=name,
        variants=tuple(variants),
        formats=tuple(formats),
        kappa=kappa,
        step=one.step if one else None,
        step_jacobian=one.step_jacobian if one else None,
        step_vjp=one.step_vjp if one else None,
        sequence=many.sequence if many else None,
        sequence_vjp=many.sequence_vjp if many else None,
        hidden_size=None if sizes is None else _size(sizes, "weight_hh"),
        input_size=None if sizes is None else _size(sizes, "weight_ih"),
    )


# -- modules with PyTorch's parameter names ---------------------------------------------------------------------------


class _Modules:
    """Modules of one kind, built once for each size and format and given each case's weights.

    Of a user's instance a copy is taken: the user's own keeps its weights.
    """

    def __init__(self, target: Any, suffix: str) -> None:
        self._suffix = suffix
        self._build: Build = (lambda *_: copy.deepcopy(target)) if isinstance(target, nn.Module) else _builder(target)
        self._module = lru_cache(maxsize=256)(self._checked)

    def _checked(self, I: int, H: int, bias: bool, fmt: Format) -> nn.Module:
        module = self._build(I, H, bias, fmt)
        names = {name for name, _ in module.named_parameters()}
        missing = [n for n in self._names(bias).values() if n not in names]
        if missing:
            raise ValueError(
                f"{_name(module)} has no parameter {missing[0]!r} (it has: {', '.join(sorted(names)) or 'none'}): "
                "name the parameters as PyTorch does, or write a backend (gruverify.backend)"
            )
        return module

    def _names(self, bias: bool) -> dict[str, str]:
        return {packed: packed + self._suffix for packed in (PACKED if bias else PACKED[:2])}

    def load(self, cell: Cell) -> Loaded:
        module = self._module(cell.input_size, cell.hidden_size, cell.variant.bias, cell.format)
        own = dict(module.named_parameters())
        parameters = {packed: own[name] for packed, name in self._names(cell.variant.bias).items()}
        for packed, values in cell.packed().items():
            parameters[packed].data = tensor(values)
        # A module that was told to have no biases, and has them all the same, must not bring its own.
        for name in own.keys() & set(self._names(True).values()) - set(self._names(cell.variant.bias).values()):
            own[name].data.zero_()
        return Loaded(parameters, _layer_call(module) if self._suffix else module)


def _layer_call(module: nn.Module) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    def call(inputs: torch.Tensor, state: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        outputs, last = module(inputs) if state is None else module(inputs, state[None])
        return outputs, last[0]

    return call


def _builder(cls: Any) -> Build:
    accepted = inspect.signature(cls).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in accepted.values())

    def build(I: int, H: int, bias: bool, fmt: Format) -> nn.Module:
        options = {"bias": bias, "dtype": torch_dtype(fmt)}
        # Drawing a module's initial weights must neither disturb the user's random state nor depend on it.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module: nn.Module = cls(I, H, **{k: v for k, v in options.items() if anything or k in accepted})
        return module.to(torch_dtype(fmt))

    return build


def _declared_variants(modules: Sequence[Any]) -> tuple[Variant, ...]:
    """With and without biases, where every module can be built or was built so."""

    def bias_choices(module: Any) -> set[bool]:
        if isinstance(module, nn.Module):
            return {any(name.startswith("bias_ih") for name, _ in module.named_parameters())}
        accepted = inspect.signature(module).parameters
        return {True, False} if "bias" in accepted or "kwargs" in accepted else {True}

    shared = set.intersection(*(bias_choices(module) for module in modules))
    return tuple(Variant(bias=bias) for bias in (True, False) if bias in shared)


def _size(module: nn.Module, parameter: str) -> int:
    return next(int(p.shape[1]) for name, p in module.named_parameters() if name.startswith(parameter))


def _own_format(module: nn.Module) -> tuple[Format, ...]:
    dtype = next((p.dtype for p in module.parameters()), torch_dtype(float32))
    return tuple(f for f in FORMATS if torch_dtype(f) == dtype)


def _name(target: Any) -> str:
    return getattr(target, "__name__", None) or type(target).__name__


# -- the formulas over tensors ----------------------------------------------------------------------------------------


def _load_formula_step(cell: Cell) -> Loaded:
    leaves = {name: tensor(array).requires_grad_() for name, array in cell.packed().items()}
    p = unpack(leaves, cell.hidden_size)
    return Loaded(leaves, lambda x, h: step(cell.variant, p, x, h))


def _load_formula_sequence(cell: Cell) -> Loaded:
    loaded = _load_formula_step(cell)

    def call(inputs: torch.Tensor, state: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        h = inputs.new_zeros(inputs.shape[1], cell.hidden_size) if state is None else state
        outputs = []
        for x in inputs:
            h = loaded.call(x, h)
            outputs.append(h)
        return torch.stack(outputs) if outputs else inputs.new_zeros(0, *h.shape), h

    return Loaded(loaded.parameters, call)
