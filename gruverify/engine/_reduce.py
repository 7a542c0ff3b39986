"""From a case that falsifies an invariant to a small one that a person can read.

First the sizes: steps, members, units and inputs are left out as long as it still falsifies. Then
the numbers: arrays, gates and entries become 0, and what is left becomes short: ±1, a power of two,
few decimals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import NDArray
from gruverify.backends import Declarations
from gruverify.cell import AnyCase, StackCase
from gruverify.engine._smaller import part, with_arrays

Floats: TypeAlias = npt.NDArray[np.float64]

#: How many cases a reduction tries: counted in cases and not in seconds, so that a seed gives the
#: same witness everywhere. `FURTHER` is for an invariant of a family of which another has its
#: witness already, for a GRU that is wrong throughout falsifies a hundred; `ALL_TRIES` is for all
#: reductions of a
#: format.
TRIES, FURTHER, ALL_TRIES = 400, 100, 4000
#: A case of more numbers than this counts as several: a target of one large size would be reduced
#: for hours.
_SMALL = 4096
#: An array of more numbers is not read.
_READABLE = 256
#: Sizes, in the order in which they are reduced: what is left out first makes the next tries cheap.
_LETTERS = "TLDBHI"
#: The pieces into which a size is cut at most, of which one after the other is left out.
_PIECES = 16
#: The arrays whose numbers are the least interesting come first.
_ORDER = (
    "d_outputs",
    "d_last",
    "state",
    "states",
    "inputs",
    "weight_hh",
    "weight_ih",
    "bias_hh",
    "bias_ih",
)


class _Spent(Exception):
    """All tries are used up."""


@dataclass
class Reduction:
    """The simplest case known that `falsifies`, of at most `tries` tries, within the sizes that the
    target declares; unless `numbers` are left as they are, in numbers, too.

    It is `best`, which is the case it begins with until another is found; and stays that if it does
    not falsify again, which only a target that does not repeat itself can bring about. No case is
    tried twice: what such a one answered first counts. A large case counts as several tries.
    `spent` is how many there were.
    """

    best: AnyCase
    falsifies: Callable[[AnyCase], bool]
    tries: int
    declared: Declarations
    numbers: bool = True
    spent: int = 0
    _known: dict[Hashable, bool] = field(default_factory=dict)

    def run(self) -> AnyCase:
        """Reduce until nothing helps, or the tries are used up."""
        with suppress(_Spent):
            if self._falsified_by(self.best):
                self._arrangement()
                self._first_cell()
                self._sizes()
                if self.numbers:
                    self._zeros()
                    # Zeros let units and inputs go that were needed before, so sizes are tried
                    # again after them.
                    self._sizes()
                    self._values()
        return self.best

    def _falsified_by(self, case: AnyCase) -> bool:
        key = case.key()
        if key not in self._known:
            # Counted before it is asked, and by size: a bound on work that is the same on any
            # machine.
            self.spent += -(-sum(array.size for array in case.arrays().values()) // _SMALL)
            if self.spent > self.tries:
                raise _Spent
            self._known[key] = self.falsifies(case)
        return self._known[key]

    def _takes(self, case: AnyCase) -> bool:
        """Whether the case falsifies too; then it is the best."""
        if not _is_short(case, self.declared.min_length) and self._falsified_by(case):
            self.best = case
            return True
        return False

    # -- sizes -------------------------------------------------------------------------------------

    def _arrangement(self) -> None:
        """A stack called as nn.GRU is by default, with members of one length."""
        if isinstance(self.best, StackCase):
            self._takes(replace(self.best, lengths=None))
        if isinstance(self.best, StackCase):
            self._takes(replace(self.best, batched=True))
        fixed = self.declared.batch_first or self.declared.shapes == "few"
        if isinstance(self.best, StackCase) and not fixed:
            self._takes(replace(self.best, batch_first=False))

    def _first_cell(self) -> None:
        """Of few shapes, one layer and direction at once, for what lies between must be compiled
        too.
        """
        if isinstance(self.best, StackCase) and self.declared.shapes == "few":
            layer = part(self.best, "L", range(self._least("L")))
            one = part(layer, "D", range(self._least("D")))
            self._takes(one)

    def _sizes(self) -> None:
        before: AnyCase | None = None
        # One size less may let another one go that was needed before.
        while before is not self.best:
            before = self.best
            for letter in _LETTERS:
                if letter in before.sizes:
                    # From the start again after each success: the fewest are tried first, so that
                    # cases become small at once.
                    while self._fewer(letter):
                        pass

    def _fewer(self, letter: str) -> bool:
        """Leave out some of what the letter counts."""
        n, least = self.best.sizes[letter], self._least(letter)
        first = letter in "LD"  # of layers and directions the first stay: the others read them
        return any(self._takes(part(self.best, letter, kept)) for kept in _choices(n, least, first))

    def _least(self, letter: str) -> int:
        """What the target needs of it."""
        declared = self.declared
        # None, nothing declared, and False alike can do with one direction.
        two = 2 if declared.bidirectional else 1
        fixed = {
            "H": declared.hidden_size,
            "I": declared.input_size,
            "L": declared.num_layers,
            "D": two,
        }
        return {"T": declared.min_length, **fixed}.get(letter) or 1

    # -- numbers -----------------------------------------------------------------------------------

    def _zeros(self) -> None:
        """Set arrays to 0, then gates, then entries."""
        for name in self._names():
            array = self.best.arrays()[name]
            # All of it first: most arrays of most failures do not matter.
            if self._without(name, np.ones(array.shape, bool)):
                continue
            if name.startswith(("weight", "bias")):
                for gate in range(3):
                    self._without(name, _rows_of_gate(array, gate))
            self._entries(name)

    def _entries(self, name: str) -> None:
        """Set entries of one array to 0, many at a time and then fewer."""
        chunk = int(np.count_nonzero(self.best.arrays()[name]))
        # Halves of what is left, then quarters, down to single entries, as delta debugging has it.
        while chunk := chunk // 2:
            # What was set to 0 is no longer among those left: the next piece begins at the same
            # place.
            start = 0
            while start < len(left := np.flatnonzero(self.best.arrays()[name])):
                if not self._without(
                    name, _marked(self.best.arrays()[name], left[start : start + chunk])
                ):
                    start += chunk

    def _without(self, name: str, marked: NDArray) -> bool:
        """Set the marked entries of an array to 0."""
        array = self.best.arrays()[name]
        if not (marked & (array != 0)).any():
            return False
        return self._takes(self._best_with(name, np.where(marked, np.zeros_like(array), array)))

    def _values(self) -> None:
        """Make the numbers that are left short: all at once, array by array, and entry by entry.

        Nobody reads the numbers of a large array: they stay as they are.
        """
        arrays = self.best.arrays()
        read = [name for name in self._names() if arrays[name].size <= _READABLE]
        # All arrays at once first: where numbers do not matter, six tries are all it takes.
        for plainer in _PLAINER:
            self._takes(with_arrays(self.best, partial(_shortened_if, read, plainer)))
        for name in read:
            for plainer in _PLAINER:
                self._takes(self._best_with(name, _shortened(self.best.arrays()[name], plainer)))
        for name in read:
            for at in np.flatnonzero(self.best.arrays()[name]):
                self._shorten(name, at)

    def _shorten(self, name: str, at: np.intp) -> None:
        """Make one entry short."""
        array = self.best.arrays()[name]
        for plainer in _PLAINER:
            if self._takes(
                self._best_with(
                    name, np.where(_marked(array, at), _shortened(array, plainer), array)
                )
            ):
                return

    def _best_with(self, name: str, array: NDArray) -> AnyCase:
        return with_arrays(self.best, lambda other, own: array if other == name else own)

    def _names(self) -> list[str]:
        """The arrays, the least interesting first."""
        return sorted(
            self.best.arrays(),
            key=lambda name: [name.startswith(known) for known in _ORDER].index(True),
        )


def _is_short(case: AnyCase, least: int) -> bool:
    """Whether a member has fewer steps than the target takes."""
    return (
        isinstance(case, StackCase)
        and case.lengths is not None
        and min(case.lengths.tolist()) < least
    )


def _choices(n: int, least: int, first: bool) -> Iterator[list[int]]:
    """Which of n to keep, as few as possible first: from the front, the last ones, and all but a
    piece.

    first: only from the front.
    """
    k = least
    while k < n:
        yield list(range(k))
        k *= 2
    if first:
        if n > least:
            yield list(range(n - 1))
        return
    if least < n:
        yield list(range(n - least, n))
    piece = n // 2
    while piece and n <= piece * _PIECES:
        if n - piece >= least:
            for start in reversed(range(0, n, piece)):
                yield [i for i in range(n) if not start <= i < start + piece]
        piece //= 2


def _rows_of_gate(array: NDArray, gate: int) -> NDArray:
    """The entries of a packed array that are a gate's."""
    rows = len(array) // 3
    which = np.zeros(array.shape, bool)
    which[gate * rows : (gate + 1) * rows] = True
    return which


def _marked(array: NDArray, places: Any) -> NDArray:
    """The entries at these places of the flat array."""
    which = np.zeros(array.size, bool)
    which[places] = True
    return which.reshape(array.shape)


def _power_of_two(x: Floats) -> Floats:
    return np.asarray(np.copysign(2.0 ** np.round(np.log2(np.abs(x))), x))


#: From numbers other than 0 to shorter ones, the shortest first.
_PLAINER: tuple[Callable[[Floats], Floats], ...] = (
    np.ones_like,
    np.sign,
    np.round,
    _power_of_two,
    lambda x: np.round(x, 1),
    lambda x: np.round(x, 2),
)


def _shortened(array: NDArray, plainer: Callable[[Floats], Floats]) -> NDArray:
    """The array with each number replaced where that is shorter to write; 0 stays 0, and nothing
    becomes 0.
    """
    found = array.copy()
    for at in np.argwhere(array != 0):
        place = tuple(at)
        own = float(array[place])
        # Near the largest number, the next power of two or a decimal may overflow: no warning of
        # that may reach a user whose tests take warnings for errors.
        with np.errstate(over="ignore", invalid="ignore"):
            other = array.dtype.type(plainer(np.array([own]))[0])
        if (
            float(other) != 0
            and math.isfinite(float(other))
            and _length(float(other)) < _length(own)
        ):
            found[place] = other
    return found


def _shortened_if(
    read: list[str], plainer: Callable[[Floats], Floats], name: str, array: NDArray
) -> NDArray:
    if name in read:
        return _shortened(array, plainer)
    return array


def _length(number: float) -> tuple[int, bool]:
    return len(f"{number:g}" if float(f"{number:g}") == number else repr(number)), number < 0
