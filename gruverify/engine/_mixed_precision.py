"""Whether a target computes some of its answers in another format than the others: a forward pass
in float32 with a backward pass in float64, say, or gradients of parameters that are stored so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import FORMATS, Format, NDArray, spacing
from gruverify.backends import Backend, NumpyBackend, offers, redeclared
from gruverify.cell import Case, Cell
from gruverify.engine._judge import judge
from gruverify.invariants import INVARIANTS, Obstacle, Trial

#: These hold gradients to the states that were returned, and so to none of another format.
_OF_RETURNED_STATES = ("agreement/each-cotangent", "agreement/long-gradient")
#: What is looked at, in the order in which it is told.
_STATES, _PARAMETERS, _OTHERS = "states", "gradients of parameters", "gradients of inputs and h_0"


def mixed(backend: Backend, cases: Sequence[Case], failed: Sequence[tuple[str, Case]]) -> str:
    """Which answers to the cases, all in one format, are numbers of a narrower one, and which are
    not, in words; or that gradients are those of a wider one; empty if they are alike, or if that
    does not explain what failed: invariants, by their ids, each on its case.
    """
    if not offers(backend, "sequence_vjp"):
        return ""
    fmt = cases[0].format
    narrower = (other for other in FORMATS if other.precision < fmt.precision)
    for other in sorted(narrower, key=lambda other: -other.precision):
        inside = _all_in(other, backend, cases)
        rounded = [what for what, there in inside.items() if there]
        if rounded and len(rounded) < len(inside):
            if _explains({"computes": other.name}, backend, failed):
                rest = [what for what, there in inside.items() if not there]
                return f"{_told(rounded)} in {other.name}, {_told(rest)} in {fmt.name}"
            return ""
    if {id for id, _ in failed} <= {*_OF_RETURNED_STATES}:
        for other in FORMATS:
            if other.precision > fmt.precision and _rounded_from(other, backend, cases):
                return f"gradients in {other.name}, states in {fmt.name}"
    return ""


def _rounded_from(other: Format, backend: Backend, cases: Sequence[Case]) -> bool:
    """Whether all gradients are those of a whole run in a wider format, but for one rounding."""
    for case in cases:
        wide = Trial(_in(other, case), NumpyBackend()).observed.sequence_vjp
        try:
            found = Trial(case, backend).observed.sequence_vjp
        except Obstacle:
            return False
        for name, array in found.items():
            right = np.asarray(getattr(wide, name), np.float64)
            # Of two neighbours either will do: what is half-way was rounded to one of them.
            off = np.abs(array.astype(np.float64) - right)
            if not np.all(off <= spacing(right, case.format)):
                return False
    return True


def _in(other: Format, case: Case) -> Case:
    """The case in a format that has all its numbers."""
    cell = Cell(case.variant, *map(other.cast, case.cell.packed().values()))
    return Case(
        cell,
        inputs=other.cast(case.inputs),
        state=other.cast(case.state),
        d_outputs=other.cast(case.d_outputs),
        d_last=other.cast(case.d_last),
    )


def _told(what: Sequence[str]) -> str:
    if _PARAMETERS in what and _OTHERS in what:
        what = [*(one for one in what if one == _STATES), "gradients"]
    return " and ".join(what)


def _all_in(other: Format, backend: Backend, cases: Sequence[Case]) -> dict[str, bool]:
    """Whether all that is returned of each kind are numbers of that format; nothing, where there is
    no answer.
    """
    found: dict[str, bool] = dict.fromkeys((_STATES, _PARAMETERS, _OTHERS), True)
    for case in cases:
        try:
            for what, array in _answers(Trial(case, backend)):
                found[what] = found[what] and _is_in(other, array)
        except Obstacle:
            return {}
    return found


def _answers(trial: Trial) -> Iterator[tuple[str, NDArray]]:
    if offers(trial.backend, "sequence"):
        yield _STATES, trial.observed.sequence[0]
    else:
        yield _STATES, trial.observed.step
    for name, array in trial.observed.sequence_vjp.items():
        yield _OTHERS if name in ("inputs", "state") else _PARAMETERS, array


def _is_in(other: Format, array: NDArray) -> bool:
    wide = array.astype(np.float64)
    with np.errstate(over="ignore"):
        return bool(np.array_equal(other.cast(wide).astype(np.float64), wide, equal_nan=True))


def _explains(declares: Keywords, backend: Backend, failed: Sequence[tuple[str, Case]]) -> bool:
    """Whether all that failed holds of a target that declares so, but for what cannot."""
    lesser = redeclared(backend, declares)
    return not any(
        judgement.failed
        for id, case in failed
        if id not in _OF_RETURNED_STATES
        for judgement in judge(case, lesser, [INVARIANTS[id]])
    )
