"""Which GRU an implementation is: every reading of a cell tried on drawn cases, against the derived
bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from gruverify.arithmetic import Format, formats_named
from gruverify.backends import (
    Backend,
    declarations_of,
    declared_variants,
    derived_methods,
    offers,
    redeclared,
    resolve,
)
from gruverify.cell import Case, Variant
from gruverify.engine._backward import BACKWARD
from gruverify.engine._evidence import Evidence as Evidence
from gruverify.engine._evidence import nearest
from gruverify.engine._hypotheses import Hypothesis, hypotheses
from gruverify.engine._less_accurate import LessAccurate, returned_in
from gruverify.engine._lost_states import LOSSES
from gruverify.engine._marks import METHODS as MARKED
from gruverify.engine._marks import (
    OF_VALUES,
    is_of_gradients,
    marked_answers,
    marked_residuals,
    with_gradients,
    with_marks,
)
from gruverify.engine._measured import measured
from gruverify.engine._missing import METHODS as GRADIENTS
from gruverify.engine._missing import RIGHT, gradient_residuals
from gruverify.engine._plan import Plan, formats_of, require
from gruverify.engine._readings import (
    Reading,
    losing_states,
    readings,
    with_functions,
    with_other_gradients,
    without_initial_state,
)
from gruverify.engine._search import size
from gruverify.engine._slips import SLIPS, slipped
from gruverify.engine._small_cases import drawn_for
from gruverify.formulas import sequence
from gruverify.invariants import (
    Exact,
    Observed,
    Obstacle,
    Residual,
    Trial,
    compare,
    local_to,
    masked,
)

Status: TypeAlias = Literal["identified", "ambiguous", "none", "unanswered"]

#: How many cases are drawn for each declared reset side and update sense, over all formats.
CASES = 24
#: How many of the readings that a case has excluded are followed on, so that there is a runner-up
#: to name.
FOLLOWED = 8

#: So many steps have the longest cases that are drawn to see where a state is lost.
_LONGER = 17

#: The forms of biases, the one that shows most of an implementation first.
_FULLEST = ("both", "input+candidate", "input", "recurrent", "none")

#: How each method that shows the function is read: the states (B, H) after the first steps.
METHODS: dict[str, Callable[[Observed], list[Any]]] = {
    "step": lambda observed: [observed.step],
    "sequence": lambda observed: list(observed.sequence[0]),
}


@dataclass(frozen=True)
class Part:
    """What a method computes where some variants are declared that differ in their biases alone.

    declared: the one with most biases; variants: all; holds: the readings that no case excludes;
    nearest: those of the excluded ones that were followed, the nearest first; unanswered: how many
    cases were, and reason: why;
    lesser: what it is less accurate in than declared, where only so a reading holds.
    """

    method: str
    declared: Variant
    variants: tuple[Variant, ...]
    holds: tuple[Evidence, ...]
    nearest: tuple[Evidence, ...]
    unanswered: int = 0
    reason: str = ""
    lesser: LessAccurate | None = None

    @property
    def status(self) -> Status:
        """Identified if one reading is left, ambiguous if several are."""
        if not self.holds and not self.nearest:
            return "unanswered"
        if not self.holds:
            return "none"
        if len(self.holds) == 1:
            return "identified"
        return "ambiguous"

    @property
    def may_be_declared(self) -> bool:
        """Whether what is declared, as accurately as that, is among the readings that are left."""
        return self.lesser is None and any(evidence.reading == Reading() for evidence in self.holds)

    @property
    def of_values(self) -> bool:
        """Whether it is about states, and not about gradients."""
        return self.method in (*METHODS, *OF_VALUES)

    @property
    def of_marks(self) -> bool:
        """Whether it is about marks: steps that are skipped or start anew, units that keep."""
        return self.method in MARKED


@dataclass(frozen=True)
class Identity:
    """What an implementation is, method by method and for every declared reset side and update
    sense.
    """

    target: str
    formats: tuple[Format, ...]
    seed: int
    cases: int
    parts: tuple[Part, ...]

    @property
    def status(self) -> Status:
        """The least of its parts' statuses; unanswered if there is none."""
        found = [part.status for part in self.parts]
        if "none" in found:
            return "none"
        if "ambiguous" in found:
            return "ambiguous"
        if "identified" in found:
            return "identified"
        return "unanswered"

    @property
    def answered(self) -> tuple[Part, ...]:
        """The parts of which some case was answered."""
        return tuple(part for part in self.parts if part.status != "unanswered")

    @property
    def as_declared(self) -> bool:
        """Whether every part that was answered is, or may be, what it declares; False if none
        was.
        """
        return bool(self.answered) and all(part.may_be_declared for part in self.answered)


def identify(
    target: object,
    *,
    formats: str | Iterable[Format | str] | None = None,
    seed: int = 0,
    name: str | None = None,
) -> Identity:
    """Find out which GRU a target is: which side of the product its reset gate is on, what z
    multiplies, the order of its gates, what becomes of its biases, and whether its recurrent
    weights are transposed; and which term its gradients lack, if they are those of no such GRU.

    formats: the most precise that the backend claims unless given; seed: of the cases; name: how
    the result calls the target.

    Raises:
        UnknownTarget, TargetUnavailable: the target cannot be made into a backend.
        ValueError: the backend claims none of the formats, or offers neither step nor sequence.
    """
    backend = resolve(target)
    plan = Plan(formats=None if formats is None else formats_named(formats), seed=seed)
    require(plan, backend)
    if formats is not None:
        chosen = formats_of(plan, backend)
    else:
        chosen = (max(backend.formats, key=lambda f: f.precision),)
    methods = [method for method in METHODS if offers(backend, method)]
    if not methods:
        raise ValueError(
            f"{backend.name} offers neither step nor sequence: there is nothing to identify it by"
        )
    parts = list[Part]()
    for group in _groups(backend):
        parts += _parts(backend, methods, group, chosen, seed)
    text = name or (target if isinstance(target, str) else backend.name)
    return Identity(text, chosen, seed, CASES, tuple(parts))


def _groups(backend: Backend) -> list[list[Variant]]:
    """The declared variants by reset side and update sense: whatever biases they have, they are one
    GRU.
    """
    groups: dict[tuple[str, str], list[Variant]] = {}
    for variant in declared_variants(backend):
        groups.setdefault((variant.reset, variant.update), []).append(variant)
    return list(groups.values())


def _parts(
    backend: Backend, methods: list[str], group: list[Variant], formats: Sequence[Format], seed: int
) -> Iterator[Part]:
    drawn = list[Case]()
    for fmt in formats:
        drawn += drawn_for(backend, fmt, group, seed, -(-CASES // len(formats)))
    found = set[Reading]()
    for method in methods:
        part = tried(backend, method, group, drawn)
        if method == "sequence":
            part = losing(backend, part, drawn)
        if part.status == "none":
            part = _other_functions(backend, part, drawn)
        if part.status == "none":
            part = less_accurate(backend, part, drawn)
        found |= {evidence.reading for evidence in part.holds}
        yield part
    yield from marked_parts(backend, [each for each in found if not each.slip], group, drawn)
    yield from _of_gradients(backend, [each for each in found if each.is_variant], group, drawn)


def _of_gradients(
    backend: Backend, found: Sequence[Reading], group: list[Variant], drawn: list[Case]
) -> Iterator[Part]:
    """The methods that show gradients, of GRUs that the values may be: of the others, whose weights
    stand for something else, the gradients do too.
    """
    if not found:
        return
    for method in GRADIENTS:
        # Who derives a method from another has what that one has.
        if offers(backend, method) and method not in derived_methods(backend):
            yield _of_gradient(backend, method, sorted(found), group, drawn)


def _of_gradient(
    backend: Backend,
    method: str,
    found: Sequence[Reading],
    group: Sequence[Variant],
    drawn: Sequence[Case],
) -> Part:
    """A method that shows gradients: right, or the term that it lacks, or less accurate."""
    right = tried(backend, method, group, drawn, found, to_the_end=True)
    if right.status != "none":
        return right
    others = [other for reading in found for other in with_other_gradients(reading, right.declared)]
    other = tried(backend, method, group, drawn, others, to_the_end=True)
    # A missing term that bounds cannot tell from the right gradient is none that was found.
    holds = tuple(evidence for evidence in other.holds if evidence.claims)
    if holds:
        return replace(other, holds=holds)
    lesser = less_accurate(backend, right, drawn, found)
    if lesser.holds:
        return lesser
    return replace(right, nearest=tuple(sorted([*right.nearest, *other.nearest], key=nearest)))


def marked_parts(
    backend: Backend, found: Sequence[Reading], group: Sequence[Variant], drawn: Sequence[Case]
) -> Iterator[Part]:
    """The methods that skip steps, or start some anew, or keep units, of GRUs that it may be."""
    declared = declarations_of(backend)
    for method, of_gradients in OF_VALUES.items():
        if not found or not offers(backend, method):
            continue
        others = list[Reading]()
        # Who loses the initial state where nothing is marked may have it where something is.
        for reading in sorted({*found, *(replace(each, from_zeros=False) for each in found)}):
            others += with_marks(reading, method, declared)
        part = _marked_part(backend, method, group, drawn, others)
        yield part
        left = [each.reading for each in part.holds if is_of_gradients(each.reading)]
        if left and offers(backend, of_gradients):
            others = []
            for reading in left:
                others += with_gradients(reading, of_gradients, declared)
            yield _marked_part(backend, of_gradients, group, drawn, others)


def _marked_part(
    backend: Backend,
    method: str,
    group: Sequence[Variant],
    drawn: Sequence[Case],
    others: Sequence[Reading],
) -> Part:
    part = tried(backend, method, group, drawn, others, to_the_end=True)
    if part.status == "none":
        return less_accurate(backend, part, drawn, others)
    return part


def _other_functions(backend: Backend, part: Part, drawn: Sequence[Case]) -> Part:
    """A part of which no reading holds, with other activation functions, where that holds; itself
    if none does.
    """
    other = tried(backend, part.method, part.variants, drawn, list(with_functions(part.declared)))
    if any(evidence.claims for evidence in other.holds):
        return other
    return part


def losing(backend: Backend, part: Part, drawn: Sequence[Case]) -> Part:
    """The part of sequences, or, where none of its readings holds on longer cases, too, the same of
    right steps that lose the state between them, where that holds.
    """
    fmt, group = drawn[0].format, part.variants
    first = _first_departure(backend, [*drawn, *drawn_for(backend, fmt, group, 0, 4, _LONGER)])
    if first is None and part.holds:
        return part
    # Twice as long, so that what happens again is told from what happens once.
    longer = drawn_for(backend, fmt, group, 0, 8, min(2 * (first or 1) + 1, _LONGER))
    cases = [*drawn, *longer]
    lossy = list(losing_states(first, declarations_of(backend).initial_state))
    other = tried(backend, part.method, group, cases, lossy, to_the_end=True)
    return other if any(evidence.claims for evidence in other.holds) else part


def _first_departure(backend: Backend, cases: Sequence[Case]) -> int | None:
    """The first step after 0 that does not go on from the state that was returned before it."""
    found = list[int]()
    for trial in (Trial(case, backend) for case in cases if len(case.inputs) > 1):
        try:
            outputs, _ = trial.observed.sequence
        except Obstacle:
            continue
        steps = local_to(trial, outputs).states
        for t in range(1, min([len(outputs), *found])):
            if compare(f"h[t={t}]", "bi", outputs[t], steps[t]).margin > 1:
                found.append(t)
                break
    return min(found, default=None)


def fullest(group: Iterable[Variant]) -> Variant:
    """The variant of most biases."""
    return min(group, key=lambda variant: _FULLEST.index(variant.biases))


def tried(
    backend: Backend,
    method: str,
    group: Sequence[Variant],
    drawn: Iterable[Case],
    only: Collection[Reading] | None = None,
    to_the_end: bool = False,
) -> Part:
    """Every reading of what is declared, tried on the cases: what a case excludes is dropped, but
    for the nearest.

    only: these readings, and only until all of them are excluded, unless it is to_the_end.
    """
    declared = fullest(group)
    followed = [Evidence(reading) for reading in (readings(declared) if only is None else only)]
    # Who is always given zeros cannot be told from who ignores what it is given.
    if only is None and declarations_of(backend).initial_state:
        followed += map(Evidence, without_initial_state())
    unanswered = _Unanswered()
    for case in sorted(drawn, key=size, reverse=True):  # large cases exclude most at once
        trial = Trial(case, backend)
        if method in MARKED:
            trial = masked(trial)
        try:
            answers = _answers(method, trial.observed)
        except Obstacle as obstacle:
            unanswered.count(str(obstacle))
            continue
        sides = _Sides(trial)
        for evidence in followed:
            evidence.enter(trial.case, sides.residuals(method, evidence.reading, answers))
        excluded = sorted((e for e in followed if not e.holds), key=nearest)
        followed = [e for e in followed if e.holds] + excluded[:FOLLOWED]
        if only is not None and not to_the_end and len(excluded) == len(followed):
            break
    holds = tuple(e for e in followed if e.holds and e.cases)
    excluded = sorted((e for e in followed if not e.holds), key=nearest)
    return Part(
        method, declared, tuple(group), holds, tuple(excluded), unanswered.cases, unanswered.reason
    )


def less_accurate(
    backend: Backend, part: Part, drawn: Sequence[Case], only: Collection[Reading] | None = None
) -> Part:
    """A part of which no reading holds, under the most accurate hypothesis under which one does;
    itself if none does.

    only: these readings. A reading that holds by bounds that claim nothing does not count.
    """
    formats = list(dict.fromkeys(case.format for case in drawn))
    near = [evidence.reading for evidence in part.nearest]
    of_each = [
        hypotheses(declarations_of(backend, fmt), fmt, measured(backend, fmt)) for fmt in formats
    ]
    for hypothesis in _shared(of_each):
        other = redeclared(backend, hypothesis.overrides)
        looks = hypothesis.representable
        if looks is not None and not all(returned_in(looks, case, backend) for case in drawn):
            continue
        if any(
            evidence.claims
            for evidence in tried(other, part.method, part.variants, drawn, near).holds
        ):
            found = tried(other, part.method, part.variants, drawn, only)
            return replace(found, lesser=LessAccurate(hypothesis.words, hypothesis.overrides))
    return part


def _shared(of_each: Sequence[Sequence[Hypothesis]]) -> Iterator[Hypothesis]:
    """The hypotheses that there are in every format."""
    first, *others = of_each
    for one in first:
        if all(one in each for each in others):
            yield one


@dataclass
class _Unanswered:
    cases: int = 0
    reasons: list[str] = field(default_factory=list)

    def count(self, reason: str) -> None:
        self.cases += 1
        self.reasons.append(reason)

    @property
    def reason(self) -> str:
        return min(self.reasons, default="")


def _answers(method: str, observed: Observed) -> Any:
    if method in MARKED:
        return marked_answers(observed, method)
    if method in GRADIENTS:
        return getattr(observed, method)
    return METHODS[method](observed)


class _Sides:
    """What the mathematics allows for a case under other readings of it."""

    def __init__(self, trial: Trial) -> None:
        self._declared = exact = trial.exact
        self._masked_outputs = trial.declared.masked_outputs
        self._of = {exact.case.variant: exact}

    def residuals(self, method: str, reading: Reading, answers: Any) -> list[Residual]:
        """How far what a method answered is from what a reading of the cell gives."""
        if method in METHODS:
            return residuals(self._declared, reading, answers)
        if method in MARKED:
            return marked_residuals(self._declared, method, reading, self._masked_outputs, answers)
        line = BACKWARD.get(reading.lacks, RIGHT)
        return gradient_residuals(self._read_as(reading), method, line, answers)

    def _read_as(self, reading: Reading) -> Exact:
        case = self._declared.case
        variant = reading.variant(case.variant)
        if variant not in self._of:
            other = replace(case, cell=replace(case.cell, variant=variant))
            self._of[variant] = Exact(other, self._declared.mode)
        return self._of[variant]


def residuals(exact: Exact, reading: Reading, answers: Sequence[Any]) -> list[Residual]:
    """How far the answers, states (B, H) of the first steps, are from what a reading of the cell
    gives.
    """
    case = exact.case
    variant, parameters = reading.variant(case.variant), reading.parameters(exact.parameters)
    inputs, start = exact.inputs[: len(answers)], reading.start(exact.state)
    states: Sequence[Any]
    with np.errstate(over="ignore", invalid="ignore"):
        if reading.loses:
            states = LOSSES[reading.loses].states(variant, parameters, inputs, start)
        elif reading.slip:
            states = slipped(SLIPS[reading.slip], variant, parameters, inputs, start)
        else:
            run = sequence(variant, parameters, inputs, start, reading.activations)
            states = run.states[1:]
        pairs = zip(answers, states, strict=True)
        return [compare(f"h[t={t}]", "bi", answer, ball) for t, (answer, ball) in enumerate(pairs)]
