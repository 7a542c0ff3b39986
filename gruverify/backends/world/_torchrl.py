"""`torchrl`: GRUCell and GRU of TorchRL, in Python, with PyTorch's parameters, and GRUModule."""

from __future__ import annotations

from dataclasses import replace

from torchrl.modules import GRU, GRUCell

from gruverify.backends._function import FunctionBackend
from gruverify.backends._marked import MarkedSequence
from gruverify.backends._torch import torch_backend
from gruverify.backends.world._torchrl_marks import masked, restarted


def build() -> FunctionBackend:
    """GRU has one direction, and raises at packed sequences and at inputs without a batch; it is
    not scripted here. It skips steps by its mask, and GRUModule starts some from zeros.
    """
    made = torch_backend(step=GRUCell, sequence=GRU, name="torchrl", lengths=False, unbatched=False)
    skipping, starting = MarkedSequence(masked), MarkedSequence(restarted)
    return replace(
        made,
        sequence_masked=skipping.values,
        sequence_masked_vjp=skipping.gradients,
        sequence_restarted=starting.values,
        sequence_restarted_vjp=starting.gradients,
    )
