"""What an implementation may do with units that are to keep their state, or a share of it, in place
of zoneout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic import Array, NDArray, carried, placed
from gruverify.backends import Declarations
from gruverify.cell import unit_masks_of, unit_shares_of
from gruverify.engine._readings import Reading
from gruverify.formulas import (
    Activations,
    Bptt,
    Parting,
    activations,
    mixed,
    next_state,
    parted,
    sequence,
    zoneout_bptt,
    zoneout_sequence,
)
from gruverify.invariants import STATES, Exact, Observed, Residual, compare, compared

#: Outputs, T arrays (B, H), and the last state (B, H).
Answer: TypeAlias = tuple[Sequence[Any], Any]
#: A mask (T, B, H) of bool or shares (T, B, H), and what was answered to it.
Asked: TypeAlias = tuple[NDArray, Any]

VALUES, GRADIENTS = "sequence_zoneout", "sequence_zoneout_vjp"


@dataclass(frozen=True, eq=False)
class ZoneoutRuns:
    """What a reading of a case returns, whichever units keep their state; keep_units: a mask
    (T, B, H) of bool, or shares (T, B, H).
    """

    exact: Exact
    reading: Reading

    @property
    def _cell(self) -> tuple[Any, Any]:
        exact, reading = self.exact, self.reading
        return reading.variant(exact.case.variant), reading.parameters(exact.parameters)

    def keeps(self, keep_units: NDArray) -> Any:
        """The mask itself, or the shares in the arithmetic of all the rest."""
        if keep_units.dtype == bool:
            return keep_units
        return [self.exact.lifted(share) for share in keep_units]

    def zoneout(self, keep_units: NDArray) -> Answer:
        """As it should be."""
        exact, f = self.exact, self.reading.activations
        keeps = self.keeps(keep_units)
        start = self.reading.start(exact.state)
        run = zoneout_sequence(*self._cell, exact.inputs, start, keeps, f)
        return run.states[1:], run.states[-1]

    def plain(self) -> Sequence[Any]:
        """The initial state, and that after each step of a run without zoneout."""
        exact = self.exact
        run = sequence(*self._cell, exact.inputs, exact.state, self.reading.activations)
        return run.states

    def stepping(
        self, keep_units: NDArray, after: Callable[[Any, Array, Activations], Array]
    ) -> Answer:
        """With another step: from the variant, what the units keep and the activations."""
        v, p = self._cell
        h, states = self.exact.state, list[Any]()
        for kept, x in zip(self.keeps(keep_units), self.exact.inputs, strict=True):
            states.append(after(v, kept, activations(v, p, x, h, self.reading.activations)))
            h = carried(states[-1])
        return states, states[-1]

    def gradients(self, keep_units: NDArray, parting: Parting = parted) -> Bptt:
        """At both cotangents, which may be parted otherwise on the way back."""
        exact, f = self.exact, self.reading.activations
        keeps = self.keeps(keep_units)
        run = zoneout_sequence(*self._cell, exact.inputs, exact.state, keeps, f)
        d_outputs = [exact.lifted(d) for d in exact.case.d_outputs]
        return zoneout_bptt(run, d_outputs, exact.d_last, parting)


# -- other masks and shares ------------------------------------------------------------------------


def _inverted(keep_units: NDArray) -> NDArray:
    if keep_units.dtype == bool:
        return ~keep_units
    rest: NDArray = 1 - keep_units
    return rest


def _late(keep_units: NDArray) -> NDArray:
    return np.concatenate([np.zeros_like(keep_units[:1]), keep_units[:-1]])


def _of_shares(other: Callable[[NDArray], NDArray]) -> Callable[[NDArray], NDArray]:
    """Of shares alone: masks are as they should be."""

    def only(keep_units: NDArray) -> NDArray:
        if keep_units.dtype == bool:
            return keep_units
        return other(keep_units)

    return only


_MASKS: Mapping[str, Callable[[NDArray], NDArray]] = {
    "keeps no unit's state: the mask of units is ignored": np.zeros_like,
    "keeps the other units: the mask of units is inverted": _inverted,
    "reads the mask of units one step late": _late,
    "reads the mask of units of the first step at every step": (
        lambda keep: np.repeat(keep[:1], len(keep), axis=0)
    ),
    "reads the mask of units of the first member for every member": (
        lambda keep: np.repeat(keep[:, :1], keep.shape[1], axis=1)
    ),
    "reads the mask of units of another member, the last for the first": (
        lambda keep: keep[:, ::-1]
    ),
    "reads the mask of units of another unit, the last for the first": (
        lambda keep: keep[..., ::-1]
    ),
}
_SHARES: Mapping[str, Callable[[NDArray], NDArray]] = {
    "ignores the shares: no unit keeps one": _of_shares(np.zeros_like),
    "multiplies the new state with the share, and the old one with the rest": _of_shares(_inverted),
    "takes a share for a mask: whoever keeps any keeps everything": _of_shares(lambda k: k != 0),
}


# -- other states ----------------------------------------------------------------------------------


def _outputs_alone(runs: ZoneoutRuns, keep_units: NDArray) -> Answer:
    states = runs.plain()
    keeps = zip(runs.keeps(keep_units), states[:-1], states[1:], strict=True)
    shown = [mixed(kept, before, after) for kept, before, after in keeps]
    return shown, shown[-1]


def _dropped(v: Any, kept: Array, a: Activations) -> Array:
    """Nothing is left of what should be kept."""
    return parted(kept, next_state(v, a))[1]


def _of_the_candidate(v: Any, kept: Array, a: Activations) -> Array:
    """What should be kept is taken off the candidate, as recurrent dropout does."""
    return next_state(v, replace(a, c=parted(kept, a.c)[1]))


_STATES: Mapping[str, Callable[[ZoneoutRuns, NDArray], Answer]] = {
    "drops units out: where one should keep its state, it is 0": (
        lambda runs, keep: runs.stepping(keep, _dropped)
    ),
    "applies the mask of units to the candidate, and not to the state": (
        lambda runs, keep: runs.stepping(keep, _of_the_candidate)
    ),
    "keeps units in the outputs alone: the state goes on underneath": _outputs_alone,
}


# -- other gradients -------------------------------------------------------------------------------


def _not_carried(kept: Array, g: Array) -> tuple[Array, Array]:
    return placed(g, g.shape), parted(kept, g)[1]


def _both_ways(kept: Array, g: Array) -> tuple[Array, Array]:
    return parted(kept, g)[0], g


_GRADIENTS: Mapping[str, Callable[[ZoneoutRuns, NDArray], Bptt]] = {
    "dL/dh' lacks what units keep: its cotangent is not carried": (
        lambda runs, keep: runs.gradients(keep, _not_carried)
    ),
    "the cotangent of what a unit keeps goes through the step, too": (
        lambda runs, keep: runs.gradients(keep, _both_ways)
    ),
    "its gradients are those of a run in which no unit keeps its state": (
        lambda runs, keep: runs.gradients(np.zeros_like(keep))
    ),
}
_GRADIENTS_OF_SHARES: Mapping[str, Callable[[ZoneoutRuns, NDArray], Bptt]] = {
    "its gradients are those of a share of the new state": (
        lambda runs, keep: runs.gradients(_of_shares(_inverted)(keep))
    ),
}
#: All that may be wrong, in words.
CAUSES = (*_MASKS, *_STATES, *_SHARES, *_GRADIENTS, *_GRADIENTS_OF_SHARES)


def with_unit_marks(reading: Reading, declared: Declarations) -> list[Reading]:
    """A reading with all that its values may do with units that keep their state."""
    if reading.from_zeros:
        return [reading]
    others = [*_MASKS, *_STATES]
    if declared.zoneout == "shares":
        others += _SHARES
    return [reading, *(replace(reading, marks=words) for words in others)]


def with_unit_gradients(reading: Reading, declared: Declarations) -> list[Reading]:
    """A reading with all that its gradients may do with units that keep their state."""
    others = [*_GRADIENTS]
    if declared.zoneout == "shares":
        others += _GRADIENTS_OF_SHARES
    return [reading, *(replace(reading, lacks=words) for words in others)]


def answers_with_units(observed: Observed, method: str) -> list[Asked]:
    """What a method answers to the masks of a case, and to shares where it declares them."""
    masks, shares = unit_masks_of(observed.case), unit_shares_of(observed.case)
    found = [(masks, observed.ask(method))]
    if observed.declared.zoneout == "shares":
        found.append((shares, observed.fresh_answer(method, keep_units=shares)))
    return found


def unit_residuals(
    exact: Exact, method: str, reading: Reading, asked: Sequence[Asked]
) -> list[Residual]:
    """How far what was answered is from what a reading gives."""
    runs, found = ZoneoutRuns(exact, reading), list[Residual]()
    with np.errstate(over="ignore", invalid="ignore"):
        for keep_units, answer in asked:
            if method == GRADIENTS:
                expected = _gradients(runs, keep_units)
                found += compared(reading.variant(exact.case.variant), answer, expected)
            else:
                found += _of_values(_answer(runs, keep_units), answer)
    return found


def _of_values(expected: Answer, answer: Any) -> list[Residual]:
    outputs, last = expected
    pairs = enumerate(zip(answer[0], outputs, strict=True))
    each = [compare(f"h[t={t}]", "bi", a, ball, scale=STATES) for t, (a, ball) in pairs]
    return [*each, compare("last", "bi", answer[1], last, scale=STATES)]


def _answer(runs: ZoneoutRuns, keep_units: NDArray) -> Answer:
    words = runs.reading.marks
    if words in _STATES:
        return _STATES[words](runs, keep_units)
    other = {**_MASKS, **_SHARES}.get(words)
    if other is not None:
        keep_units = other(keep_units)
    return runs.zoneout(keep_units)


def _gradients(runs: ZoneoutRuns, keep_units: NDArray) -> Bptt:
    other = {**_GRADIENTS, **_GRADIENTS_OF_SHARES}.get(runs.reading.lacks)
    if other is None:
        return runs.gradients(keep_units)
    return other(runs, keep_units)
