"""Less accurate is not the same as wrong: whether one declaration explains everything that failed
in a format.

Whatever failed is judged again, by the same answers' bounds under each hypothesis in turn. One that
a single failure contradicts is dropped for good; a bound that claims nothing explains nothing.
Much explains a few failures, so then small cases are drawn besides them, which must hold as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from gruverify._named import DeclaredValues, JsonObject
from gruverify.arithmetic import Format
from gruverify.backends import Backend, declarations_of, offers, redeclared
from gruverify.cell import AnyCase, Case
from gruverify.engine._hypotheses import Hypothesis, hypotheses
from gruverify.engine._judge import Judgement, judge_trial, trial_of
from gruverify.engine._measured import Measured, measured
from gruverify.engine._small_cases import drawn_for
from gruverify.engine._verdict import VALUES
from gruverify.invariants import Invariant, Obstacle


@dataclass(frozen=True)
class LessAccurate:
    """What explains everything that failed in one format: in words, and as declarations, JSON
    values by their names.

    cases: how many failed; compared: how many comparisons failed; vacuous: of how many of those
    nothing would be claimed under the declaration.
    """

    words: str
    declares: DeclaredValues
    cases: int = 0
    vacuous: int = 0
    compared: int = 0

    def with_cases_of(self, other: LessAccurate) -> LessAccurate | None:
        """Both as one, of different cases; None if they say different things."""
        if (self.words, self.declares) != (other.words, other.declares):
            return None
        more = {
            name: getattr(self, name) + getattr(other, name)
            for name in ("cases", "vacuous", "compared")
        }
        return replace(self, **more)


Lesser: TypeAlias = Mapping[str, "LessAccurate | None"]


def agreed(one: Lesser, other: Lesser) -> dict[str, LessAccurate | None]:
    """What two parts of a run say, by format; of a format in which something failed in both, only
    what both say.
    """
    found = {**one, **other}
    for fmt in one.keys() & other.keys():
        mine, theirs = one[fmt], other[fmt]
        if mine is None or theirs is None:
            found[fmt] = None
        else:
            found[fmt] = mine.with_cases_of(theirs)
    return found


def sentences(found: Mapping[str, LessAccurate], formats: Sequence[str]) -> tuple[str, ...]:
    """One line per cause, with the declaration that would make it conform; `formats` are those of
    the run.
    """
    causes: dict[str, dict[str, LessAccurate]] = {}
    for fmt in formats:
        if fmt in found:
            cause = re.sub(rf"\b{fmt}\b", _FORMAT, found[fmt].words)
            causes.setdefault(cause, {})[fmt] = found[fmt]
    return tuple(
        _sentence(cause, of, formats, alone=len(causes) == 1) for cause, of in causes.items()
    )


#: Stands in a cause for the format that it is about.
_FORMAT = "{format}"


def _sentence(
    cause: str, of: Mapping[str, LessAccurate], formats: Sequence[str], *, alone: bool
) -> str:
    where = "" if alone else f" in {', '.join(of)}"
    cases = sum(one.cases for one in of.values())
    vacuous, compared = (
        sum(one.vacuous for one in of.values()),
        sum(one.compared for one in of.values()),
    )
    if vacuous:
        beyond = f" (of the {compared} comparisons that failed {vacuous} then claim nothing)"
    else:
        beyond = ""
    if 2 * vacuous > compared:
        beyond = (
            f"; {vacuous} of the {compared} comparisons that failed then claim nothing: it "
            "may be wrong besides"
        )
    said = declare(declared_in(of, formats))
    words, every = (
        cause.replace(_FORMAT, " and ".join(of)),
        f"{cases} case{'s' if cases > 1 else ''}",
    )
    return (
        f"everything that failed{where}, in {every}, is explained by {words}: declare "
        f"{said}{beyond}"
    )


def declare(declarations: DeclaredValues) -> str:
    """Declarations as the keywords that make them."""
    return ", ".join(f"{name}={value!r}" for name, value in declarations.items())


def declared_in(of: Mapping[str, LessAccurate], formats: Sequence[str]) -> JsonObject:
    """The declarations: values where all formats of the run have the same, else by format."""
    found: JsonObject = {}
    for name in dict.fromkeys(chain.from_iterable(one.declares for one in of.values())):
        values = {fmt: one.declares[name] for fmt, one in of.items() if name in one.declares}
        first = next(iter(values.values()))
        same = set(values) == set(formats) and all(value == first for value in values.values())
        found[name] = first if same else values
    return found


def _nothing() -> None:
    """Between judgements of which nobody wants to hear."""


#: As many cases as this must hold under what explains them: those that failed, or else drawn ones
#: besides them.
CASES = 8


@dataclass
class _Failure:
    """A case, what failed on it, and of how much of that nothing is claimed by the hypothesis it
    was last held to. beside: whether it was drawn besides those of the run; looks: of which formats
    all that was returned for it are numbers, as far as that is known.
    """

    case: AnyCase
    failing: tuple[Invariant, ...]
    vacuous: int = 0
    beside: bool = False
    looks: dict[Format, bool] = field(default_factory=dict)


@dataclass
class Explaining:
    """The failures of a backend in one format, and the most accurate hypothesis that is left of
    them.

    beat: called between judgements, which may take a while; failed: whether anything did; hopeless:
    whether no hypothesis is left; draws: whether cases may be drawn, as they cannot inside a test
    of Hypothesis.
    """

    backend: Backend
    format: Format
    beat: Callable[[], None] = _nothing
    failed: bool = False
    hopeless: bool = False
    draws: bool = True
    _met: list[_Failure] = field(default_factory=list)
    _left: Iterator[Hypothesis] | None = None
    _current: Hypothesis | None = None
    _held: Hypothesis | None = None

    def meet(self, case: AnyCase, failing: Sequence[Judgement]) -> None:
        """Take a case and what failed on it."""
        self.failed = self.failed or bool(failing)
        if self.hopeless or not failing:
            return
        # An error, or an answer of the wrong shape, is no matter of accuracy.
        if any(judgement.obstacle for judgement in failing):
            self._give_up()
            return
        first = sorted((judgement.invariant for judgement in failing), key=_cost)
        failure = _Failure(case, tuple(first))
        self._met.append(failure)
        if self._left is None:
            self._left = iter(
                hypotheses(declarations_of(self.backend, self.format), self.format, self._measured)
            )
        # The hypothesis in hand explains this one, too: the others need not be tried.
        elif self._current is not None and self._holds(self._current, failure):
            return
        self._advance()

    def found(self) -> LessAccurate | None:
        """What explains everything so far; None if nothing does."""
        self._try_beside()
        # The next may claim more, or be borne out.
        while self._current is not None and not self._is_enough(self._current):
            self._advance()
            self._try_beside()
        if self.hopeless or self._current is None:
            return None
        met = self._failed
        return LessAccurate(
            self._current.words,
            self._current.overrides,
            len(met),
            vacuous=sum(failure.vacuous for failure in met),
            compared=sum(len(failure.failing) for failure in met),
        )

    @property
    def _failed(self) -> list[_Failure]:
        """The failures of the run."""
        return [failure for failure in self._met if not failure.beside]

    def _is_enough(self, hypothesis: Hypothesis) -> bool:
        """Whether what everything agrees with explains it."""
        if self._claims_little(hypothesis, self._failed):
            return False
        # Not in a family's test: there values may fail in that of another.
        return not self.draws or self._is_borne_out(hypothesis)

    def _try_beside(self) -> None:
        """Hold what few failures leave to drawn cases too, and go on to the next hypothesis as long
        as one of them contradicts it, or shows that under it little is claimed of anything.
        """
        # Held against the same drawn cases once for each hypothesis: an answer would not change.
        while self.draws and len(self._met) < CASES and self._current not in (None, self._held):
            self._held = self._current
            against = next((f for f in self._drawn if not self._holds(self._held, f)), None)
            if against is not None:
                self._met.append(against)
                self._advance()
            elif self._claims_little(self._held, self._drawn):
                self._advance()

    def _is_borne_out(self, hypothesis: Hypothesis) -> bool:
        """Whether states have failed, if sequences of them would show what it says of gradients."""
        if not hypothesis.in_values or not offers(self.backend, "sequence"):
            return True
        ids = {invariant.id for failure in self._met for invariant in failure.failing}
        return not ids.isdisjoint(VALUES.ids)

    def _claims_little(self, hypothesis: Hypothesis, failures: Sequence[_Failure]) -> bool:
        """Whether most comparisons then claim nothing, unless the sums were seen to be to blame."""
        compared = sum(len(failure.failing) for failure in failures)
        vacuous = sum(failure.vacuous for failure in failures)
        borne_out = hypothesis.sums_lost and self._measured.sums_in_format
        return 2 * vacuous > compared and not borne_out

    @cached_property
    def _drawn(self) -> list[_Failure]:
        """Small cases of the cells that failed, with everything that did."""
        of_cells = [failure for failure in self._met if isinstance(failure.case, Case)]
        variants = list(dict.fromkeys(failure.case.variant for failure in of_cells))
        failing = tuple(dict.fromkeys(chain.from_iterable(failure.failing for failure in of_cells)))
        if not failing:
            return []
        drawn = drawn_for(self.backend, self.format, variants, 0, CASES)
        return [_Failure(case, failing, beside=True) for case in drawn]

    @cached_property
    def _measured(self) -> Measured:
        return measured(self.backend, self.format)

    def _advance(self) -> None:
        """On to the next hypothesis that everything met so far agrees with."""
        assert self._left is not None
        for hypothesis in self._left:
            # The latest first: it is the one that the hypothesis before did not explain.
            if all(self._holds(hypothesis, failure) for failure in reversed(self._met)):
                self._current = hypothesis
                return
        self._give_up()

    def _give_up(self) -> None:
        self._current, self.hopeless = None, True
        self._met.clear()

    def _holds(self, hypothesis: Hypothesis, failure: _Failure) -> bool:
        """Whether all of it holds under the hypothesis."""
        self.beat()
        case, failing = failure.case, failure.failing
        if hypothesis.representable is not None and not self._looks(
            hypothesis.representable, failure
        ):
            return False
        failure.vacuous = held = 0
        # A declaration may rule an invariant out: then fewer are judged than failed, which is no
        # excuse.
        trial = trial_of(case, redeclared(self.backend, hypothesis.overrides))
        for judgement in judge_trial(trial, failing, first=True):
            if judgement.failed:
                return False
            held += 1
            failure.vacuous += judgement.tally.unclaimed
        return held == len(failing)

    def _looks(self, fmt: Format, failure: _Failure) -> bool:
        """Whether what was returned for it are numbers of that format; asked once, for many
        hypotheses are about the same one.
        """
        if fmt not in failure.looks:
            failure.looks[fmt] = returned_in(fmt, failure.case, self.backend)
        return failure.looks[fmt]


def _cost(invariant: Invariant) -> tuple[bool, bool]:
    """Values come first, for most hypotheses are contradicted by those; what makes calls of its own
    comes last.
    """
    return invariant.id not in VALUES.ids, invariant.asks_more


def returned_in(fmt: Format, case: AnyCase, backend: Backend) -> bool:
    """Whether every state that the backend returns for the case is a number of that format."""
    observed: Any = trial_of(case, backend).observed
    shown = 0
    for method in ("step", "sequence", "stack"):
        if method not in vars(type(observed)):
            continue
        try:
            answer = getattr(observed, method)
        except Obstacle:
            continue
        for states in answer if isinstance(answer, tuple) else (answer,):
            wide = states.astype(np.float64)
            shown += 1
            with np.errstate(over="ignore"):
                if not np.array_equal(fmt.cast(wide).astype(np.float64), wide, equal_nan=True):
                    return False
    return shown > 0
