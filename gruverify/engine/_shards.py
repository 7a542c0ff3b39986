"""Formats in processes of their own: both cores at work, and a target that dies takes nothing down with it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from gruverify.arithmetic import Format
from gruverify.backends import TargetDied, apart, ending, processes, quiet, resolve
from gruverify.coverage import Coverage
from gruverify.engine._drawn import Drawn, Kind
from gruverify.engine._events import (
    CaseJudged,
    Event,
    FormatFinished,
    FormatStarted,
    Listener,
    NotRepeated,
    RunStarted,
    Shrunk,
)
from gruverify.engine._flaky import Flaky
from gruverify.engine._plan import Plan, formats_of, header_of, require
from gruverify.engine._remembering import concluded
from gruverify.engine._result import Key, Result, merge
from gruverify.engine._run import run
from gruverify.engine._tally import Tally
from gruverify.engine._witness import Witness


@dataclass
class Shard:
    """One process and what is known of it: the format and case it is at, and the formats that it has finished."""

    formats: tuple[Format, ...]
    process: BaseProcess
    pipe: Connection
    format: str
    number: int = 0
    heard: float = field(default_factory=time.monotonic)
    hung: bool = False
    tallies: dict[Key, Tally] = field(default_factory=dict)
    witnesses: dict[tuple[str, str], Witness] = field(default_factory=dict)
    coverage: dict[str, Coverage] = field(default_factory=dict)
    drawn: dict[tuple[str, Kind], Drawn] = field(default_factory=dict)
    flaky: dict[tuple[str, str], Flaky] = field(default_factory=dict)
    result: Result | None = None

    def note(self, event: Event) -> None:
        """Follow the process, so that its death loses no more than the format it is at."""
        self.heard = time.monotonic()
        match event:
            case FormatStarted(name):
                self.format, self.number = name, 0
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

    @property
    def left(self) -> tuple[Format, ...]:
        """The formats that it did not come to."""
        return self.formats[[fmt.name for fmt in self.formats].index(self.format) + 1 :]


@dataclass
class Crew:
    """The shards, and what is needed to start another in place of one that died; stops them all when asked to."""

    target: str
    plan: Plan
    header: dict[str, Any]
    listener: Listener
    context: Any
    stop: Any
    patience: float
    shards: list[Shard] = field(default_factory=list)
    complete: bool = True

    def start(self, formats: tuple[Format, ...]) -> None:
        """Put a process to work on some formats."""
        receiver, sender = self.context.Pipe(duplex=False)
        plan = replace(self.plan, formats=formats)
        process = self.context.Process(target=_work, args=(self.target, plan, sender, self.stop), daemon=True)
        with quiet():
            process.start()
        sender.close()
        self.shards.append(Shard(formats, process, receiver, formats[0].name))

    def interrupt(self) -> None:
        """Have every shard finish the case it is at and send what it has."""
        self.complete = False
        self.stop.set()

    def receive(self) -> None:
        """Wait for the shards at work, take one message from each that has one, and end those that hang."""
        at_work = {shard.pipe: shard for shard in self.shards if shard.result is None}
        for pipe in wait(list(at_work), timeout=min(self.patience, 1.0)):
            self._take(at_work[pipe])  # type: ignore[index]  # wait returns the pipes it was given
        for shard in at_work.values():
            if shard.result is None and time.monotonic() > shard.heard + self.patience:
                shard.hung = True
                shard.process.kill()
                shard.heard = math.inf  # its pipe now ends, which is noticed as any death

    def _take(self, shard: Shard) -> None:
        try:
            message = shard.pipe.recv()
        except (EOFError, OSError):  # it died between two messages, or within one
            shard.process.join()
            self._bury(shard)
            return
        if isinstance(message, Result):
            shard.result = replace(message, header=self.header)
            return
        shard.note(message)
        if not isinstance(message, RunStarted):  # that of the whole run was sent already
            self.listener(message)

    def _bury(self, shard: Shard) -> None:
        judged = {key[:2] for key in shard.tallies}
        witnesses = {key: witness for key, witness in shard.witnesses.items() if key in judged}
        flaky = {key: found for key, found in shard.flaky.items() if key in judged}
        note = _obituary(shard, self)
        found = (shard.tallies, witnesses, True, 0.0, (note,), shard.coverage)
        shard.result = Result(self.header, *found, drawn=shard.drawn, flaky=flaky)
        if shard.left and self.complete:
            self.start(shard.left)


#: Seconds without an answer after which a target hangs.
PATIENCE = 120.0


def check_in_processes(target: str, plan: Plan, jobs: int, listener: Listener, patience: float = PATIENCE) -> Result:
    """Verify a named target with up to `jobs` processes, each taking some of the formats; the result does not depend on
    how many. A process that dies is reported in the result's `crashes`, and the others go on.

    Raises:
        UnknownTarget, TargetUnavailable: the target cannot be made into a backend.
        ValueError: the plan makes no sense for it.
        TargetDied: the process that was to import it ended.
    """
    context = processes(target)
    formats, header = apart(context, outline, target, plan)
    listener(RunStarted(header))
    crew = Crew(target, plan, header, listener, context, context.Event(), patience)
    for i in range(min(jobs, len(formats))):
        crew.start(formats[i::jobs])
    while any(shard.result is None for shard in crew.shards):
        try:
            crew.receive()
        except KeyboardInterrupt:
            crew.interrupt()
    for shard in crew.shards:
        shard.process.join()
    nothing = Result(header, {}, {}, crew.complete, 0.0, cpu=0.0)
    result = merge([nothing, *(shard.result for shard in crew.shards if shard.result is not None)])
    try:
        return apart(context, concluded, result, target) if result.witnesses else result
    except (TargetDied, KeyboardInterrupt):  # it stands without
        return result


def outline(target: str, plan: Plan) -> tuple[tuple[Format, ...], dict[str, Any]]:
    """The formats of a run, and its header."""
    backend = resolve(target)
    require(plan, backend)
    return formats_of(plan, backend), header_of(backend, plan, target)


def _work(target: str, plan: Plan, sender: Connection, stop: Any) -> None:
    sender.send(run(resolve(target), plan, target, sender.send, stop.is_set))


def _obituary(shard: Shard, crew: Crew) -> str:
    how = ending(shard.process.exitcode)
    if shard.hung:
        how = f"gave no answer for {crew.patience:g} s and was stopped"
    cases = f"--seed {crew.plan.seed} --max-cases {min(shard.number + 1, crew.plan.cases)}"
    cap = "" if crew.plan.max_size is None else f" --max-size {crew.plan.max_size}"
    again = f"gruverify check {crew.target} --format {shard.format} {cases}{cap} --jobs 1"
    return f"the process {how} under {crew.target}, in {shard.format} after {shard.number} cases; again: {again}"
