"""`torchrl:scan`: GRUModule of TorchRL in recurrent mode, as a scan along time."""

from __future__ import annotations

from gruverify.backends._function import FunctionBackend, backend
from gruverify.backends._marked import MarkedSequence
from gruverify.backends.world._torchrl_marks import scanned


def build() -> FunctionBackend:
    """It starts steps from zeros; a sequence and a step follow. Every new shape is compiled."""
    starting = MarkedSequence(scanned)
    return backend(
        sequence_restarted=starting.values,
        sequence_restarted_vjp=starting.gradients,
        name="torchrl:scan",
        shapes="few",
    )
