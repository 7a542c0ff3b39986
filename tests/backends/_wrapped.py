"""Right modules that hold a GRU in other ways than nn.GRU does: wrapped, reparametrized, tied,
frozen, scripted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from ._modules import MyCell

Tensor = torch.Tensor


class BatchFirst(nn.GRU):
    """Its `batch_first` is True unless it is told otherwise."""

    def __init__(
        self, input_size: int, hidden_size: int, batch_first: bool = True, **options: Any
    ) -> None:
        super().__init__(input_size, hidden_size, batch_first=batch_first, **options)


class AlwaysBatchFirst(nn.GRU):
    """Nobody is asked."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)


class BatchFirstAlone(nn.GRU):
    """Takes `batch_first`, and refuses one of its values."""

    def __init__(
        self, input_size: int, hidden_size: int, *, batch_first: bool = True, bias: bool = True
    ) -> None:
        if not batch_first:
            raise ValueError("batch first alone")
        super().__init__(input_size, hidden_size, batch_first=True, bias=bias)


class Dropping(nn.GRU):
    """Drops half of what passes between its layers unless it is told otherwise."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 2, dropout: float = 0.5, **o: Any
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, dropout=dropout, **o)


class OutputsAlone(nn.GRU):
    """Returns no last states."""

    def forward(self, xs: Tensor, h0: Tensor | None = None) -> Any:
        return super().forward(xs, h0)[0]


class Scaled(nn.Module):
    """Scales the outputs of a layer that returns nothing else."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gru = OutputsAlone(input_size, hidden_size)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, xs: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.scale * self.gru(xs, h0)
        return outputs, outputs[-1:]


class Remembering(nn.GRU):
    """Keeps what it has computed, by name and step."""

    def forward(self, xs: Tensor, h0: Tensor) -> Any:
        outputs, last = super().forward(xs, h0)
        self.seen = {"outputs": list(outputs), "last": last}
        return outputs, last


class OneLayer(nn.GRU):
    """Takes the options of nn.GRU but for the number of layers, through **kwargs."""

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__(input_size, hidden_size, num_layers=1, **options)


class Wrapper(nn.Module):
    """Holds nn.GRU as `rnn`, and returns what that returns."""

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__()
        self.rnn = nn.GRU(input_size, hidden_size, **options)

    def forward(self, xs: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs, last = self.rnn(xs, h)
        return outputs, last


class Forgetful(Wrapper):
    """Does not hand on the initial state: wrong."""

    def forward(self, xs: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs, last = self.rnn(xs)
        return outputs, last


class StepByStep(nn.Module):
    """A layer that reads its weights at every step."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for side, size in ("ih", input_size), ("hh", hidden_size):
            weight, bias = torch.randn(3 * hidden_size, size), torch.randn(3 * hidden_size)
            self.register_parameter(f"weight_{side}_l0", nn.Parameter(weight))
            self.register_parameter(f"bias_{side}_l0", nn.Parameter(bias))

    def forward(self, xs: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = xs.new_zeros(xs.shape[1], self.weight_hh_l0.shape[1]) if h0 is None else h0[0]
        outputs = []
        for x in xs:
            weights = self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0
            h = torch.gru_cell(x, h, *weights)
            outputs.append(h)
        return torch.stack(outputs), h[None]


class WrappedCell(nn.Module):
    """Holds nn.GRUCell two modules deep."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.ModuleDict({"cell": nn.GRUCell(input_size, hidden_size)})

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        found: Tensor = self.inner["cell"](x, h)
        return found


class Tagger(nn.Module):
    """A model: its GRU is followed by more."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.encoder = Wrapper(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, 7)

    def forward(self, xs: Tensor, h: Tensor | None = None) -> Tensor:
        found: Tensor = self.head(self.encoder(xs, h)[0])
        return found


class Normed(Wrapper):
    """Returns the shapes of a GRU, and other numbers."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, xs: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs, last = self.rnn(xs, h)
        return self.norm(outputs), last


class Headed(Wrapper):
    """Returns what its GRU does, and has more that it does not use."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, 2)


class TwoGRUs(nn.Module):
    """An encoder and a decoder."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.encoder = nn.GRU(input_size, hidden_size)
        self.decoder = nn.GRU(input_size, hidden_size)


class Parametrized(nn.GRUCell):
    """Its recurrent weights are twice what it stores."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size, bias)
        parametrize.register_parametrization(self, "weight_hh", Doubled())


class Doubled(nn.Module):
    """Has no right inverse."""

    def forward(self, stored: Tensor) -> Tensor:
        return 2 * stored


class Peeking(MyCell):
    """Reads what stands behind its parametrization."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        parametrize.register_parametrization(self, "weight_hh", Doubled())

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        assert self.parametrizations.weight_hh.original is not None  # type: ignore[union-attr]
        return super().forward(x, h)


class Noisy(MyCell):
    """Drops some of its state in training mode."""

    def __init__(self, input_size: int, hidden_size: int, p: float = 0.5) -> None:
        super().__init__(input_size, hidden_size)
        self.drop = nn.Dropout(p)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return super().forward(x, self.drop(h))


class HalvedInEvaluation(MyCell):
    """Halves its state in evaluation mode."""

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return super().forward(x, h if self.training else h / 2)


class HalvedInTraining(MyCell):
    """Halves its state in training mode."""

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return super().forward(x, h / 2 if self.training else h)


class LayerHalvedInEvaluation(nn.GRU):
    """A layer that halves its outputs in evaluation mode."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        outputs, last = super().forward(input, hx)
        return (outputs if self.training else outputs / 2), last


def run(module: Any) -> Any:
    """The module, after a run."""
    I = next(w.shape[1] for name, w in module.named_parameters() if "weight_ih" in name)
    module(torch.ones(2, 1, I) if isinstance(module, nn.GRU) else torch.ones(1, I))
    return module


def tied_layers(I: int = 3, H: int = 3) -> nn.GRU:
    """Both layers have the same weights."""
    module = nn.GRU(I, H, num_layers=2)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(module, f"{name}_l1", getattr(module, f"{name}_l0"))
    return module


def tied_directions() -> nn.GRU:
    """Both directions have the same recurrent weights."""
    module = nn.GRU(2, 3, bidirectional=True)
    module.weight_hh_l0_reverse = module.weight_hh_l0
    return module


def pruned(module: Any, weight: str) -> Any:
    """A third of the weights is masked."""
    with torch.random.fork_rng():
        return run(prune.random_unstructured(module, weight, 0.3))


def frozen(module: Any) -> Any:
    """Nothing of it is trained."""
    return module.requires_grad_(False)


#: Instances with I = 2 and H = 3, one layer or a cell, right all of them.
RIGHT: dict[str, Callable[[], Any]] = {
    "weight_norm": lambda: run(parametrizations.weight_norm(nn.GRU(2, 3), "weight_hh_l0")),
    "weight_norm never run": lambda: parametrizations.weight_norm(nn.GRU(2, 3), "weight_ih_l0"),
    "weight_norm of a cell": lambda: run(
        parametrizations.weight_norm(nn.GRUCell(2, 3), "weight_hh")
    ),
    "spectral_norm": lambda: run(parametrizations.spectral_norm(nn.GRU(2, 3), "weight_hh_l0")),
    "spectral_norm of a cell": lambda: run(
        parametrizations.spectral_norm(nn.GRUCell(2, 3), "weight_ih")
    ),
    "orthogonal": lambda: parametrizations.orthogonal(nn.GRUCell(2, 3), "weight_hh"),
    "older weight_norm": lambda: run(nn.utils.weight_norm(nn.GRU(2, 3), "weight_hh_l0")),
    "older weight_norm of a cell": lambda: nn.utils.weight_norm(nn.GRUCell(2, 3), "weight_ih"),
    "older spectral_norm": lambda: run(nn.utils.spectral_norm(nn.GRU(2, 3), "weight_hh_l0")),
    "older spectral_norm of a cell": lambda: run(
        nn.utils.spectral_norm(nn.GRUCell(2, 3), "weight_hh")
    ),
    "pruned": lambda: pruned(nn.GRU(2, 3), "weight_hh_l0"),
    "pruned cell": lambda: pruned(nn.GRUCell(2, 3), "weight_ih"),
    "pruned twice": lambda: pruned(pruned(nn.GRUCell(2, 3), "weight_ih"), "weight_ih"),
    "parametrized class's": lambda: Parametrized(2, 3),
    "frozen": lambda: frozen(nn.GRU(2, 3)),
    "frozen cell": lambda: frozen(MyCell(2, 3)),
    "scripted cell": lambda: torch.jit.script(nn.GRUCell(2, 3)),
    "scripted cell by hand": lambda: torch.jit.script(MyCell(2, 3)),
    "scripted wrapper": lambda: torch.jit.script(Wrapper(2, 3)),
    "traced cell": lambda: torch.jit.trace(nn.GRUCell(2, 3), (torch.ones(2, 2), torch.ones(2, 3))),
    "dropout that is on": lambda: Noisy(2, 3),
    "half": lambda: nn.GRU(2, 3).half(),
    "double": lambda: nn.GRUCell(2, 3).double(),
    "bfloat16": lambda: Wrapper(2, 3).bfloat16(),
    "meta": lambda: nn.GRU(2, 3, device="meta"),
    "wrapper": lambda: Wrapper(2, 3),
    "wrapper, batch first": lambda: Wrapper(2, 3, batch_first=True),
    "wrapper with an unused head": lambda: Headed(2, 3),
    "wrapped cell": lambda: WrappedCell(2, 3),
    "wrapper under weight_norm": lambda: _normed_within(Wrapper(2, 3)),
    "inference mode": lambda: _in_inference_mode(nn.GRU),
    "shared with itself": lambda: _named_twice(MyCell(2, 3)),
}


def _normed_within(module: Wrapper) -> Wrapper:
    parametrizations.weight_norm(module.rnn, "weight_hh_l0")
    return module


def _in_inference_mode(cls: Any) -> Any:
    with torch.inference_mode():
        return cls(2, 3)


def _named_twice(module: Any) -> Any:
    module.alias = module.weight_hh
    return module
