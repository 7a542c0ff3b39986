"""Putting one case to a backend and judging it by the invariants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from gruverify._visible import error_line
from gruverify.backends import (
    CELL_METHODS,
    OPTIONAL_METHODS,
    RECORDER,
    Backend,
    Declarations,
    declarations_of,
    derived_methods,
    offers,
    resolve,
)
from gruverify.cell import AnyCase, Case, StackCase
from gruverify.engine._describe import describe
from gruverify.engine._memory import give_back_memory
from gruverify.engine._profile import topic
from gruverify.engine._suggestions import Outcome
from gruverify.engine._tally import OURSELVES, Tally, judged, not_judged
from gruverify.engine._verdict import VALUES
from gruverify.engine._witness import MOST_ENTRIES
from gruverify.invariants import (
    INVARIANTS,
    Declined,
    Invariant,
    Malformed,
    Obstacle,
    Residual,
    StackTrial,
    Trial,
    is_large,
    nothing_claimed,
    numbers_of,
    ruled_out_by_functions,
)

#: Of cases with more numbers, what is found of the case itself is not kept for invariants that read
#: other answers: to find it again costs less than so much memory.
_FOUND = 2**20


@dataclass(frozen=True)
class Judgement:
    """How one invariant judged one case: its tally, and the worst residual or what stood in the
    way.

    `obstacle` is the kind of what stood in the way, and the method it is about; empty if the
    invariant could be judged.
    """

    invariant: Invariant
    tally: Tally
    residual: Residual
    obstacle: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is something to show: the invariant is falsified, or the backend raised."""
        return bool(self.tally.falsified or self.tally.error)


def applicable(invariant: Invariant, backend: Backend, declared: Declarations | None = None) -> str:
    """Why the invariant cannot be checked on the backend; empty if it can. declared: what it
    declares, where known.
    """
    missing = [method for method in invariant.needs if not offers(backend, method)]
    if missing:
        return f"the backend has no {', no '.join(missing)}"
    of_cells = (*CELL_METHODS, *OPTIONAL_METHODS)
    if not invariant.of_stacks and not any(offers(backend, method) for method in of_cells):
        return "the backend has stacks alone"
    # A derived method is our own code: its duties are those of the method below, and are put to
    # that.
    derived = [method for method in invariant.needs if method in derived_methods(backend)]
    if invariant.family == "contract" and derived:
        return (
            f"{derived[0]} is derived from {derived_methods(backend)[derived[0]]}, for which "
            "it is checked"
        )
    declared = declared or declarations_of(backend)
    # Other sizes would be answered by nothing but an error, which is not a finding.
    if invariant.resizes and (declared.hidden_size, declared.input_size) != (None, None):
        return "it needs other sizes than the one that the target is built for"
    if invariant.resizes and declared.shapes == "few":
        return "declared shapes='few': it needs other sizes"
    declaration = invariant.ruled_out_by(declared)
    if declaration:
        return f"declared {declaration}"
    return ruled_out_by_functions(invariant, declared)


def judge(case: AnyCase, backend: Backend, invariants: Iterable[Invariant]) -> Iterator[Judgement]:
    """Each invariant that applies and reads such cases, judging one shared trial.

    The first that meets an obstacle reports it: a raise is an error, a malformed answer is
    falsified. Those that meet the same one after it are blocked, and name it as the cause. What the
    backend declines to do does not apply.
    """
    return judge_trial(trial_of(case, backend), invariants)


def trial_of(
    case: AnyCase, backend: Backend, declared: Declarations | None = None
) -> Trial | StackTrial:
    """The trial of a cell's case or of a stack's; declared: what the backend declares, if known."""
    if isinstance(case, Case):
        return Trial(case, backend, declared=declared)
    return StackTrial(case, backend, declared=declared)


def judge_trial(
    trial: Trial | StackTrial,
    invariants: Iterable[Invariant],
    *,
    asked: bool = False,
    first: bool = False,
) -> Iterator[Judgement]:
    """Each invariant that applies and reads such cases, judging a trial.

    asked: whether it is known of all of them that they can be checked on the backend. first:
    whether the first comparison that fails will do, and not the worst of all.
    """
    case, backend, met = trial.case, trial.backend, _Met(trial.case, derived_methods(trial.backend))
    numbers, large = numbers_of(case), is_large(case)
    about = tuple[object, ...]()
    for invariant in invariants:
        if (
            reads(invariant, case)
            and (asked or not applicable(invariant, backend, trial.declared))
            and invariant.applies(case.variant)
        ):
            if numbers > _FOUND:
                # What has no turns reads the same first answers; all else needs answers of its own.
                kind = invariant.family, invariant.needs, topic(invariant) and invariant.id
                if kind != about:
                    trial.forget()
                    give_back_memory()
                    about = kind
            yield _judge(trial, invariant, met, first=first)
            if large:
                trial.forget_changes()


def reads(invariant: Invariant, case: AnyCase) -> bool:
    """Whether the invariant is about such cases: of a stack, or of a cell."""
    return invariant.of_stacks == isinstance(case, StackCase)


def _judge(trial: Trial | StackTrial, invariant: Invariant, met: _Met, *, first: bool) -> Judgement:
    # Whoever dies in a call dies under this name: the parent reads it off the note of the call.
    RECORDER.invariant = invariant.id
    try:
        # Ball arithmetic answers an overflow with an infinite radius: NumPy need not warn of it.
        with np.errstate(over="ignore", invalid="ignore"):
            found = _Worst()
            for residual in invariant.check(trial):
                found.meet(residual)
                if first and not residual.margin <= 1:
                    break
    except Obstacle as obstacle:
        kind = f"{type(obstacle).__name__} {obstacle.method}"
        return Judgement(
            invariant, met.tally(obstacle, invariant.id), _nothing(str(obstacle)), kind
        )
    except Exception as wrong:  # ours: the run goes on, and accuses nobody, but is no pass
        return Judgement(invariant, not_judged(error_line(wrong)), NOT_SHOWN)
    return _judged(invariant, found)


@dataclass
class _Worst:
    """The worst comparison of an invariant so far, and the worst of those that claim something.

    The others are let go of: of a large cell the margins of each take as much as its weights.
    """

    of_all: Residual | None = None
    of_claiming: Residual | None = None
    compared: int = 0
    claimed: int = 0

    def meet(self, residual: Residual) -> None:
        self.compared += residual.compared
        self.claimed += residual.claimed
        if self.of_all is None or residual.margin > self.of_all.margin:
            self.of_all = residual
        claiming = self.of_claiming
        if residual.claims and (claiming is None or residual.margin > claiming.margin):
            self.of_claiming = residual


def _judged(invariant: Invariant, found: _Worst) -> Judgement:
    """Falsified by the worst comparison of all; else passed, with the worst of those that claim
    something.
    """
    # A margin beyond 1 counts even where the bound claims nothing: it was exceeded all the same.
    worst = found.of_all or nothing_claimed("there was nothing to compare")
    if worst.margin <= 1:
        if found.of_claiming is None:
            tally = Tally(unclaimed=1, compared=found.compared, claimed=found.claimed)
            return Judgement(invariant, tally, _passed(worst))
        # A comparison of which nothing is claimed must not hide the closest of those that count.
        worst = _passed(found.of_claiming)
    tally = judged(worst.margin, compared=found.compared, claimed=found.claimed)
    return Judgement(invariant, tally, worst)


def _passed(worst: Residual) -> Residual:
    """What is kept of a comparison that passed: so many entries are not shown, and a case has a
    hundred such comparisons.
    """
    if worst.entries is None or worst.entries.margins.size <= MOST_ENTRIES:
        return worst
    return replace(worst, entries=None)


def outcome_of(judgements: Iterable[Judgement]) -> Outcome:
    """What became of a case: whether the target's values were wrong, or it refused one of its
    methods, or answered.

    What else fails may do so on a case that was made of this one, which has other features.
    """
    found = list(judgements)
    if any(judgement.failed and judgement.invariant.id in VALUES.ids for judgement in found):
        return "failed"
    # A method's shape is checked on the very case that was drawn: features of it are what was
    # refused.
    refused = any(j.tally.declined for j in found if j.invariant.id.startswith("contract/shape-"))
    if refused:
        return "refused"
    return "answered"


def compared_methods(judgements: Iterable[Judgement]) -> set[str]:
    """The methods all of whose answers to the very case were compared, in bounds that claimed
    something.
    """
    # Contracts compare nothing with the mathematics; a case counts for its sizes where values do.
    judged = (
        j.invariant for j in judgements if j.tally.judged and j.invariant.family != "contract"
    )
    return {invariant.needs[-1] for invariant in judged if invariant.lengths}


@dataclass
class _Met:
    """The obstacles met on a case, and which invariant reported each; `derived` are the derived
    methods and theirs.
    """

    case: AnyCase
    derived: Mapping[str, str]
    reporters: dict[str, str] = field(default_factory=dict)

    def tally(self, obstacle: Obstacle, id: str) -> Tally:
        """What an obstacle is to the invariant that meets it."""
        what = str(obstacle)
        if isinstance(obstacle, Declined):
            return Tally(declined=1, reason=what)
        # Most telling first: the same method, the very same message, and what the method is derived
        # from.
        base = self.derived.get(obstacle.method, "")
        cause = next(
            (self.reporters[key] for key in (obstacle.method, what, base) if key in self.reporters),
            None,
        )
        if cause is not None:
            return Tally(blocked=1, reason=what, cause=cause, failed=True)
        # A method that fails on the very case drawn is no basis for anything else that is asked of
        # it.
        self.reporters |= dict.fromkeys(
            {what, obstacle.method} if obstacle.case is self.case else {what}, id
        )
        if isinstance(obstacle, Malformed):
            return judged(np.inf, what)
        return Tally(error=1, reason=what, failed=True)


def _nothing(why: str) -> Residual:
    return Residual(why, float("nan"), float("nan"), float("inf"), 0.0, float("inf"))


#: Stands for the residual of a judgement that nobody shows.
NOT_SHOWN = _nothing("")


class NotJudged(RuntimeError):
    """An error of gruverify's own kept it from judging a case; the message is one line."""


def assert_holds(invariant: str, target: object, case: AnyCase) -> None:
    """Raise AssertionError, with the numbers, if the target falsifies the invariant on the case.

    Raises:
        ValueError: no invariant has that id, or it cannot be checked on the target or about such a
            case.
        AssertionError: the invariant is falsified, or the backend raised.
        NotJudged: the check itself went wrong, which says nothing of the target.
    """
    if invariant not in INVARIANTS:
        raise ValueError(f"invariant={invariant!r} is unknown: `gruverify list` names them")
    wanted, backend = INVARIANTS[invariant], resolve(target)
    if not reads(wanted, case):
        kind = "StackCase" if wanted.of_stacks else "Case"
        raise ValueError(f"{invariant} reads a {kind}, and not a {type(case).__name__}")
    judgements = list(judge(case, backend, [wanted]))
    if not judgements:
        why = applicable(wanted, backend) or f"it does not speak of {case.variant}"
        raise ValueError(f"{invariant} cannot be checked on {backend.name}: {why}")
    if judgements[0].failed:
        few = declarations_of(backend).shapes == "few"
        raise AssertionError(describe(wanted, judgements[0].residual, case, few=few))
    if judgements[0].tally.cause == OURSELVES:
        raise NotJudged(f"{invariant}: {judgements[0].tally.reason}")
