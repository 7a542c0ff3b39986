"""A campaign: its units, handed out, kept and added up, round by round."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gruverify._visible import error_line
from gruverify.backends import limits
from gruverify.campaigning._guide import aims_for, rounds_of
from gruverify.campaigning._subject import Subject
from gruverify.campaigning._total import Total
from gruverify.campaigning._unit import Task, Unit
from gruverify.campaigning._workers import Done, Failed, Workers
from gruverify.engine import NOTHING_SAVED, Aim, Corpus, Plan, Saved
from gruverify.store import KeptCampaign, KeptUnit

#: Units that are handed out besides those that are worked on, so that no worker waits.
_AHEAD = 2
#: Seconds between two looks at the time and at the workers where nothing comes in. What comes in is
#: seen at once, and each look is a question to the scheduler.
_TICK = 2.0


@dataclass(frozen=True)
class Progress:
    """How far a campaign is: units done and planned, what they add up to, and by worker, the units
    that it worked on and their processor seconds. `taken` units were in the store already.
    """

    total: Total
    done: int
    planned: int
    taken: int
    workers: Mapping[str, tuple[int, float]]


@dataclass(frozen=True)
class Ending:
    """How a campaign ended: "done", "time was up" or "interrupted"; the units that are missing, and
    why nobody could work on some of them.
    """

    how: str
    total: Total
    missing: tuple[Unit, ...]
    failed: tuple[Failed, ...] = ()


def tell_nobody(progress: Progress) -> None:
    """What a campaign does with its progress where nobody wants to know."""


@dataclass
class Campaign:
    """What is to be done: `cases` of each target and format, in units of `size`, by a plan without
    formats of its own.

    hours: after which no further unit is handed out; guided: whether half of the units are
    aimed (`aims_for`); corpus: cases that the first unit of each target and format tries before
    it draws any, and where those worth trying first are kept; say: called with how far it is,
    whenever something came in; done: the keys of the units so far; saved: by target, what the
    corpus had; unwritten: why not all that is worth it is in the corpus, empty if it is.
    """

    subjects: Mapping[str, Subject]
    plan: Plan
    cases: int
    size: int
    guided: bool
    workers: Workers
    kept: KeptCampaign
    patience: float
    hours: float | None = None
    corpus: Corpus | None = None
    say: Callable[[Progress], None] = tell_nobody
    total: Total = field(init=False)
    _at_work: set[Unit] = field(default_factory=set)
    done: set[tuple[str, str, int]] = field(default_factory=set, init=False)
    saved: dict[str, Saved] = field(default_factory=dict, init=False)
    unwritten: str = field(default="", init=False)
    _taken: int = 0
    _failed: list[Failed] = field(default_factory=list)
    _shares: dict[str, tuple[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.total = Total(self.subjects)
        if self.corpus is not None:
            self.saved = {target: self.corpus.saved(target) for target in self.subjects}

    @property
    def blocks(self) -> int:
        """How many units there are of each target and format."""
        return -(-self.cases // self.size)

    def tasks(self) -> list[Task]:
        """A task of each target, for workers to see that they have it."""
        return [
            self._task(Unit(target, subject.formats[0], 0, 1))
            for target, subject in self.subjects.items()
        ]

    def run(self) -> Ending:
        """Work on all units, as long as there is time.

        Raises:
            NoWorkers, OtherWorker: the workers cannot go on; what was found is kept.
        """
        deadline = math.inf
        if self.hours is not None:
            deadline = time.monotonic() + 3600 * self.hours
        how = "done"
        try:
            # A round begins when the one before is done: what it is aimed at follows from all of
            # that.
            for blocks in self._rounds():
                self._work_on(self._units(blocks), deadline)
                if time.monotonic() > deadline:
                    break
        except KeyboardInterrupt:
            how = "interrupted"
        for target in self.subjects:
            self._remember(target)
        # By their keys: what a unit that nobody came to would have been aimed at is not known.
        missing = tuple(unit for unit in self._all() if unit.key not in self.done)
        if how == "done" and missing:
            how = "time was up"
        return Ending(how, self.total, missing, tuple(self._failed))

    def _rounds(self) -> Sequence[range]:
        """Without guidance no unit has to wait for another."""
        if self.guided:
            return rounds_of(self.blocks)
        return [range(self.blocks)]

    def _all(self) -> Iterator[Unit]:
        """All units, whatever they are aimed at."""
        return self._units(range(self.blocks), aimed=False)

    def _units(self, blocks: range, *, aimed: bool = True) -> Iterator[Unit]:
        """The units of some blocks, by turns of the targets and formats."""
        aims = dict[tuple[str, str], dict[int, Aim | None]]()
        for target, subject in self.subjects.items() if self.guided and aimed else ():
            for fmt in subject.formats:
                place = target, fmt.name
                visited = self.total.visited(*place)
                at_random = self.total.visited_at_random(*place)
                aims[place] = aims_for(blocks, subject, visited, at_random)
        # Targets and formats by turns: stopped at any time, all of them have had about as many
        # cases.
        for block in blocks:
            cases = min(self.size, self.cases - block * self.size)
            for target, subject in self.subjects.items():
                for fmt in subject.formats:
                    aim = aims.get((target, fmt.name), {}).get(block)
                    yield Unit(target, fmt, block, cases, aim)

    def _work_on(self, units: Iterator[Unit], deadline: float) -> None:
        """Take what is kept of some units, and have the others worked on."""
        while True:
            late = time.monotonic() > deadline
            # Asked each time: workers of a cluster come and go.
            while not late and len(self._at_work) < self.workers.at_once + _AHEAD:
                unit = next(units, None)
                if unit is None:
                    break
                self._take_or_submit(unit)
            # Late or not, what is at work is waited for: it is lost otherwise.
            if not self._at_work:
                return
            for report in self.workers.reports(_TICK):
                self._receive(report)
                if len(self._at_work) < self.workers.at_once:
                    break

    def _take_or_submit(self, unit: Unit) -> None:
        found = self.kept.found(*unit.key, unit.aim_text)
        if found is None:
            self._at_work.add(unit)
            self.workers.submit(self._task(unit))
            return
        self._taken += 1
        self._add(unit, found)

    def _receive(self, report: Done | Failed) -> None:
        self._at_work.discard(report.unit)
        if isinstance(report, Failed):
            self._failed.append(report)
            return
        # Kept before it is counted: whatever ends us here, the unit need not be worked on again.
        self.kept.keep(*report.unit.key, report.unit.aim_text, report.found)
        units, cpu = self._shares.get(report.worker, (0, 0.0))
        self._shares[report.worker] = units + 1, cpu + report.found.cpu
        self._add(report.unit, report.found)

    def _add(self, unit: Unit, found: KeptUnit) -> None:
        # A unit whose answer did not arrive is handed out again, and both may come in: they found
        # the same.
        if unit.key in self.done:
            return
        self.done.add(unit.key)
        self.total.add(unit, found.content, found.cpu)
        self._remember(unit.target)
        planned = sum(len(subject.formats) for subject in self.subjects.values()) * self.blocks
        self.say(Progress(self.total, len(self.done), planned, self._taken, dict(self._shares)))

    def _remember(self, target: str) -> None:
        """Put into the corpus what is worth trying first, once what it had is tried: who begins
        this campaign again before that tries the same.
        """
        first = {(target, fmt.name, 0) for fmt in self.subjects[target].formats}
        if self.corpus is None or not first <= self.done:
            return
        try:
            whole = self.corpus.keep(self.total.results[target])
        except Exception as refused:  # of whatever database it is; all is in the store, too
            self.unwritten = error_line(refused)
        else:
            self.unwritten = "" if whole else "it does not keep what it is given"

    def _task(self, unit: Unit) -> Task:
        plan = self.plan
        # Once is enough, and the first unit is drawn at random, whatever is aimed at later.
        if unit.block == 0:
            plan = replace(plan, saved=self.saved.get(unit.target, NOTHING_SAVED))
        return Task(unit, plan, self.subjects[unit.target], self.patience, limits().memory)
