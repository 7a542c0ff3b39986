"""Which declaration of what it can be asked a target lacks: found out by asking it again, as if it
had declared that.

Every case that failed must be explained, and none that passed may speak against it. It is a
question to the author, and changes no verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from gruverify._named import DeclaredValues
from gruverify.backends import (
    Backend,
    declarations_of,
    declared_variants,
    derived_methods,
    offers,
    redeclared,
)
from gruverify.cell import AnyCase, Case
from gruverify.engine._judge import Judgement, judge, trial_of
from gruverify.engine._lacking import as_declared, as_read
from gruverify.engine._smaller import part, with_arrays
from gruverify.engine._suggestions import Suggestion, spelled
from gruverify.engine._verdict import VALUES
from gruverify.invariants import INVARIANTS, Invariant, Obstacle, Trial, compare

#: So many cases must speak for a declaration, and that many be right besides them.
_SEVERAL = 3
#: Of the cases that passed, that many are asked again; and they are kept until they have so many
#: numbers together.
_AGAIN, _KEPT = 50, 2**22
#: Up to that many steps the shortest length is looked for, and these are the sizes that a target
#: may be built for.
_LONGEST, _PROBED = 17, (*range(1, 9), 16, 32)
#: What says whether a method answered at all.
_SHAPES = {"contract/shape-sequence", "contract/shape-stack", "contract/shape-step"}


@dataclass(frozen=True)
class _Met:
    """A case, what failed on it, and whether its values were asked for in vain: raised or
    declined.
    """

    case: AnyCase
    failing: tuple[Invariant, ...]
    in_vain: frozenset[str]
    raised: bool


@dataclass
class Undeclared:
    """The cases of one kind in one format, and the declaration that is missing in their light."""

    backend: Backend
    _failing: list[_Met] = field(default_factory=list)
    _passing: list[_Met] = field(default_factory=list)
    _numbers: int = 0

    def meet(self, case: AnyCase, judgements: Sequence[Judgement]) -> None:
        """Take a case and how it was judged."""
        failing = tuple(j.invariant for j in judgements if j.failed)
        shapes = [j for j in judgements if j.invariant.id in _SHAPES]
        in_vain = frozenset(
            j.invariant.needs[0] for j in shapes if j.tally.error or j.tally.declined
        )
        met = _Met(case, failing, in_vain, any(j.obstacle for j in judgements if j.failed))
        if failing or in_vain:
            self._failing.append(met)
        elif self._numbers < _KEPT and any(
            j.tally.judged for j in judgements if j.invariant.id in VALUES.ids
        ):
            self._numbers += sum(array.size for array in case.arrays().values())
            self._passing.append(met)

    @property
    def failing(self) -> bool:
        """Whether anything failed, or was asked in vain."""
        return bool(self._failing)

    def found(self) -> str:
        """A sentence that names the declaration; empty if none explains everything."""
        if len(self._failing) < _SEVERAL:
            return ""
        return next((said for said in self._sentences() if said), "")

    def _sentences(self) -> Iterator[str]:
        yield self._initial_state()
        yield self._min_length()
        yield self._sizes()
        yield self._state_gradient()
        yield from self._masked_outputs()
        yield self._left_out("nan", "undefined", "a NaN is neither passed on nor refused")
        yield self._left_out(
            "separate_passes", True, "parts of a gradient differ as those of separate passes do"
        )

    def _masked_outputs(self) -> Iterator[str]:
        """What is returned as the output of a step that a member skips, if that is all."""
        if not offers(self.backend, "sequence_masked"):
            return
        others = {
            "zero": "a step was skipped, whose output is 0",
            "last": "a step was skipped before the first, whose output is 0",
        }
        for value, words in others.items():
            yield self._left_out("masked_outputs", value, words)

    # -- what features of the cases suggest --------------------------------------------------------

    def bears_out(self, suggestion: Suggestion) -> bool:
        """Whether, on every case that failed, the target raises or ignores what the declaration
        leaves out, and is right where it is not there.

        Who fails because of what was there, such as biases in another order, lacks no declaration.
        """
        declares = suggestion.name, suggestion.value
        declared = redeclared(self.backend, _declaring(self.backend, *declares))
        for met in self._failing:
            if not all(
                _ignores(met.case, as_read(met.case, *declares), self.backend, m)
                for m in self._methods(met)
            ):
                return False
            asked = as_declared(met.case, *declares)
            if asked is not None and any(
                judgement.failed for judgement in judge(asked, declared, met.failing)
            ):
                return False
        return True

    def _methods(self, met: _Met) -> list[str]:
        """What shows the target's values on a case."""
        return [
            method
            for method in ("step", "sequence", "stack")
            if _has(met.case, self.backend, method)
        ]

    # -- what the declaration leaves out, and nothing else -----------------------------------------

    def _left_out(self, name: str, value: object, words: str) -> str:
        """Everything that failed is what the declaration leaves out, and the target's values are
        right.
        """
        if not self._passing_values() or not self._explains({name: value}):
            return ""
        return (
            f"failed in {len(self._failing)} cases, only where {words}: declare "
            f"{spelled(name, value)}?"
        )

    def _passing_values(self) -> bool:
        """Whether no value that was asked for was wrong or missing."""
        for met in self._failing:
            if met.in_vain or met.raised or any(one.id in VALUES.ids for one in met.failing):
                return False
        return True

    def _explains(self, declares: DeclaredValues) -> bool:
        """Whether all that failed fails again, and holds under the declaration or is no longer
        asked.
        """
        for met in self._failing:
            again = [judgement.failed for judgement in judge(met.case, self.backend, met.failing)]
            if not again or not all(again):
                return False
        return self._holds(declares)

    def _holds(self, declares: DeclaredValues, without: Collection[str] = ()) -> bool:
        """Whether all that failed holds under the declaration or is no longer asked; but for what
        some methods show.
        """
        as_declared = redeclared(self.backend, declares)
        for met in self._failing:
            asked = [one for one in met.failing if not set(without) & set(one.needs)]
            if any(judgement.failed for judgement in judge(met.case, as_declared, asked)):
                return False
        return True

    # -- declarations that need evidence of their own ----------------------------------------------

    def _state_gradient(self) -> str:
        """The gradient of the initial state is always 0, and the others are right."""
        if not declarations_of(self.backend).state_gradient or not self._passing_values():
            return ""
        asked = [*self._failing, *self._passing[:_AGAIN]]
        if any(_gradient_of_state(met.case, self.backend) for met in asked):
            return ""
        if not self._explains({"state_gradient": False}):
            return ""
        return (
            "the gradient of the initial state is always 0, and the others are right: declare "
            "state_gradient=False?"
        )

    def _initial_state(self) -> str:
        """From zeros it is right; another state it refuses, or it answers as from zeros."""
        if not declarations_of(self.backend).initial_state:
            return ""
        # Only what starts elsewhere can show it: from zeros both readings are the same.
        moved = [met for met in (*self._failing, *self._passing[:_AGAIN]) if _starts(met.case)]
        ways = {_answer_from(met.case, self.backend) for met in moved}
        if len(ways) != 1 or None in ways or not self._holds({"initial_state": False}):
            return self._without_state()
        (way,) = ways
        return (
            f"{way} the initial state in {len(moved)} of {len(moved)} cases: declare "
            "initial_state=False?"
        )

    def _without_state(self) -> str:
        """What to declare where the target takes no state, not even zeros, and is right so."""
        if self._passing or not self._failing:
            return ""
        if not all(_right_without(met.case, self.backend) for met in self._failing):
            return ""
        count = len(self._failing)
        return (
            f"raised wherever a state was given, {count} of {count} times: declare "
            "initial_state=False?"
        )

    def _min_length(self) -> str:
        """Whatever is shorter is in vain, and nothing else."""
        asked = [_plain(met.case) for met in (*self._failing, *self._passing[:_AGAIN])]
        if not self._in_vain() or declarations_of(self.backend).min_length > 1:
            return ""
        # The first length that is answered rightly; then all shorter ones must be in vain, and the
        # next one right, on every case.
        least = next(
            (t for t in range(1, _LONGEST) if _is_right(_of_steps(asked[0], t), self.backend)), 1
        )
        if least == 1:
            return ""
        for case in asked:
            if any(not _is_in_vain(_of_steps(case, t), self.backend) for t in range(1, least)):
                return ""
            if not all(_is_right(_of_steps(case, t), self.backend) for t in (least, least + 1)):
                return ""
        # A step that is derived from a sequence of one is not derived of longer ones.
        if not self._holds({"min_length": least}, without=derived_methods(self.backend)):
            return ""
        asked_of = f"{len(asked)} cases"
        return (
            f"no answer with T < {least}, and right from there on in {asked_of}: declare "
            f"min_length={least}?"
        )

    def _sizes(self) -> str:
        """What to declare where the target is right at one size alone, of H, I or both."""
        if not self._in_vain():
            return ""
        first = _plain(self._failing[0].case)
        met = [(one.case.sizes["H"], one.case.sizes["I"]) for one in self._passing]
        # Sizes that were answered already come first: they are sure to be among those it is built
        # for.
        tried = dict.fromkeys([*met, *product(_PROBED, _PROBED)])
        answered = [
            (H, I) for H, I in tried if not _is_in_vain(_of_size(first, H, I), self.backend)
        ]
        declares = {
            name: found.pop()
            for name, found in zip(
                ("hidden_size", "input_size"), map(set, zip(*answered, strict=True)), strict=False
            )
            if len(found) == 1
        }
        if not declares or not self._holds(declares):
            return ""
        H, I = answered[0]
        asked = [*self._failing, *self._passing[:_AGAIN]]
        if not all(_is_right(_of_size(_plain(one.case), H, I), self.backend) for one in asked):
            return ""
        said = ", ".join(f"{name}={size}" for name, size in declares.items())
        return (
            f"no answer at any other size, and right there in {len(asked)} cases: declare {said}?"
        )

    def _in_vain(self) -> bool:
        """Whether anything was asked in vain."""
        return any(met.in_vain or met.raised for met in self._failing)


# -- asking a target again -------------------------------------------------------------------------


def _state_name(case: AnyCase) -> str:
    if isinstance(case, Case):
        return "state"
    return "states"


def _starts(case: AnyCase) -> bool:
    """Whether the case starts from anything but zeros."""
    return bool(case.arrays()[_state_name(case)].any())


def _plain(case: AnyCase) -> AnyCase:
    """A stack's case without lengths: all its members have all steps."""
    if isinstance(case, Case):
        return case
    return replace(case, lengths=None)


def _of_steps(case: AnyCase, T: int) -> AnyCase:
    """The case with that many steps, its own over again where it has fewer."""
    return part(case, "T", [step % case.sizes["T"] for step in range(T)])


def _of_size(case: AnyCase, H: int, I: int) -> AnyCase:
    """The case with that many units and inputs, its own over again where it has fewer."""
    units = part(case, "H", [unit % case.sizes["H"] for unit in range(H)])
    return part(units, "I", [column % case.sizes["I"] for column in range(I)])


def _values(case: AnyCase, backend: Backend) -> list[Judgement]:
    """How the target's own values are judged; what is derived of them says no more."""
    derived = derived_methods(backend)
    own = [INVARIANTS[id] for id in VALUES.ids if not set(INVARIANTS[id].needs) & set(derived)]
    return list(judge(case, backend, own))


def _is_right(case: AnyCase, backend: Backend) -> bool:
    """Whether its values are, where there are any."""
    judged = _values(case, backend)
    return any(j.tally.judged for j in judged) and not any(
        j.failed or j.tally.declined for j in judged
    )


def _is_in_vain(case: AnyCase, backend: Backend) -> bool:
    """Whether none of its methods answers."""
    methods = [
        m
        for m in ("step", "sequence", "stack")
        if _has(case, backend, m) and m not in derived_methods(backend)
    ]
    observed = trial_of(case, backend).observed
    return bool(methods) and not any(_answers(observed, method) for method in methods)


def _answers(observed: object, method: str) -> bool:
    try:
        getattr(observed, method)
    except Obstacle:
        return False
    return True


def _answer_from(case: AnyCase, backend: Backend) -> str | None:
    """What it does with the state of a case: "raised on" it, or "ignored" it; None if neither, or
    if it is wrong from zeros, too.
    """
    name = _state_name(case)
    zero = with_arrays(case, lambda other, own: np.zeros_like(own) if other == name else own)
    values = [INVARIANTS[id] for id in VALUES.ids]
    judged = [
        judgement for judgement in judge(zero, backend, values) if not judgement.tally.declined
    ]
    if not any(judgement.tally.judged for judgement in judged) or any(
        judgement.failed for judgement in judged
    ):
        return None
    methods = [method for method in ("step", "sequence", "stack") if _has(case, backend, method)]
    ways = {_way(case, zero, backend, method) for method in methods}
    if len(ways) == 1:
        return ways.pop()
    return None


def _has(case: AnyCase, backend: Backend, method: str) -> bool:
    return offers(backend, method) and isinstance(case, Case) == (method != "stack")


def _way(case: AnyCase, zero: AnyCase, backend: Backend, method: str) -> str | None:
    try:
        from_zeros: Any = getattr(trial_of(zero, backend).observed, method)
    except Obstacle:
        return None
    try:
        answer: Any = getattr(trial_of(case, backend).observed, method)
    except Obstacle:
        return "raised on"
    if np.array_equal(_first(answer), _first(from_zeros), equal_nan=True):
        return "ignored"
    return None


def _ignores(case: AnyCase, read: AnyCase | None, backend: Backend, method: str) -> bool:
    """Whether a method raises on a case, or answers as for what it would be read as."""
    try:
        answer: Any = getattr(trial_of(case, backend).observed, method)
    except Obstacle:
        return True
    if read is None:
        return False
    try:
        other: Any = getattr(trial_of(read, backend).observed, method)
    except Obstacle:
        return False
    return np.array_equal(_last(answer), _last(other), equal_nan=True)


def _declaring(backend: Backend, name: str, value: Any) -> DeclaredValues:
    """The declaration with what follows from it for the backend: biases are those of every
    variant.
    """
    if name != "biases":
        return {name: value}
    variants = dict.fromkeys(
        replace(variant, biases=value) for variant in declared_variants(backend)
    )
    return {"biases": None, "variants": tuple(variants)}


def _last(answer: object) -> Any:
    if isinstance(answer, tuple):
        return answer[-1]
    return answer


def _first(answer: object) -> Any:
    if isinstance(answer, tuple):
        return answer[0]
    return answer


def _right_without(case: AnyCase, backend: Backend) -> bool:
    """Whether its sequence is right where it is given no state, and raises where it is given
    one.
    """
    if not isinstance(case, Case) or not offers(backend, "sequence"):
        return False
    zero: Any = with_arrays(
        case, lambda other, own: np.zeros_like(own) if other == "state" else own
    )
    trial = Trial(zero, backend)
    try:
        outputs, _ = trial.observed.ask("sequence", state=None)
    except Obstacle:
        return False
    states = zip(outputs, trial.exact.run.states[1:], strict=True)
    if any(compare("h", "bi", answer, ball).margin > 1 for answer, ball in states):
        return False
    try:
        _ = trial.observed.sequence
    except Obstacle:
        return True
    return False


def _gradient_of_state(case: AnyCase, backend: Backend) -> bool:
    """Whether a gradient of the initial state is other than 0, or there is none to be read."""
    observed: Any = trial_of(case, backend).observed
    methods = ["stack_vjp"]
    if isinstance(case, Case):
        methods = ["sequence_vjp", "step_vjp"]
    asked = [method for method in methods if offers(backend, method)]
    for method in asked:
        try:
            found = getattr(observed, method)
        except Obstacle:
            return True
        if isinstance(case, Case):
            state = found.state
        else:
            state = found.states
        if state is None or np.any(state != 0):
            return True
    return not asked
