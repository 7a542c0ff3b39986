"""What the GRUs of a file are run over: not only the sizes that an exporter traced."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray
from gruverify.cell import Stack

Floats: TypeAlias = npt.NDArray[np.float64]
#: How long members are: all as the inputs; one of every length; the shortest and the longest; all
#: shorter than the inputs.
Ragged: TypeAlias = Literal["", "every", "ends", "short"]

#: What stands in the padding: nobody may read it.
_PADDING = 1000.0


@dataclass(frozen=True, eq=False)
class Given:
    """What a GRU is given, with time first: inputs (T, B, I), the initial state (L·D, B, H) and the
    lengths (B,), None where it takes none; and what these inputs are there for.
    """

    about: str
    inputs: NDArray
    state: NDArray | None = None
    lengths: npt.NDArray[np.intp] | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """T and B."""
        return {"T": self.inputs.shape[0], "B": self.inputs.shape[1]}


@dataclass(frozen=True)
class Drawn:
    """What is drawn for: a stack, the format of its inputs, what it takes beside X, of
    "initial_h" and "sequence_lens", and T and B where they are fixed.
    """

    stack: Stack
    format: Format
    takes: Collection[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


def drawn_inputs(wanted: Drawn, seed: int) -> Iterator[Given]:
    """The same ones for the same seed: small and large numbers, one step and many, one member and
    many, lengths of all kinds with numbers in the padding. Sizes that are fixed are what they are:
    then fewer are drawn.
    """
    draw = _Draw(wanted, np.random.default_rng(seed))
    # Small first: the first that fails is what a witness is looked for from.
    yield from draw.sized("one step, one member", 1, 1)
    yield from draw.sized("two steps, three members", 2, 3)
    yield from draw.sized("another length, another batch", 17, 2)
    yield from draw.sized("many members", 3, 33)
    yield from draw.sized("a long run", 200, 2)
    yield draw.given("large inputs", 8, 2, scale=32.0)
    yield draw.given("small inputs", 8, 2, scale=2.0**-8)
    yield draw.given("tiny inputs", 4, 2, scale=2.0**-20)
    yield draw.given("inputs of 0", 4, 2, scale=0.0)
    yield draw.given("inputs of -1, 0 and 1", 9, 3, signs=True)
    if "initial_h" in wanted.takes:
        yield draw.given("a state of zeros", 5, 3, states=0.0)
        yield draw.given("states beyond 1", 5, 3, states=4.0)
    if "sequence_lens" in wanted.takes:
        yield draw.given("every length from 1 on", 6, 6, ragged="every")
        yield draw.given("the shortest and the longest", 7, 4, ragged="ends")
        yield draw.given("nobody is as long as the inputs", 6, 3, ragged="short")


def completed(given: Given, wanted: Drawn) -> Given:
    """Recorded inputs in the format of the model, with zeros for a state and every member as long
    as the inputs, where it takes those and none are given.
    """
    stack, (T, B) = wanted.stack, given.sizes.values()
    inputs, state, lengths = given.inputs, given.state, given.lengths
    if inputs.dtype != wanted.format.dtype:
        inputs = wanted.format.cast(inputs.astype(np.float64))
    if "initial_h" in wanted.takes and state is None:
        rows = stack.layers * stack.directions
        state = np.zeros((rows, B, stack.hidden_size), wanted.format.dtype)
    if "sequence_lens" in wanted.takes and lengths is None:
        lengths = np.full(B, T)
    return Given(given.about, inputs, state, lengths)


class _Draw:
    """Numbers in the format that is wanted."""

    def __init__(self, wanted: Drawn, rng: np.random.Generator) -> None:
        self.wanted, self.rng = wanted, rng
        self._sizes = set[tuple[int, int]]()

    def sized(self, about: str, T: int, B: int) -> Iterator[Given]:
        """Inputs that are there for their sizes, if nothing had those."""
        # In a file of fixed sizes all of these are the same ones.
        sizes = self.wanted.sizes.get("T", T), self.wanted.sizes.get("B", B)
        if sizes not in self._sizes:
            self._sizes.add(sizes)
            yield self.given(about if sizes == (T, B) else "the sizes of the file", T, B)

    def given(
        self,
        about: str,
        T: int,
        B: int,
        *,
        scale: float = 1.0,
        states: float = 1.0,
        signs: bool = False,
        ragged: Ragged = "",
    ) -> Given:
        """Inputs of these sizes, unless they are fixed."""
        stack, takes = self.wanted.stack, self.wanted.takes
        T, B = self.wanted.sizes.get("T", T), self.wanted.sizes.get("B", B)
        shape = T, B, stack.input_size
        if signs:
            xs = self.rng.integers(-1, 2, shape).astype(np.float64)
        else:
            xs = scale * self.rng.standard_normal(shape)
        state = steps = None
        if "initial_h" in takes:
            rows = stack.layers * stack.directions
            h = states * self.rng.uniform(-1, 1, (rows, B, stack.hidden_size))
            state = self.wanted.format.cast(h)
        if "sequence_lens" in takes:
            # Also where all are as long as the inputs: a model that has the input must be given it.
            steps = _lengths(ragged, T, B)
            xs[np.arange(T)[:, None] >= steps] = _PADDING
        return Given(about, self.wanted.format.cast(xs), state, steps)


def _lengths(ragged: Ragged, T: int, B: int) -> npt.NDArray[np.intp]:
    """The length of each member."""
    members = np.arange(B)
    match ragged:
        case "every":
            return 1 + members % T
        case "ends":
            return np.where(members % 3 == 0, 1, T)
        case "short":
            return 1 + members % max(T - 1, 1)
        case _:
            return np.full(B, T)
