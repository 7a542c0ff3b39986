"""Ragged batches are put to every module of PyTorch, as packed sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gruverify import Cell, Stack, Variant
from gruverify.backends import resolve

nn = torch.nn
SIZES = I, H = 2, 3


class Passes(nn.Module):
    """Hands on what it is given."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(input_size, hidden_size)

    def forward(self, inputs: Any, h0: Any) -> Any:
        return self.rnn(inputs, h0)


class Scales(Passes):
    """Computes with the inputs themselves."""

    def forward(self, inputs: Any, h0: Any) -> Any:
        return self.rnn(inputs * 1.0, h0)


class Reads(Passes):
    """Takes a packed sequence, and returns none."""

    def forward(self, inputs: Any, h0: Any) -> Any:
        if not isinstance(inputs, torch.Tensor):
            inputs = inputs.data[:, None]
        return self.rnn(inputs, None)


def ragged(backend: Any) -> Any:
    """What it returns for members of 1 and 3 steps."""
    draw = np.random.default_rng(0)
    arrays = (draw.normal(size=size).astype("float32") for size in ((9, I), (9, H), (9,), (9,)))
    stack = Stack(((Cell(Variant(), *arrays),),))
    inputs, states = (draw.normal(size=size).astype("float32") for size in ((3, 2, I), (1, 2, H)))
    return backend.stack(stack, inputs, states, np.array([1, 3]), False)


def test_a_module_that_takes_packed_sequences_is_asked() -> None:
    found, right = (ragged(resolve(module(*SIZES))) for module in (Passes, nn.GRU))

    for one, other in zip(found, right, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("module", [Scales, Reads])
def test_one_that_takes_none_refuses(module: Any) -> None:
    with pytest.raises(NotImplementedError, match=f"{module.__name__} takes no packed sequence: "):
        ragged(resolve(module(*SIZES)))
