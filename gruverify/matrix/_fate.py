"""What becomes of one fault: how soon it is caught, by what, and in how small a case."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from gruverify.arithmetic import FORMATS, Format, float32, float64
from gruverify.backends import (
    CELL_METHODS,
    STACK_METHODS,
    Backend,
    NumpyBackend,
    declarations_of,
    declared_variants,
    offers,
    redeclared,
)
from gruverify.cell import AnyCase, Variant
from gruverify.engine import (
    TRIES,
    Plan,
    Profile,
    Reduction,
    judge,
    judge_trial,
    streams_for,
    trial_of,
)
from gruverify.faults import EQUIVALENTS, FAULTS, Fault
from gruverify.invariants import INVARIANTS, Invariant, StackTrial, Trial

#: The formats in which a fault is looked for, in this order, where it claims them; rewrites are
#: tried in all four.
WIDE: tuple[Format, ...] = (float32, float64)


@dataclass(frozen=True)
class Fate:
    """What became of a fault, or of a rewrite, on one side of the reset gate.

    tried: how many cases it took until the first invariant failed, counted over the formats in
    order, or how many there were; seconds: what that took, drawing and mathematics included; first,
    sizes: the invariant that failed first, and the sizes of the smallest case found in which it
    does; kills: by invariant, the case that it failed in first, among those on which every
    invariant was checked.
    """

    fault: str
    reset: str
    tried: int
    kills: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    first: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def cases(self) -> int | None:
        """How many cases it took; None if nothing failed."""
        if self.first:
            return self.tried
        return None


def entry_of(id: str) -> Fault:
    """The fault or the rewrite of that id."""
    if id in FAULTS:
        return FAULTS[id]
    return EQUIVALENTS[id]


def variants_of(entry: Fault, reset: str) -> tuple[Variant, ...]:
    """The variants of one side that it has; there may be none."""
    return tuple(variant for variant in entry.variants if variant.reset == reset)


def formats_of(entry: Fault, backend: Backend) -> tuple[Format, ...]:
    """The formats that it is tried in."""
    wide = tuple(fmt for fmt in WIDE if fmt in backend.formats)
    if wide and entry.id not in EQUIVALENTS:
        return wide
    return tuple(sorted(backend.formats, key=(*WIDE, *FORMATS).index))


def fate(id: str, reset: str, plan: Plan, columns: int) -> Fate:
    """Put a fault to the cases that a run of this plan would draw, until something fails; and the
    first `columns` cases of each format to all invariants, in their turns.
    """
    entry = entry_of(id)
    variants = variants_of(entry, reset)
    formats = formats_of(entry, entry.build(variants))
    some = replace(plan, max_cases=min(columns, plan.cases))
    if id in EQUIVALENTS:
        return _of_rewrite(id, reset, formats, some)
    # Two backends: some faults remember what they were asked, and each search needs a fresh one.
    kills = _kills(entry.build(variants), formats, some)
    found = first_fall(id, reset, plan)
    if not found.invariant:
        return Fate(id, reset, found.number, kills, found.seconds)
    sizes = _smallest(partial(entry.build, variants), found).sizes
    return Fate(
        id,
        reset,
        found.number,
        # The first to fail may have done so beyond the columns.
        kills | {found.invariant: found.number},
        found.seconds,
        found.invariant,
        sizes,
    )


def _of_rewrite(id: str, reset: str, formats: Sequence[Format], plan: Plan) -> Fate:
    """A rewrite is looked at in the columns' cases alone: tests/campaigns/false_alarms.py looks at
    many more.
    """
    entry, started = entry_of(id), time.perf_counter()
    variants = variants_of(entry, reset)
    kills = _kills(entry.build(variants), formats, plan)
    first = min(kills, key=lambda invariant: kills[invariant], default="")
    if first:
        tried = kills[first]
    else:
        tried = plan.cases * len(formats)
    return Fate(id, reset, tried, kills, time.perf_counter() - started, first)


# -- the first that fails --------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """The first invariant that fails, and where: the number of the case, the seconds until then,
    the case itself.
    """

    number: int = 0
    seconds: float = 0.0
    invariant: str = ""
    case: AnyCase | None = None

    @property
    def number_if_found(self) -> int | None:
        """The number of the case; None if nothing failed."""
        if self.invariant:
            return self.number
        return None


def first_fall(id: str, reset: str, plan: Plan, **declared: object) -> Found:
    """Put a fault, that declares something else besides, to the cases of a plan until something
    fails.
    """
    entry = entry_of(id)
    backend = redeclared(entry.build(variants_of(entry, reset)), declared)
    return _first(backend, formats_of(entry, backend), plan)


def _first(backend: Backend, formats: Sequence[Format], plan: Plan) -> Found:
    """Judge case after case as a run does, until something fails."""
    hunt = _Hunt(backend, plan)
    for fmt in formats:
        # As a run does: in each format the turns start over.
        hunt.turn = 0
        for stream in streams_for(backend, fmt, plan.seed, plan.cases):
            stream.draw(hunt.visit)
            if hunt.failed:
                return hunt.found
    return hunt.found


@dataclass
class _Hunt:
    """Cases judged one after the other, until an invariant fails.

    number: the cases so far; turn: those of the format, which decide what is checked next; failed,
    case: the invariant that failed, and the case that it failed on.
    """

    backend: Backend
    plan: Plan
    started: float = field(default_factory=time.perf_counter)
    number: int = 0
    turn: int = 0
    failed: str = ""
    case: AnyCase | None = None

    @property
    def found(self) -> Found:
        """What is known by now."""
        seconds = time.perf_counter() - self.started
        return Found(self.number, seconds, self.failed, self.case)

    def visit(self, case: AnyCase) -> bool:
        """Judge the case; whether to go on."""
        checked = [
            each for each in _checked_invariants(self.plan) if self.plan.asks(each, self.turn)
        ]
        self.number += 1
        self.turn += 1
        for judgement in judge(case, self.backend, checked):
            if judgement.failed:
                self.failed, self.case = judgement.invariant.id, case
                return False
        return True


def _checked_invariants(plan: Plan) -> list[Invariant]:
    return [i for i in INVARIANTS.values() if plan.profile == "deep" or not i.deep]


def _smallest(build: Callable[[], Backend], found: Found) -> AnyCase:
    """The smallest case found in which the invariant fails, of a fault that has seen no other: some
    remember.
    """
    invariant = INVARIANTS[found.invariant]
    assert found.case is not None  # an invariant failed on it

    def fails(case: AnyCase) -> bool:
        return any(judgement.failed for judgement in judge(case, build(), [invariant]))

    return Reduction(found.case, fails, TRIES, declarations_of(build())).run()


# -- all that fail ---------------------------------------------------------------------------------


def _kills(backend: Backend, formats: Sequence[Format], plan: Plan) -> dict[str, int]:
    """Every invariant that fails in some case, and in which first; what takes turns has its own at
    every third.
    """
    turns = Profile("columns", plan.cases, turns=3, duties=3, stack_turns=1)
    kills: dict[str, int] = {}
    number = 0
    cells, stacks = (
        tuple(filter(partial(offers, backend), methods))
        for methods in (CELL_METHODS, STACK_METHODS)
    )
    for fmt in formats:
        trials = _trials(
            fmt, declared_variants(backend), bool(cells), bool(stacks), plan.cases, plan.seed
        )
        for turn, right in enumerate(trials):
            number += 1
            asked = [
                invariant for invariant in _checked_invariants(plan) if turns.asks(invariant, turn)
            ]
            left = [
                invariant
                for invariant in asked
                # What has killed is not asked again, but for those whose obstacle blocks others:
                # left out, they would make others look as if they had killed.
                if invariant.id not in kills or _comes_first(invariant)
            ]
            kills = {
                j.invariant.id: number
                for j in judge_trial(right.with_backend(backend), left)
                if j.failed
                # The right side wins: of an invariant that failed before, the first case stays.
            } | kills
    return kills


def _comes_first(invariant: Invariant) -> bool:
    """Whether it reports an obstacle for those that meet the same one after it, in every case
    again.
    """
    return invariant.id.startswith("contract/shape-")


@lru_cache(maxsize=6)
def _trials(
    fmt: Format, variants: tuple[Variant, ...], cells: bool, stacks: bool, number: int, seed: int
) -> list[Trial | StackTrial]:
    """The cases of a run, with what the mathematics allows: every fault of these variants is judged
    by the same.
    """
    seen: list[Trial | StackTrial] = []
    right = NumpyBackend()

    def keep(case: AnyCase) -> None:
        seen.append(trial_of(case, right))

    # No backend is asked anything here, so that one list serves all faults with these variants.
    for stream in streams_for(_Claiming(variants, cells, stacks), fmt, seed, number):
        stream.draw(keep)
    return seen


class _Claiming:
    """Nothing but a claim of variants, and of methods for cells or for stacks."""

    name = ""
    formats = FORMATS

    def __init__(self, variants: tuple[Variant, ...], cells: bool, stacks: bool) -> None:
        self.variants = variants
        self.step = NumpyBackend.step if cells else None
        self.stack = NumpyBackend.stack if stacks else None
