"""What the GRUs of a file are run over: not only the sizes that an exporter traced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import NDArray
from gruverify.models import Gru, OnnxNode

Floats: TypeAlias = npt.NDArray[np.float64]

#: What stands in the padding: nobody may read it.
_PADDING = 1000.0


@dataclass(frozen=True, eq=False)
class Given:
    """What a node is given, with time first: inputs (T, B, I), the initial state (D, B, H) and the
    lengths (B,), None where the node takes none; and what these inputs are there for.
    """

    about: str
    inputs: NDArray
    state: NDArray | None = None
    lengths: npt.NDArray[np.intp] | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """T and B."""
        return {"T": self.inputs.shape[0], "B": self.inputs.shape[1]}

    @property
    def arrays(self) -> dict[str, NDArray]:
        """What there is, by the names of the operator's inputs, with time first."""
        found: dict[str, NDArray] = {"X": self.inputs}
        if self.state is not None:
            found["initial_h"] = self.state
        if self.lengths is not None:
            found["sequence_lens"] = self.lengths.astype(np.int32)
        return found


def drawn_inputs(node: OnnxNode, gru: Gru, seed: int) -> Iterator[Given]:
    """The same ones for the same seed: small and large numbers, one step and many, one member and
    many, lengths of all kinds with numbers in the padding.
    """
    draw = _Draw(node, gru, np.random.default_rng(seed))
    yield draw.given("one step, one member", 1, 1)
    yield draw.given("two steps, three members", 2, 3)
    yield draw.given("another length, another batch", 17, 2)
    yield draw.given("many members", 3, 33)
    yield draw.given("a long run", 200, 2)
    yield draw.given("large inputs", 8, 2, scale=32.0)
    yield draw.given("small inputs", 8, 2, scale=2.0**-8)
    yield draw.given("tiny inputs", 4, 2, scale=2.0**-20)
    yield draw.given("inputs of 0", 4, 2, scale=0.0)
    yield draw.given("inputs of -1, 0 and 1", 9, 3, signs=True)
    if "initial_h" in node.takes:
        yield draw.given("a state of zeros", 5, 3, states=0.0)
        yield draw.given("states beyond 1", 5, 3, states=4.0)
    if "sequence_lens" in node.takes:
        yield draw.given("every length from 1 on", 6, 6, lengths=range(1, 7))
        yield draw.given("the shortest and the longest", 7, 4, lengths=(1, 7, 7, 1))
        yield draw.given("nobody is as long as the inputs", 6, 3, lengths=(3, 1, 2))


@dataclass(frozen=True)
class _Draw:
    """Numbers in the format of a node's weights."""

    node: OnnxNode
    gru: Gru
    rng: np.random.Generator

    def given(
        self,
        about: str,
        T: int,
        B: int,
        *,
        scale: float = 1.0,
        states: float = 1.0,
        signs: bool = False,
        lengths: range | tuple[int, ...] = (),
    ) -> Given:
        stack = self.gru.stack
        shape = T, B, stack.input_size
        if signs:
            xs = self.rng.integers(-1, 2, shape).astype(np.float64)
        else:
            xs = scale * self.rng.standard_normal(shape)
        state = steps = None
        if "initial_h" in self.node.takes:
            h = states * self.rng.uniform(-1, 1, (stack.directions, B, stack.hidden_size))
            state = stack.format.cast(h)
        if "sequence_lens" in self.node.takes:
            steps = np.array(lengths or [T] * B, np.intp)
            xs[np.arange(T)[:, None] >= steps] = _PADDING
        return Given(about, stack.format.cast(xs), state, steps)
