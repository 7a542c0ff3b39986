"""What an implementation may do with steps that are marked, in place of skipping them or of
starting them from zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic import Array, Ball, NDArray, carried, placed
from gruverify.backends import Declarations
from gruverify.cell import Case, Gradients, masks_of, restarts_of
from gruverify.engine import _unit_marks as unit_marks
from gruverify.engine._readings import Reading
from gruverify.formulas import MaskedRun, Turn, masked_bptt, masked_sequence, step
from gruverify.invariants import (
    STATES,
    Exact,
    Observed,
    Residual,
    compare,
    compared,
    hidden_outputs,
)

#: The states of all steps, T arrays (B, H).
States: TypeAlias = Sequence[Any]
#: Outputs, T arrays (B, H), and the last state (B, H).
Answer: TypeAlias = tuple[States, Any]


@dataclass(frozen=True, eq=False)
class Runs:
    """What a reading of a case returns, whichever steps (T, B) are skipped or start from zeros."""

    exact: Exact
    reading: Reading

    def run(self, **marks: NDArray) -> MaskedRun:
        """Forward. marks: keep, restart, or both."""
        case, exact = self.exact.case, self.exact
        none = np.zeros(case.inputs.shape[:2], bool)
        return masked_sequence(
            self.reading.variant(case.variant),
            self.reading.parameters(exact.parameters),
            exact.inputs,
            self.reading.start(exact.state),
            **{"keep": none, "restart": none, **marks},
            f=self.reading.activations,
        )

    def states(self, **marks: NDArray) -> States:
        """After each step."""
        return self.run(**marks).states[1:]


def _returned(states: States) -> Answer:
    return states, states[-1]


def _some(mask: NDArray, marked: Array, others: Array) -> Array:
    """The rows (B, H) of members that a mask (B,) has, and those of the others."""
    here, there = np.flatnonzero(mask), np.flatnonzero(~mask)
    return placed(others, others.shape, (here, marked[here]), (there, others[there]))


def _zeroed(states: States, hidden: NDArray) -> States:
    """The states, but 0 where they are hidden (T, B)."""
    found = list[Any]()
    for mask, h in zip(hidden, states, strict=True):
        there = np.flatnonzero(~mask)
        found.append(placed(h, h.shape, (there, h[there])))
    return found


def _late(marks: NDArray) -> NDArray:
    return np.concatenate([np.zeros_like(marks[:1]), marks[:-1]])


def _without(marks: NDArray) -> NDArray:
    """The first step (T, B) of members of which no step is marked."""
    found = np.zeros_like(marks)
    found[0] = ~marks.any(axis=0)
    return found


# -- steps that are skipped ------------------------------------------------------------------------


def _lost(runs: Runs, keep: NDArray) -> Answer:
    """The state is multiplied by the mask: the step after starts from zeros."""
    return _returned(_zeroed(runs.states(keep=keep, restart=_late(keep)), keep))


def _underneath(runs: Runs, keep: NDArray) -> Answer:
    """The outputs are repeated, and the state goes on."""
    states, shown = runs.states(), [runs.exact.state]
    for mask, h in zip(keep, states, strict=True):
        shown.append(_some(mask, shown[-1], h))
    return shown[1:], states[-1]


_SKIPPED: Mapping[str, Callable[[Runs, NDArray], Answer]] = {
    "skips no step: the mask is ignored": lambda runs, keep: _returned(runs.states()),
    "skips the steps that are not masked": lambda runs, keep: _returned(runs.states(keep=~keep)),
    "reads the mask one step late": lambda runs, keep: _returned(runs.states(keep=_late(keep))),
    "reads the mask of another member, the last for the first": (
        lambda runs, keep: _returned(runs.states(keep=keep[:, ::-1]))
    ),
    "skips but does not carry: the state after a skipped step is 0": _lost,
    "skips no step: masked steps start from zeros": (
        lambda runs, keep: _returned(runs.states(restart=keep))
    ),
    "skips in the outputs alone: the state goes on underneath": _underneath,
    "skips, and returns the last state of a run without a mask": (
        lambda runs, keep: (runs.states(keep=keep), runs.states()[-1])
    ),
    "ignores the initial state of members that skip no step": (
        lambda runs, keep: _returned(runs.states(keep=keep, restart=_without(keep)))
    ),
}
#: By what masked_outputs may be.
OUTPUTS = {
    "state": "returns the state at skipped steps",
    "last": "returns the last output at skipped steps, 0 before the first",
    "zero": "returns 0 at skipped steps",
}


# -- steps that start from zeros -------------------------------------------------------------------


def _from_the_initial_state(runs: Runs, restart: NDArray) -> Answer:
    reading, exact = runs.reading, runs.exact
    v, p = reading.variant(exact.case.variant), reading.parameters(exact.parameters)
    before, states = exact.state, list[Any]()
    for mask, x in zip(restart, exact.inputs, strict=True):
        begun = _some(mask, exact.state, before)
        states.append(step(v, p, x, begun, reading.activations))
        before = carried(states[-1])
    return _returned(states)


_RESTARTED: Mapping[str, Callable[[Runs, NDArray], Answer]] = {
    "starts no step from zeros: each goes on": lambda runs, marks: _returned(runs.states()),
    "starts the other steps from zeros": lambda runs, marks: _returned(runs.states(restart=~marks)),
    "starts from zeros one step late": (
        lambda runs, marks: _returned(runs.states(restart=_late(marks)))
    ),
    "reads the marks of another member, the last for the first": (
        lambda runs, marks: _returned(runs.states(restart=marks[:, ::-1]))
    ),
    "starts from the initial state, and not from zeros": _from_the_initial_state,
    "skips the steps that should start from zeros": (
        lambda runs, marks: _returned(runs.states(keep=marks))
    ),
    "ignores the initial state of members of which no step starts from zeros": (
        lambda runs, marks: _returned(runs.states(restart=marks | _without(marks)))
    ),
}


# -- both ------------------------------------------------------------------------------------------


_BOTH: Mapping[str, Callable[[NDArray, NDArray], tuple[NDArray, NDArray]]] = {
    "starts no step from zeros that it skips: its state is kept": (
        lambda keep, restart: (keep, restart & ~keep)
    ),
    "skips no step that starts from zeros": lambda keep, restart: (keep & ~restart, restart),
    "skips the steps that should start from zeros, and starts those that it should skip": (
        lambda keep, restart: (restart, keep)
    ),
    # What may be done with one kind alone, too.
    "skips no step: the mask is ignored": (lambda keep, restart: (np.zeros_like(keep), restart)),
    "skips the steps that are not masked": lambda keep, restart: (~keep, restart),
    "reads the mask one step late": lambda keep, restart: (_late(keep), restart),
    "reads the mask of another member, the last for the first": (
        lambda keep, restart: (keep[:, ::-1], restart)
    ),
    "starts no step from zeros: each goes on": (
        lambda keep, restart: (keep, np.zeros_like(restart))
    ),
    "starts the other steps from zeros": lambda keep, restart: (keep, ~restart),
    "starts from zeros one step late": lambda keep, restart: (keep, _late(restart)),
    "reads the marks of another member, the last for the first": (
        lambda keep, restart: (keep, restart[:, ::-1])
    ),
}


#: What is the right thing where the initial state is 0.
_OF_THE_STATE = {
    OUTPUTS["last"],
    "starts from the initial state, and not from zeros",
    "ignores the initial state of members that skip no step",
    "ignores the initial state of members of which no step starts from zeros",
}


# -- their gradients -------------------------------------------------------------------------------


def _not_carried(turn: Turn, members: int) -> Turn:
    return replace(turn, keeps=[])


def _carried_on(turn: Turn, members: int) -> Turn:
    return replace(turn, goes_on=list(range(members)))


#: By method, what its gradients are where they are not those of its values, and what each step
#: then does on the way back.
_BACK: Mapping[str, Mapping[str, Callable[[Turn, int], Turn]]] = {
    "sequence_masked_vjp": {
        "dL/dh' is 0 where a step is skipped: its cotangent is not carried": _not_carried
    },
    "sequence_restarted_vjp": {
        "dL/dh' is not 0 where a step starts from zeros: its cotangent goes on": _carried_on
    },
    "sequence_marked_vjp": {
        "dL/dh' is 0 where a step is skipped: its cotangent is not carried": _not_carried,
        "dL/dh' is not 0 where a step starts from zeros: its cotangent goes on": _carried_on,
    },
}
#: By method that shows states, the one that shows their gradients.
OF_VALUES = {
    "sequence_masked": "sequence_masked_vjp",
    "sequence_restarted": "sequence_restarted_vjp",
    "sequence_marked": "sequence_marked_vjp",
    unit_marks.VALUES: unit_marks.GRADIENTS,
}
METHODS = (*OF_VALUES, *OF_VALUES.values())
_OF_UNITS = (unit_marks.VALUES, unit_marks.GRADIENTS)
#: Those whose cotangents of outputs depend on what is returned at skipped steps.
_SHOW_SKIPPED = ("sequence_masked_vjp", "sequence_marked_vjp")
#: All that may be wrong, in words.
CAUSES = (
    *dict.fromkeys(chain(_SKIPPED, _RESTARTED, _BOTH, *_BACK.values())),
    *unit_marks.CAUSES,
)


def with_marks(reading: Reading, method: str, declared: Declarations) -> list[Reading]:
    """A reading with all that a method that shows states may do with marked steps, or units."""
    if method == unit_marks.VALUES:
        return unit_marks.with_unit_marks(reading, declared)
    if reading.from_zeros:
        return [reading]
    if method == "sequence_masked":
        others = [*_SKIPPED, *_other_outputs(declared)]
    elif method == "sequence_marked":
        others = [*_BOTH, *_other_outputs(declared)]
    else:
        others = [*_RESTARTED]
    if not declared.initial_state:
        others = [words for words in others if words not in _OF_THE_STATE]
    return [reading, *(replace(reading, marks=words) for words in others)]


def _other_outputs(declared: Declarations) -> list[str]:
    """What may be returned at skipped steps besides what is declared."""
    return [words for name, words in OUTPUTS.items() if name != declared.masked_outputs]


def with_gradients(reading: Reading, method: str, declared: Declarations) -> list[Reading]:
    """A reading with all that its gradients may do with marked steps, and those of one that returns
    something else at steps that are skipped.
    """
    if method == unit_marks.GRADIENTS:
        return unit_marks.with_unit_gradients(reading, declared)
    found = [reading, *(replace(reading, lacks=words) for words in _BACK[method])]
    if method in _SHOW_SKIPPED:
        others = {"", *_other_outputs(declared)} - {reading.marks}
        found += [replace(reading, marks=words) for words in sorted(others)]
    return found


def marked_answers(observed: Observed, method: str) -> Any:
    """What a method of `METHODS` answers."""
    if method in _OF_UNITS:
        return unit_marks.answers_with_units(observed, method)
    return observed.ask(method)


def marked_residuals(
    exact: Exact, method: str, reading: Reading, masked_outputs: str, found: Any
) -> list[Residual]:
    """How far what a method of `METHODS` answered is from what a reading gives; masked_outputs is
    what is declared, found what `marked_answers` has.
    """
    if method in _OF_UNITS:
        return unit_marks.unit_residuals(exact, method, reading, found)
    runs, (keep, restart) = Runs(exact, reading), _marks_of(exact.case, method)
    with np.errstate(over="ignore", invalid="ignore"):
        if method in OF_VALUES:
            outputs, last = _answer(runs, method, keep, restart, masked_outputs)
            pairs = enumerate(zip(found[0], outputs, strict=True))
            each = [compare(f"h[t={t}]", "bi", a, ball, scale=STATES) for t, (a, ball) in pairs]
            return [*each, compare("last", "bi", found[1], last, scale=STATES)]
        return _of_gradients(runs, method, keep, restart, masked_outputs, found)


def _marks_of(case: Case, method: str) -> tuple[NDArray, NDArray]:
    """The steps (T, B) that a method is told to skip, and to start from zeros."""
    marks = masks_of(case)
    if method.startswith("sequence_marked"):
        return marks, restarts_of(case)
    none = np.zeros_like(marks)
    if method.startswith("sequence_masked"):
        return marks, none
    return none, marks


def _answer(
    runs: Runs, method: str, keep: NDArray, restart: NDArray, masked_outputs: str
) -> Answer:
    words = runs.reading.marks
    if method == "sequence_restarted" and words:
        return _RESTARTED[words](runs, restart)
    if method == "sequence_masked" and words in _SKIPPED:
        return _SKIPPED[words](runs, keep)
    if words in _BOTH:
        keep, restart = _BOTH[words](keep, restart)
    states = runs.states(keep=keep, restart=restart)
    return _zeroed(states, _hidden(words, keep, masked_outputs)), states[-1]


def _hidden(words: str, keep: NDArray, masked_outputs: str) -> NDArray:
    """The steps whose output is 0, as a reading says, or else as is declared."""
    return hidden_outputs(declared_outputs(words) or masked_outputs, keep)


def _of_gradients(
    runs: Runs,
    method: str,
    keep: NDArray,
    restart: NDArray,
    masked_outputs: str,
    found: Gradients,
) -> list[Residual]:
    case, exact, reading = runs.exact.case, runs.exact, runs.reading
    hidden = _hidden(reading.marks, keep, masked_outputs)
    d_outputs = np.where(hidden[..., None], np.zeros_like(case.d_outputs), case.d_outputs)
    run = runs.run(keep=keep, restart=restart)
    if reading.lacks:
        back = _BACK[method][reading.lacks]
        run = replace(run, turns=[back(turn, len(case.state)) for turn in run.turns])
    cotangents = [Ball.exact(exact.mode, d) for d in d_outputs]
    expected = masked_bptt(run, cotangents, exact.d_last)
    return list(compared(run.variant, found, expected))


def is_of_gradients(reading: Reading) -> bool:
    """Whether there are gradients to hold it against: of a GRU whose steps are skipped, or start
    from zeros, as they should; whatever is returned of those that are skipped.
    """
    return replace(reading, marks="").is_variant and reading.marks in ("", *OUTPUTS.values())


def declared_outputs(words: str) -> str:
    """The value of masked_outputs that says so; "" if none does."""
    return next((name for name, text in OUTPUTS.items() if text == words), "")
