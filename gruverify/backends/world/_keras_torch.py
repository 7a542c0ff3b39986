"""`keras:torch`: GRU and Bidirectional of Keras on its PyTorch backend, reset_after both ways,
masks as lengths.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import torch

from gruverify.arithmetic import FORMATS
from gruverify.backends._autograd import grad
from gruverify.backends._probes import pytorch_subnormals
from gruverify.backends._refusals import translated
from gruverify.backends._taped import Function
from gruverify.backends._taped_masks import TapedMasks
from gruverify.backends._tensors import device, numpy, tensor, was_placed
from gruverify.backends.contract import NDArray
from gruverify.backends.world._keras_layers import VARIANTS, masked, require, stack


def build() -> TapedMasks:
    """What autograd records.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    require("torch")
    return TapedMasks(
        "keras:torch",
        "keras",
        VARIANTS,
        FORMATS,
        _Engine(),
        stack,
        unbatched=False,
        subnormals=pytorch_subnormals(str(device())),
        plain_masked=masked,
        masked_outputs="zero",
    )


class _Engine:
    """Functions of tensors of PyTorch, and autograd."""

    @translated
    def values(self, function: Function, given: Sequence[NDArray]) -> list[NDArray]:
        with torch.no_grad(), _placed():
            return [numpy(found) for found in function([tensor(array) for array in given])]

    @translated
    @torch.enable_grad()
    def pulled(
        self, function: Function, given: Sequence[NDArray], cotangents: Sequence[NDArray]
    ) -> list[NDArray]:
        leaves: dict[Any, torch.Tensor] = {
            at: tensor(array).requires_grad_() for at, array in enumerate(given)
        }
        with _placed():
            answers = function(list(leaves.values()))
        found = grad(answers, [tensor(array) for array in cotangents], leaves)
        return [numpy(gradient) for gradient in found.values()]


def _placed() -> AbstractContextManager[object]:
    """Keras computes on the device that was named, and else where it likes: on a GPU, if it sees
    one.
    """
    if not was_placed():
        return nullcontext()
    found: AbstractContextManager[object] = keras.device(str(device()))
    return found
