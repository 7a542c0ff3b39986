"""How a user's module is called, found out by calling it: with one step, as nn.GRUCell is, or with
a sequence, as nn.GRU is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn

#: Steps and members: not the same number, and seldom that of inputs or units, so that a sequence is
#: not taken for a batch.
_T, _B = 7, 5


def takes_a_sequence(module: nn.Module, I: int, H: int) -> bool:
    """Whether it cannot be called with one step, and can be with several: outputs of H units."""
    like = next(module.parameters())
    step = _outputs(module, like.new_zeros(_B, I), like.new_zeros(_B, H))
    if step is not None and step.ndim < 3:
        return False
    for arguments in _sequences(like, I, H):
        outputs = _outputs(module, *arguments)
        if outputs is not None and outputs.shape == (*arguments[0].shape[:2], H):
            return True
    return False


def _sequences(like: torch.Tensor, I: int, H: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Inputs, time first and batch first, with no state and with one in both usual shapes."""
    h = like.new_zeros(_B, H)
    for shape in ((_T, _B, I), (_B, _T, I)):
        inputs = like.new_zeros(shape)
        yield from ((inputs, h[None]), (inputs, h), (inputs,))


def _outputs(module: nn.Module, *arguments: torch.Tensor) -> torch.Tensor | None:
    """The first tensor that a copy of the module returns; None if there is none."""
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            returned = copy.deepcopy(module).eval()(*arguments)
    except Exception:  # which is for the invariants to find
        return None
    if isinstance(returned, tuple) and returned:
        returned = returned[0]
    if isinstance(returned, torch.Tensor):
        return returned
    return None
