"""What a GRU of a file is run over, and what is wanted of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray
from gruverify.models import Gru


@dataclass(frozen=True, eq=False)
class Given:
    """What a GRU is given, with time first: inputs (T, B, I), the initial state (L·D, B, H) and the
    lengths (B,), None where it takes none; and what these inputs are there for.

    drawn: whether they are one case of several, and not recorded or always asked.
    """

    about: str
    inputs: NDArray
    state: NDArray | None = None
    lengths: npt.NDArray[np.intp] | None = None
    drawn: bool = False

    @property
    def sizes(self) -> dict[str, int]:
        """T and B."""
        return {"T": self.inputs.shape[0], "B": self.inputs.shape[1]}


@dataclass(frozen=True)
class Wanted:
    """What is drawn for: a GRU, the format of its inputs, what it takes besides X, of "initial_h"
    and "sequence_lens", and T and B where they are fixed.
    """

    gru: Gru
    format: Format
    takes: Collection[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def state_rows(self) -> int:
        """How many initial states a member has: L·D."""
        return self.gru.stack.layers * self.gru.stack.directions


def completed(given: Given, wanted: Wanted) -> Given:
    """Recorded inputs in the format of the model, with zeros for a state and every member as long
    as the inputs, where it takes those and none are given.
    """
    T, B = given.sizes.values()
    inputs, state, lengths = given.inputs, given.state, given.lengths
    if inputs.dtype != wanted.format.dtype:
        inputs = wanted.format.cast(inputs.astype(np.float64))
    if "initial_h" in wanted.takes:
        if state is None:
            state = np.zeros((wanted.state_rows, B, wanted.gru.stack.hidden_size))
        state = wanted.format.cast(state.astype(np.float64))
    if "sequence_lens" in wanted.takes and lengths is None:
        lengths = np.full(B, T)
    return Given(given.about, inputs, state, lengths)
