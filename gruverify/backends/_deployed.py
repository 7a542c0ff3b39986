"""PyTorch's own modules as they are put to use: one of them alone, compiled, scripted or
exported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from gruverify.arithmetic import FORMATS
from gruverify.backends._autograd import Load, Loaded, LoadStack, Tensors
from gruverify.backends._function import FunctionBackend
from gruverify.backends._modules import Modules, variants_of
from gruverify.backends._scripting import OfTensors, script_of, scripted
from gruverify.backends._subjects import Subjects
from gruverify.backends._torch import from_loads, looped
from gruverify.backends._ways import ModuleWays

#: What is compiled, scripted or exported has one size: each takes seconds.
SIZE = {"hidden_size": 5, "input_size": 3}


def gru() -> FunctionBackend:
    """`torch:GRU`: nn.GRU alone; a step is a sequence of one step."""
    layers = Modules(nn.GRU)
    ways = ModuleWays([Subjects(layers)])
    return _backend(
        "torch:GRU",
        nn.GRU,
        _one_step(layers.load_layer),
        layers.load_layer,
        layers.load_stack,
        reloaded=ways.reloaded,
    )


def gru_cell() -> FunctionBackend:
    """`torch:GRUCell`: nn.GRUCell alone; a sequence is a loop over it."""
    cells = Modules(nn.GRUCell)
    ways = ModuleWays([Subjects(cells)])
    return _backend(
        "torch:GRUCell",
        nn.GRUCell,
        cells.load_cell,
        looped(cells.load_cell),
        None,
        reloaded=ways.reloaded,
    )


def compiled() -> FunctionBackend:
    """`torch:compile`: nn.GRUCell compiled by inductor for batches of any size; a sequence is a
    loop over it.

    nn.GRU is nothing for it: PyTorch leaves that as it is when it compiles what it is a part of.

    Raises:
        RuntimeError: inductor finds no C++ compiler; the message is PyTorch's own.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler

    # Asked for now: the first case would fail otherwise, seconds later and once per case.
    get_cpp_compiler()
    cells = Modules(nn.GRUCell, _compile)
    return _backend(
        "torch:compile",
        nn.GRUCell,
        cells.load_cell,
        looped(cells.load_cell),
        None,
        directions=False,
        **SIZE,
    )


def script() -> FunctionBackend:
    """`torch:script`: nn.GRUCell and nn.GRU as TorchScript has them, packed sequences included."""
    cells, layers = Modules(nn.GRUCell, scripted), Modules(nn.GRU, _Scripted)
    ways = ModuleWays(
        [Subjects(Modules(nn.GRUCell), script_of), Subjects(Modules(nn.GRU), script_of)]
    )
    return _backend(
        "torch:script",
        nn.GRU,
        cells.load_cell,
        layers.load_layer,
        layers.load_stack,
        directions=False,
        reloaded=ways.reloaded,
        **SIZE,
    )


def exported() -> FunctionBackend:
    """`torch:export`: nn.GRUCell exported for batches of any size; a sequence is a loop over it.

    nn.GRU is nothing for it: what torch.export makes of that is good for the one length it was
    shown.
    """
    cells = Modules(nn.GRUCell, _export)
    return _backend(
        "torch:export",
        nn.GRUCell,
        cells.load_cell,
        looped(cells.load_cell),
        None,
        directions=False,
        **SIZE,
    )


def _backend(
    name: str, module: Any, step: Load, sequence: Load, stack: LoadStack | None, **options: Any
) -> FunctionBackend:
    return from_loads(name, variants_of([module]), FORMATS, step, sequence, stack, **options)


@dataclass(frozen=True)
class _OneStep(Loaded):
    """A layer as a cell: a sequence of one step."""

    layer: Loaded

    @property
    def parameters(self) -> Tensors:
        return self.layer.parameters

    def __call__(self, x: torch.Tensor, h: torch.Tensor | None) -> torch.Tensor:
        outputs: torch.Tensor
        outputs, _ = self.layer(x[None], h)
        return outputs[0]

    def at(self, parameters: Tensors) -> Loaded:
        return _OneStep(self.layer.at(parameters))

    def train(self, flag: bool) -> None:
        self.layer.train(flag)


def _one_step(load: Load) -> Load:
    """How to load a cell that is a layer called for one step."""
    return lambda cell: _OneStep(load(cell))


def _compile(module: nn.Module) -> Callable[..., Any]:
    """One graph for values and gradients: compiling takes long. It is an error if PyTorch falls
    back to eager.
    """
    fast = torch.compile(module, dynamic=True, fullgraph=True)

    def call(*inputs: torch.Tensor) -> Any:
        leaves = (a if a.requires_grad else a.detach().requires_grad_() for a in inputs)
        with (
            torch.enable_grad(),
            # Each format is a graph of its own, and so is a batch of one: PyTorch gives up after
            # eight.
            torch._dynamo.config.patch(recompile_limit=64),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # of what inductor itself is made of
            return fast(*leaves)

    return call


def _export(module: nn.Module) -> Callable[..., Any]:
    weight = next(module.parameters())
    # Two members: of 0 or 1 PyTorch would make a constant of the graph.
    sample = (weight.new_ones(2, SIZE["input_size"]), weight.new_ones(2, SIZE["hidden_size"]))
    any_batch = {0: torch.export.Dim.AUTO}
    program: Callable[..., Any] = torch.export.export(
        module, sample, dynamic_shapes=(any_batch, any_batch)
    ).module()
    return program


class _OfPacked(nn.Module):
    """An nn.GRU called with a packed sequence, for TorchScript."""

    def __init__(self, gru: nn.Module) -> None:
        super().__init__()
        self.gru = gru

    def forward(
        self, xs: PackedSequence, h0: torch.Tensor | None
    ) -> tuple[PackedSequence, torch.Tensor]:
        found: tuple[PackedSequence, torch.Tensor] = self.gru(xs, h0)
        return found


class _Scripted:
    """Both ways to call an nn.GRU, each scripted once it is needed."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._ways: dict[type[nn.Module], Callable[..., Any]] = {}

    def __call__(self, xs: torch.Tensor | PackedSequence, h0: torch.Tensor | None = None) -> Any:
        way: type[nn.Module] = OfTensors
        if isinstance(xs, PackedSequence):
            way = _OfPacked
        if way not in self._ways:
            self._ways[way] = scripted(way(self._module))
        return self._ways[way](xs, h0)
