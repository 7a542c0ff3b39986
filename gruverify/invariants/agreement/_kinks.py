"""Activation functions that are declared, where they bend, jump or end: there other slopes, other
parameters and other clips show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import Declarations
from gruverify.cell import Case
from gruverify.invariants.core._changes import pinned
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Residual, compare
from gruverify.invariants.core._trial import Change, Trial

#: Next to where a function bends: half open, and far on both sides.
_ANYWHERE = (0.5, -0.5, 8.0, -8.0)


@invariant(
    "agreement/kinks",
    "h where the gates and the candidate are at the kinks, ends and jumps of the functions that "
    "are declared, at the clip, next to them and beyond",
    source="theory 2, (2.1); docs/tolerances.md, activation functions",
    since="0.2",
    needs=["step"],
    asks_more=True,
    unless={"other_functions": False},
)
def kinks(trial: Trial) -> Iterator[Residual]:
    case = trial.case
    gate, candidate = levels(case, trial.declared)
    most, H = max(len(gate), len(candidate)), case.cell.hidden_size
    # As many units as there are at a time, until each level was some unit's.
    for first in range(0, most, H):
        at = trial.on(_at(gate, candidate, first))
        yield compare("h at the kinks", "bi", at.observed.step, at.exact.next_state, scale=STATES)


def levels(case: Case, declared: Declarations) -> tuple[NDArray, NDArray]:
    """Pre-activations of a gate, and of the candidate, that tell functions and clips apart."""
    ends = () if declared.clip is None else (declared.clip, -declared.clip)
    functions = declared.functions
    gate = _around(case, (*functions.gate.kinks, *ends))
    return gate, _around(case, (*functions.candidate.kinks, *ends))


def _around(case: Case, places: tuple[float, ...]) -> NDArray:
    """Each place, the numbers of the format next to it, and others beyond it."""
    found = list[float](_ANYWHERE)
    for place in places:
        near = case.format.cast(np.array(place))
        for towards in (-np.inf, np.inf):
            found.append(float(np.nextafter(near, near.dtype.type(towards))))
        found += [float(near), place + 0.5, place - 0.5]
    return np.array(found)


def _at(gate: NDArray, candidate: NDArray, first: int) -> Change:
    """Units whose pre-activations are the levels from `first` on; each gate begins elsewhere."""

    def change(case: Case) -> Case:
        units = first + np.arange(case.cell.hidden_size)
        return pinned(
            case,
            r=gate[units % len(gate)],
            z=gate[(units + 3) % len(gate)],
            c=candidate[(units + 1) % len(candidate)],
        )

    return change
