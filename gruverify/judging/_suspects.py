"""What the errors of many steps may follow: that a parameter, a gate's biases or a gate is a share
larger than in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from gruverify.arithmetic import RARE, NDArray
from gruverify.cell import packed as packed_by_name
from gruverify.judging._errors import Steps

#: How many hypotheses of a kind are held against right runs.
MOST = 4
#: The gates in the order in which they are packed.
_GATES = ("reset gate", "update gate", "candidate")


@dataclass(frozen=True)
class Suspect:
    """A hypothesis: what it is `along` is a share larger, by which share of `part` (n, H) the
    pre-activations of a gate move; it is `whole` if its parameters are those of many inputs or
    units. `gain` is how much less the errors' sum of squares is with it.
    """

    along: str
    gain: float
    gate: int
    whole: bool
    part: Callable[[], NDArray]


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

    def part() -> NDArray:
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
        f = steps.moved(gate, part) * steps.shares
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


def _parts(steps: Steps) -> Iterator[tuple[int, str, NDArray]]:
    """Each gate, with what it is computed from: in words, and as a part (n, H) of its
    pre-activations.
    """
    a, H, packed = steps.a, steps.cell.hidden_size, steps.cell.packed()
    for gate, argument in enumerate((a.a_r, a.a_z, a.a_c)):
        yield gate, f"all of the {_GATES[gate]}", np.asarray(argument)
        for name in ("bias_ih", "bias_hh"):
            if name in packed:
                own = packed[name][gate * H : (gate + 1) * H].astype(a.h.dtype)
                yield gate, f"{name} of the {_GATES[gate]}", own * steps.factors(name, gate)[1]


def _whole(along: str, gate: int, part: NDArray, _place: tuple[int, ...], gain: float) -> Suspect:
    return Suspect(along, gain, gate, True, lambda: part)


def _of_unit(along: str, gate: int, part: NDArray, place: tuple[int, ...], gain: float) -> Suspect:
    unit = int(place[0])
    alone = np.arange(part.shape[1]) == unit
    return Suspect(f"{along} of unit {unit}", gain, gate, True, lambda: part * alone)
