"""What the errors of many steps may follow: that a parameter, a gate's biases or a gate is a share
larger than in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import RARE, NDArray
from gruverify.cell import packed as packed_by_name
from gruverify.judging._errors import Steps

#: How many hypotheses of a kind are held against right runs.
MOST = 4
#: The gates in the order in which they are packed.
_GATES = ("reset gate", "update gate", "candidate")


#: What of the pre-activations (n, H) of a gate, at some steps.
Part: TypeAlias = Callable[[Steps], NDArray]


@dataclass(frozen=True)
class Suspect:
    """A hypothesis: what it is `along` is a share larger, by which share of `part` the
    pre-activations of a gate move; it is `whole` if its parameters are those of many inputs or
    units. `gain` is how much less the errors' sum of squares is with it.
    """

    along: str
    gain: float
    gate: int
    whole: bool
    part: Part


@dataclass(frozen=True, eq=False)
class _Hypotheses:
    """Several of a kind, (k, ...): Σ e f and Σ f² of each, and Σ e² of the so many numbers that it
    is about; `suspect` makes one of them, of its place and what it gains.
    """

    along: NDArray
    squares: NDArray
    errors: NDArray
    numbers: int
    suspect: Callable[[tuple[int, ...], float], Suspect]

    def suspects(self, logarithm: float) -> list[Suspect]:
        """Those that explain more of the errors than normal ones would let them."""
        there = self.squares > 0
        gains = np.where(there, self.along**2 / np.where(there, self.squares, 1.0), 0.0)
        rest = np.maximum(self.errors - gains, 0.0)
        # t² = gain (n-1)/rest, as of any regression; normal tails are at most 2 exp(-t²/2).
        places = np.argwhere(gains * (self.numbers - 1) > 2 * logarithm * rest)
        found = [self.suspect(at, float(gains[at])) for at in map(tuple, places)]
        return sorted(found, key=lambda suspect: -suspect.gain)[:MOST]


def suspects_of(steps: Steps, errors: NDArray) -> tuple[list[Suspect], int]:
    """The hypotheses that explain most of the errors, if any is more than chance, and how many
    there were.
    """
    found = [*_parameters(steps, errors), *_gates(steps, errors)]
    count = sum(int(np.count_nonzero(one.squares)) for one in found)
    suspects = list[Suspect]()
    if count:
        for one in found:
            suspects += one.suspects(float(np.log(2 * count / RARE)))
    return sorted(suspects, key=lambda suspect: -suspect.gain)[:MOST], count


def _parameters(steps: Steps, errors: NDArray) -> Iterator[_Hypotheses]:
    """Each single parameter."""
    sums = steps.along_parameters(errors), steps.squares
    along, squares = (packed_by_name(one, steps.v.bias) for one in sums)
    of_units = np.tile((errors**2).sum(0), 3)
    for name, array in steps.cell.packed().items():
        θ = array.astype(steps.a.h.dtype)
        own = of_units.reshape(-1, *[1] * (θ.ndim - 1))
        suspect = partial(_parameter, steps, name)
        yield _Hypotheses(θ * along[name], θ**2 * squares[name], own, len(steps.rows), suspect)


def _parameter(steps: Steps, name: str, place: tuple[int, ...], gain: float) -> Suspect:
    row, *column = map(int, place)
    gate, unit = divmod(row, steps.cell.hidden_size)
    along = f"{name}{[row, *column]} ({_GATES[gate]} of unit {unit})"

    def part(steps: Steps) -> NDArray:
        by_column, by_unit = steps.factors(name, gate)
        found = np.zeros_like(by_unit)
        θ = float(steps.cell.packed()[name][place])
        found[:, unit] = θ * by_column[:, sum(column)] * by_unit[:, unit]
        return found

    return Suspect(along, gain, gate, False, part)


def _gates(steps: Steps, errors: NDArray) -> Iterator[_Hypotheses]:
    """All that a gate is computed from, of all units or of one, and its biases of either kind."""
    of_units = (errors**2).sum(0)
    for gate, along, part in _parts(steps):
        f = steps.moved(gate, part(steps)) * steps.shares
        follows, squares = (f * errors).sum(0), (f * f).sum(0)
        whole = partial(_whole, along, gate, part)
        every = _total(follows), _total(squares), _total(of_units)
        yield _Hypotheses(*every, errors.size, whole)
        # Before the product one unit's reset gate moves all states.
        if not along.startswith("bias") and (gate or steps.v.reset == "after"):
            single = partial(_of_unit, along, gate, part)
            yield _Hypotheses(follows, squares, of_units, len(steps.rows), single)


def _total(of_units: NDArray) -> NDArray:
    return np.asarray(of_units.sum(keepdims=True))


def _parts(steps: Steps) -> Iterator[tuple[int, str, Part]]:
    """Each gate, with what it is computed from: in words, and as a part of its pre-activations."""
    for gate, words in enumerate(_GATES):
        yield gate, f"all of the {words}", partial(_argument, gate)
        for name in ("bias_ih", "bias_hh"):
            if name in steps.cell.packed():
                yield gate, f"{name} of the {words}", partial(_biases, gate, name)


def _argument(gate: int, steps: Steps) -> NDArray:
    return np.asarray((steps.a.a_r, steps.a.a_z, steps.a.a_c)[gate])


def _biases(gate: int, name: str, steps: Steps) -> NDArray:
    H, by_unit = steps.cell.hidden_size, steps.factors(name, gate)[1]
    own = steps.cell.packed()[name][gate * H : (gate + 1) * H]
    return np.asarray(own.astype(by_unit.dtype) * by_unit)


def _whole(along: str, gate: int, part: Part, _place: tuple[int, ...], gain: float) -> Suspect:
    return Suspect(along, gain, gate, True, part)


def _of_unit(along: str, gate: int, part: Part, place: tuple[int, ...], gain: float) -> Suspect:
    unit = int(place[0])

    def of_unit(steps: Steps) -> NDArray:
        return np.asarray(part(steps) * (np.arange(steps.cell.hidden_size) == unit))

    return Suspect(f"{along} of unit {unit}", gain, gate, True, of_unit)
