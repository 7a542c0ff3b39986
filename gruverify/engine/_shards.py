"""Formats in processes of their own: both cores at work, and a target that dies takes nothing down with it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

from gruverify.arithmetic import Format
from gruverify.backends import PATIENCE, Child, Line, TargetDied, apart, processes, resolve, wait_for
from gruverify.coverage import Coverage
from gruverify.engine._deaths import Death
from gruverify.engine._drawn import Drawn, Kind
from gruverify.engine._events import (
    CaseJudged,
    Event,
    FirstFailure,
    FormatFinished,
    FormatStarted,
    Listener,
    NotRepeated,
    RunStarted,
    Shrunk,
    SoFar,
)
from gruverify.engine._flaky import Flaky
from gruverify.engine._plan import Plan, formats_of, header_of, require
from gruverify.engine._remembering import concluded
from gruverify.engine._result import Key, Result, merge
from gruverify.engine._run import run
from gruverify.engine._tally import Tally
from gruverify.engine._witness import Witness

#: Seconds that shards have to send what they found, once the run is interrupted.
_GRACE = 1.5
#: So often a format is begun anew because the target died in it.
_MOST_DEATHS = 6


@dataclass
class Shard:
    """One process and what is known of it: the format and case it is at, and the formats that it has finished."""

    formats: tuple[Format, ...]
    child: Child
    format: str
    number: int = 0
    so_far: SoFar | None = None
    tallies: dict[Key, Tally] = field(default_factory=dict)
    witnesses: dict[tuple[str, str], Witness] = field(default_factory=dict)
    coverage: dict[str, Coverage] = field(default_factory=dict)
    drawn: dict[tuple[str, Kind], Drawn] = field(default_factory=dict)
    flaky: dict[tuple[str, str], Flaky] = field(default_factory=dict)
    result: Result | None = None

    def note(self, event: Event) -> None:
        """Follow the process, so that its death loses nothing that was found."""
        match event:
            case FormatStarted(name):
                self.format, self.number, self.so_far = name, 0, None
            case CaseJudged(_, number):
                self.number = number
            case Shrunk(witness):
                self.witnesses[witness.invariant, witness.case.format.name] = witness
            case NotRepeated(name, invariant, flaky):
                self.flaky[invariant, name] = flaky
            case FormatFinished(name, tallies, coverage, drawn):
                self.tallies |= tallies
                self.coverage[name] = coverage
                self.drawn |= drawn
                self.so_far = None
            case SoFar():
                self.so_far = event

    @property
    def left(self) -> tuple[Format, ...]:
        """The formats that it did not come to."""
        return self.formats[[fmt.name for fmt in self.formats].index(self.format) + 1 :]

    def known(self, header: dict[str, Any], note: str = "") -> Result:
        """What is known of the formats that it finished; where nobody will finish the last, of that one too."""
        tallies, witnesses, coverage, drawn = dict(self.tallies), dict(self.witnesses), self.coverage, self.drawn
        if (last := self.so_far) is not None and not note:
            tallies |= last.tallies
            witnesses = last.witnesses | witnesses
            coverage, drawn = coverage | {last.format: last.coverage}, drawn | last.drawn
        witnesses = {key: w for key, w in witnesses.items() if any(key == of[:2] for of in tallies)}
        flaky = {key: found for key, found in self.flaky.items() if any(key == of[:2] for of in tallies)}
        notes = (note,) if note else ()
        return Result(header, tallies, witnesses, True, 0.0, notes, coverage, drawn=drawn, flaky=flaky)


@dataclass
class Crew:
    """The shards, and what is needed to start another in place of one that died; stops them all when asked to."""

    target: str
    plan: Plan
    header: dict[str, Any]
    listener: Listener
    context: Any
    patience: float
    shards: list[Shard] = field(default_factory=list)
    complete: bool = True
    deadline: float = math.inf
    told: set[str] = field(default_factory=set)

    def start(self, formats: tuple[Format, ...]) -> None:
        """Put a process to work on some formats."""
        child = Child(self.context, self.target, _work, self.target, replace(self.plan, formats=formats))
        self.shards.append(Shard(formats, child, formats[0].name))

    @property
    def at_work(self) -> list[Shard]:
        """The shards that have no result yet."""
        return [shard for shard in self.shards if shard.result is None]

    def interrupt(self) -> None:
        """Have every shard send what it has. Whoever does not in time, or is waiting a second time, is done with."""
        self.deadline = time.monotonic() + (_GRACE if self.complete else 0.0)
        self.complete = False
        for shard in self.at_work:
            shard.child.stop()

    def receive(self) -> None:
        """Wait for the shards at work, take what each has sent, and end those that hang."""
        wait_for([shard.child for shard in self.at_work], min(self.patience, 0.5))
        for shard in self.at_work:
            self._take(shard)

    def close(self) -> None:
        """Leave no process behind."""
        for shard in self.at_work:
            shard.child.close(grace=0.0)

    def _take(self, shard: Shard) -> None:
        ended = shard.child.ended  # asked first: what it sent before its end is read all the same
        for message in shard.child.messages():
            if isinstance(message, Result):
                self._finish(shard, replace(message, header=self.header))
                return
            shard.note(message)
            if self._is_news(message):
                self.listener(message)
        if not self.complete and (ended or time.monotonic() > self.deadline):
            self._finish(shard, shard.known(self.header), grace=0.0)
        elif ended:
            self._bury(shard, shard.child.ending)
        elif shard.child.silent() > self.patience:
            self._bury(shard, f"gave no answer for {self.patience:g} s and was stopped")

    def _is_news(self, event: Event) -> bool:
        """Whether the listener has yet to hear it: of the whole run's start it knows, and a format may begin twice."""
        if isinstance(event, FirstFailure):
            if event.format in self.told:
                return False
            self.told.add(event.format)
        return not isinstance(event, RunStarted)

    def _finish(self, shard: Shard, result: Result, grace: float = 2.0) -> None:
        shard.result = result
        shard.child.close(grace)

    def _bury(self, shard: Shard, how: str) -> None:
        """Keep what it finished, and have its other formats done: the one it died in without the invariant that did."""
        call, again = shard.child.in_flight, shard.left
        note = self._obituary(shard, how, "" if call is None else call.invariant)
        if (
            call is not None
            and call.invariant
            and sum(d.format == shard.format for d in self.plan.deaths) < _MOST_DEATHS
        ):
            self.plan = replace(self.plan, deaths=(*self.plan.deaths, Death(shard.format, call, how)))
            again = shard.formats[len(shard.formats) - len(again) - 1 :]
        self._finish(shard, shard.known(self.header, note), grace=0.0)
        if again:
            self.start(again)

    def _obituary(self, shard: Shard, how: str, invariant: str) -> str:
        where = f" in {shard.child.in_flight}" if invariant else ""
        cases = f"--seed {self.plan.seed} --max-cases {min(shard.number + 1, self.plan.cases)}"
        cap = "" if self.plan.max_size is None else f" --max-size {self.plan.max_size}"
        only = f" --only {invariant}" if invariant else ""
        again = f"gruverify check {self.target} --format {shard.format} {cases}{cap}{only} --jobs 1"
        place = f"under {self.target}, in {shard.format} after {shard.number} cases"
        return f"the process {how}{where}, {place}; again: {again}"


def check_in_processes(target: str, plan: Plan, jobs: int, listener: Listener, patience: float = PATIENCE) -> Result:
    """Verify a named target with up to `jobs` processes, each taking some of the formats; the result does not depend on
    how many. A process that dies is reported in the result's `crashes`, and the others go on; the invariant that it
    died under is asked no more.

    Raises:
        UnknownTarget, TargetUnavailable: the target cannot be made into a backend.
        ValueError: the plan makes no sense for it.
        TargetDied: the process that was to import it ended, or gave no answer for `patience` seconds.
    """
    context = processes(target)
    formats, header = apart(context, outline, target, plan, name=target, patience=patience)
    listener(RunStarted(header))
    crew = Crew(target, plan, header, listener, context, patience)
    try:
        _carry_out(crew, formats, jobs)
    finally:
        crew.close()
    nothing = Result(header, {}, {}, crew.complete, 0.0, cpu=0.0)
    result = merge([nothing, *(shard.result for shard in crew.shards if shard.result is not None)])
    if not result.witnesses or not result.complete or result.crashes:
        return result
    try:
        return apart(context, concluded, result, target, name=target, patience=patience)
    except TargetDied:  # it stands without
        return result
    except KeyboardInterrupt:
        return replace(result, complete=False)


def _carry_out(crew: Crew, formats: tuple[Format, ...], jobs: int) -> None:
    """Have all formats done; where it is interrupted, what there is of them."""
    waiting = [formats[i::jobs] for i in range(min(jobs, len(formats)))]
    while waiting or crew.at_work:
        try:
            while waiting and crew.complete:
                crew.start(waiting.pop(0))
            waiting = waiting if crew.complete else []
            crew.receive()
        except KeyboardInterrupt:
            crew.interrupt()


def outline(target: str, plan: Plan) -> tuple[tuple[Format, ...], dict[str, Any]]:
    """The formats of a run, and its header."""
    backend = resolve(target)
    require(plan, backend)
    return formats_of(plan, backend), header_of(backend, plan, target)


def _work(line: Line, target: str, plan: Plan) -> None:
    line(run(resolve(target), plan, target, line, line.stopped))
