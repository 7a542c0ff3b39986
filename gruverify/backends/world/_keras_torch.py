"""`keras:torch`: GRU and Bidirectional of Keras on its PyTorch backend, reset_after both ways,
masks as lengths.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import torch

from gruverify.arithmetic import FORMATS
from gruverify.backends._autograd import grad
from gruverify.backends._refusals import translated
from gruverify.backends._taped import Function, TapedStack
from gruverify.backends._tensors import numpy, tensor
from gruverify.backends.contract import NDArray
from gruverify.backends.world._keras_layers import VARIANTS, require, stack


def build() -> TapedStack:
    """What autograd records.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    require("torch")
    return TapedStack("keras:torch", "keras", VARIANTS, FORMATS, _Engine(), stack, unbatched=False)


class _Engine:
    """Functions of tensors of PyTorch, and autograd."""

    @translated
    def values(self, function: Function, given: Sequence[NDArray]) -> list[NDArray]:
        with torch.no_grad():
            return [numpy(found) for found in function([tensor(array) for array in given])]

    @translated
    @torch.enable_grad()
    def pulled(
        self, function: Function, given: Sequence[NDArray], cotangents: Sequence[NDArray]
    ) -> list[NDArray]:
        leaves: dict[Any, torch.Tensor] = {
            at: tensor(array).requires_grad_() for at, array in enumerate(given)
        }
        answers = function(list(leaves.values()))
        found = grad(answers, [tensor(array) for array in cotangents], leaves)
        return [numpy(gradient) for gradient in found.values()]
