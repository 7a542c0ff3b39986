"""The inputs that GRUs of files are run over, drawn from the strategies that users import: kinds
that are always asked, and cases as they come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from gruverify.arithmetic import Format, NDArray
from gruverify.cell import Update
from gruverify.engine import draw
from gruverify.runtimes._drive import LARGE, Aim, driven
from gruverify.runtimes._inputs import Given, Wanted
from gruverify_strategies import Batch, regimes, sequences, specials

#: How long members are: all as the inputs; one of every length; the shortest and the longest; all
#: shorter than the inputs.
Ragged: TypeAlias = Literal["", "every", "ends", "short"]

#: What stands in the padding: nobody may read it.
_PADDING = 1000.0
#: The sizes up to which cases are drawn as they come.
_USUAL = {"T": 6, "B": 5}
#: Of a batch that a file fixes, how many members are drawn: the others are the same again. Each
#: takes bytes, and Hypothesis has 8,192 for an example.
_MEMBERS = 512
#: All but "free": what is always asked drives no gate.
_REGIMES = ("mixed", "carry", "forget", "elman", "near")
#: Batches that are drawn at most until one has numbers; three in twenty have states of 0.
_TRIES = 100
#: Of how many steps, and members, gates are driven.
_DRIVEN = 8


@dataclass(frozen=True)
class _Kind:
    """What is always asked: sizes, unless the file fixes them; the largest magnitude of inputs and
    of states; whether inputs are rounded to -1, 0 and 1, or some are special numbers; lengths; and
    the input without which there is no such question.
    """

    about: str
    T: int
    B: int
    inputs: float = 4.0
    states: float = 1.0
    signs: bool = False
    special: bool = False
    ragged: Ragged = ""
    needs: str = ""


# Small first: the first that fails is what a witness is looked for from.
_SIZED = (
    _Kind("one step, one member", 1, 1),
    _Kind("two steps, three members", 2, 3),
    _Kind("another length, another batch", 17, 2),
    _Kind("many members", 3, 33),
    _Kind("a long run", 200, 2),
)
_ALWAYS = (
    _Kind("large inputs", 8, 2, inputs=LARGE),
    _Kind("small inputs", 8, 2, inputs=2.0**-6),
    _Kind("tiny inputs", 4, 2, inputs=2.0**-18),
    _Kind("inputs of 0", 4, 2, inputs=0.0),
    _Kind("inputs of -1, 0 and 1", 9, 3, signs=True),
    _Kind("negative zeros and subnormal numbers", 4, 3, special=True),
    _Kind("a state of zeros", 5, 3, states=0.0, needs="initial_h"),
    _Kind("states beyond 1", 5, 3, states=4.0, needs="initial_h"),
    _Kind("every length from 1 on", 6, 6, ragged="every", needs="sequence_lens"),
    _Kind("the shortest and the longest", 7, 4, ragged="ends", needs="sequence_lens"),
    _Kind("no member is as long as the inputs", 6, 3, ragged="short", needs="sequence_lens"),
)


def drawn_inputs(wanted: Wanted, seed: int, count: int) -> Iterator[Given]:
    """The same ones for the same seed: what is always asked, then `count` cases as they come.

    Always: one step and many, one member and many, large and small numbers, lengths of all kinds
    with numbers in the padding. Sizes that are fixed are what they are: then fewer are drawn.
    """
    sizes = set[tuple[int, int]]()
    for kind in _SIZED:
        T, B = wanted.sizes.get("T", kind.T), wanted.sizes.get("B", kind.B)
        # In a file of fixed sizes all of these are the same ones.
        if (T, B) not in sizes:
            sizes.add((T, B))
            about = kind.about if (T, B) == (kind.T, kind.B) else "the sizes of the file"
            yield replace(_asked(wanted, seed, kind), about=about)
    for kind in _ALWAYS:
        if not kind.needs or kind.needs in wanted.takes:
            yield _asked(wanted, seed, kind)
    for number, case in enumerate(_cases(wanted, seed, count)):
        yield replace(case, about=f"case {number}, {case.about}", drawn=True)


def _asked(wanted: Wanted, seed: int, kind: _Kind) -> Given:
    """One of what is always asked."""
    T, B = wanted.sizes.get("T", kind.T), wanted.sizes.get("B", kind.B)
    stream = _stream(seed, kind.about)
    batch = _batch(_Drawn.of(wanted, (T, T), (B, B)), stream)
    xs = _reaching(kind.inputs, batch.inputs)
    if kind.signs:
        xs = np.rint(_reaching(1.0, batch.inputs))
    states = _by_layer(wanted, _reaching(kind.states, batch.state))
    given = _given(wanted, kind.about, xs, states, _lengths(kind.ragged, T, B))
    if not kind.special:
        return given
    some = list[NDArray]()
    # Not the largest numbers: their products overflow, of which bounds say nothing.
    strategy = specials(given.inputs, kinds=("negative-zero", "subnormal"))
    draw(strategy, 1, stream, some.append, first=1)
    return replace(given, inputs=some[0])


def _cases(wanted: Wanted, seed: int, count: int) -> Iterator[Given]:
    """Cases as they come, in which the gates of one unit of each member are driven."""
    stack, takes = wanted.gru.stack, "initial_h" in wanted.takes
    spans = [(wanted.sizes.get(axis, 1), wanted.sizes.get(axis, _USUAL[axis])) for axis in "TB"]
    drawn = _Drawn.of(wanted, *spans)
    update = stack.variant.update
    for batch, aim in _batches_and_aims(drawn, update, _stream(seed, "cases"), count):
        xs, states = batch.inputs.astype(np.float64), _by_layer(wanted, batch.state)
        # Members are driven from the state that they will have.
        start = states[aim.direction % stack.directions] * takes
        xs[:, : aim.members] = driven(wanted.gru, wanted.format, xs[:, : aim.members], start, aim)
        yield _given(wanted, aim.regimes.name, xs, states, batch.lengths)


def _stream(seed: int, about: str) -> int:
    """Each kind has its own: one more of them changes no other."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{about}".encode()).digest()[:8], "big")


@dataclass(frozen=True)
class _Drawn:
    """What batches are drawn for: the format, how many states a member has, side by side, I, and
    the smallest and largest T and B.
    """

    format: Format
    states: int
    I: int
    T: tuple[int, int]
    B: tuple[int, int]

    @classmethod
    def of(cls, wanted: Wanted, T: tuple[int, int], B: tuple[int, int]) -> _Drawn:
        stack = wanted.gru.stack
        few = min(B[0], _MEMBERS), min(B[1], _MEMBERS)
        states = wanted.state_rows * stack.hidden_size
        return cls(wanted.format, states, stack.input_size, T, few)

    def batches(self) -> st.SearchStrategy[Batch]:
        """The strategy."""
        return sequences(
            min_T=self.T[0],
            max_T=self.T[1],
            min_B=self.B[0],
            max_B=self.B[1],
            min_I=self.I,
            max_I=self.I,
            min_H=self.states,
            max_H=self.states,
            min_length=1,
            formats=(self.format,),
        )


# Hypothesis takes longer than a small GRU, and those of a file often have the same sizes.
@lru_cache(maxsize=32)
def _batch(drawn: _Drawn, stream: int) -> Batch:
    """The first batch that has numbers: the very first that Hypothesis draws is of zeros, and so
    are the states of some others.
    """
    found = list[Batch]()

    def visit(batch: Batch) -> bool:
        found.append(batch)
        return not (batch.inputs.any() and batch.state.any())

    draw(drawn.batches(), _TRIES, stream, visit)
    return found[-1]


@lru_cache(maxsize=8)
def _batches_and_aims(
    drawn: _Drawn, update: Update, stream: int, count: int
) -> list[tuple[Batch, Aim]]:
    """Batches, and where in them gates are driven to; the first is one step of one member, of
    zeros.
    """
    found = list[tuple[Batch, Aim]]()
    if count:
        draw(_aimed(drawn, update), count, stream, found.append)
    return found


@st.composite
def _aimed(draw: st.DrawFn, drawn: _Drawn, update: Update) -> tuple[Batch, Aim]:
    batch = draw(drawn.batches())
    steps, members = (min(size, _DRIVEN) for size in batch.inputs.shape[:2])
    units = steps * members
    placed = draw(
        regimes(min_H=units, max_H=units, formats=(drawn.format,), update=update, regimes=_REGIMES)
    )
    first, direction = draw(st.integers(0, 2**16 - 1)), draw(st.integers(0, 1))
    return batch, Aim(placed, steps, members, first, direction)


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


def _reaching(magnitude: float, array: NDArray) -> NDArray:
    """The numbers, scaled so that the largest has this magnitude."""
    numbers = array.astype(np.float64)
    largest = np.abs(numbers).max()
    return numbers * (magnitude / (largest or 1.0))


def _by_layer(wanted: Wanted, states: NDArray) -> NDArray:
    """States side by side (B, L·D·H) -> (L·D, B, H)."""
    return np.stack(np.split(states, wanted.state_rows, axis=1))


def _given(
    wanted: Wanted, about: str, xs: NDArray, states: NDArray, lengths: npt.NDArray[np.intp]
) -> Given:
    """What the GRU takes of inputs (T, B, I), states (L·D, B, H) and lengths."""
    B = wanted.sizes.get("B", xs.shape[1])
    members = np.arange(B) % xs.shape[1]
    xs, state, steps = xs[:, members], None, None
    if "initial_h" in wanted.takes:
        state = wanted.format.cast(states[:, members])
    if "sequence_lens" in wanted.takes:
        # Also where all are as long as the inputs: a model that has the input must be given it.
        steps = lengths[np.arange(B) % len(lengths)]
        xs[np.arange(len(xs))[:, None] >= steps] = _PADDING
    return Given(about, wanted.format.cast(xs), state, steps)
