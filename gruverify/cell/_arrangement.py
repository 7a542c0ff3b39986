"""How the arrays of a call are arranged: time first or the batch, with a batch or without."""

from __future__ import annotations

from dataclasses import dataclass

from gruverify.arithmetic import Array


@dataclass(frozen=True)
class Arrangement:
    """The arrangement of a call of a stack; everywhere else arrays are time-major and have a batch.

    batch_first: inputs and outputs are (B, T, ...) instead of (T, B, ...); states are (L·D, B, H)
    all the same.
    batched: if False, the one member's arrays have no axis for the batch, (T, ...) and (L·D, H),
        and batch_first means nothing. So it is with nn.GRU.
    """

    batch_first: bool = False
    batched: bool = True

    @classmethod
    def of_call(cls, inputs: Array, batch_first: bool) -> Arrangement:
        """The arrangement of a call with these inputs."""
        return cls(batch_first, inputs.ndim == 3)

    def steps(self, array: Array) -> Array:
        """(T, B, n), as inputs, outputs and their cotangents are, as the call has it."""
        if not self.batched:
            return array[:, 0]
        if self.batch_first:
            return array.swapaxes(0, 1)
        return array

    def states(self, array: Array) -> Array:
        """(L·D, B, H) as the call has it."""
        if self.batched:
            return array
        return array[:, 0]

    def steps_of(self, arranged: Array) -> Array:
        """What the call has, as (T, B, n)."""
        if not self.batched:
            return arranged[:, None]
        if self.batch_first:
            return arranged.swapaxes(0, 1)
        return arranged

    def states_of(self, arranged: Array) -> Array:
        """What the call has, as (L·D, B, H)."""
        if self.batched:
            return arranged
        return arranged[:, None]
