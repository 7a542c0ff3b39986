"""Formats in processes of their own: both cores at work, and a target that dies takes nothing down
with it.
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from gruverify._named import JsonObject
from gruverify.arithmetic import Format
from gruverify.backends import (
    PATIENCE,
    Child,
    TargetDied,
    first_answer,
    in_subprocess,
    processes,
    wait_for,
)
from gruverify.engine._deaths import Death
from gruverify.engine._events import (
    CaseJudged,
    CasesJudged,
    Event,
    FirstFailure,
    FormatFinished,
    FormatStarted,
    Listener,
    NotRepeated,
    ProcessDied,
    RunStarted,
    Shrunk,
)
from gruverify.engine._flaky import Flaky
from gruverify.engine._journal import Judged
from gruverify.engine._keeping import Keeper, TakenOver
from gruverify.engine._plan import Plan
from gruverify.engine._remembering import concluded
from gruverify.engine._result import Result, in_order, merge
from gruverify.engine._shard_process import Unread, begin, by_jobs, outline, work
from gruverify.engine._witness import Witness

#: Seconds that shards have to send what they found, once the run is interrupted.
_GRACE = 1.5
#: How often a format is begun again because the target died in it.
_MOST_DEATHS = 6


@dataclass
class Shard:
    """One process and what is known of it: the format and case it is at, what failed there, and the
    formats that it has finished. begun: when, by the clock of `time.monotonic`.
    """

    formats: tuple[Format, ...]
    child: Child
    format: str
    number: int = 0
    so_far: Unread | None = None
    parts: list[Result] = field(default_factory=list)
    witnesses: dict[tuple[str, str], Witness] = field(default_factory=dict)
    flaky: dict[tuple[str, str], Flaky] = field(default_factory=dict)
    result: Result | None = None
    begun: float = field(default_factory=time.monotonic)

    def note(self, event: Event) -> None:
        """Follow the process, so that its death loses nothing that was found."""
        match event:
            # A format may begin a second time, after a death: what was reported the first time is
            # void.
            case FormatStarted(name):
                self.format, self.number, self.so_far = name, 0, None
                self.witnesses, self.flaky = {}, {}
            case CaseJudged(_, number):
                self.number = number
            case Shrunk(witness):
                self.witnesses[witness.invariant, witness.case.format.name] = witness
            case NotRepeated(name, invariant, flaky):
                self.flaky[invariant, name] = flaky
            # The part has all that was told so far, and more: both would count its cases twice.
            case FormatFinished(_, part):
                self.parts.append(part)
                self.so_far = None

    @property
    def left(self) -> tuple[Format, ...]:
        """The formats that it did not come to."""
        return self.formats[[fmt.name for fmt in self.formats].index(self.format) + 1 :]

    def known(self, header: JsonObject, note: str = "", *, begun_again: bool = False) -> Result:
        """What is known of the formats that it finished; unless another process begins the last one
        again, of that one too.
        """
        seconds = time.monotonic() - self.begun
        nothing = Result(header, {}, {}, True, seconds, (note,) if note else ())
        # Its processor seconds are not known: it could not say what the last format took.
        found = [nothing, *(replace(part, header=header, cpu=None) for part in self.parts)]
        if self.so_far is not None and not begun_again:
            last = self.so_far.read()
            # A witness may have come before the tallies that show its failure; alone it would be no
            # failure.
            entered = {key[:2] for key in last.tallies}
            witnesses = {
                place: w
                for place, w in (last.witnesses | self.witnesses).items()
                if place in entered
            }
            flaky = {place: found for place, found in self.flaky.items() if place in entered}
            part = Result(
                header, last.tallies, witnesses, True, 0.0, coverage={last.format: last.coverage}
            )
            found.append(replace(part, drawn=last.drawn, flaky=flaky))
        return merge(found)


@dataclass
class Crew:
    """The shards, and what is needed to start another in place of one that died; stops them all
    when asked to.

    judged: cases of an earlier run, None where nothing is kept; keep: who keeps what comes in.
    """

    target: str
    plan: Plan
    header: JsonObject
    listener: Listener
    context: Any
    patience: float
    judged: Mapping[str, Judged] | None = None
    keep: Listener = lambda event: None
    shards: list[Shard] = field(default_factory=list)
    complete: bool = True
    deadline: float = math.inf
    told: set[str] = field(default_factory=set)

    def start(self, formats: tuple[Format, ...]) -> None:
        """Put a process to work on some formats."""
        if self.judged is None:
            judged = None
        else:
            judged = {fmt.name: self.judged.get(fmt.name, {}) for fmt in formats}
        # The crew's plan, not the first one: it has the deaths by now, and what is checked no more.
        plan = replace(self.plan, formats=formats)
        child = Child(
            self.context, self.target, work, self.target, plan, judged, patience=self.patience
        )
        self.shards.append(Shard(formats, child, formats[0].name))

    @property
    def at_work(self) -> list[Shard]:
        """The shards that have no result yet."""
        return [shard for shard in self.shards if shard.result is None]

    def interrupt(self) -> None:
        """Have every shard send what it has. Whoever does not in time, or is waiting a second time,
        is done with.
        """
        # Whoever presses Ctrl-C a second time waits for nobody.
        self.deadline = time.monotonic() + (_GRACE if self.complete else 0.0)
        self.complete = False
        for shard in self.at_work:
            shard.child.stop()

    def receive(self) -> None:
        """Wait for the shards at work, take what each has sent, and end those that hang."""
        # A process that hangs sends nothing: it has to be looked at now and then all the same.
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
            if isinstance(message, Unread):
                shard.so_far = message
                continue
            shard.note(message)
            self.keep(message)
            if self._is_news(message):
                self.listener(message)
        # No death, even where it was killed: it was asked to stop.
        if not self.complete and (ended or time.monotonic() > self.deadline):
            self._finish(shard, shard.known(self.header), grace=0.0)
        elif ended:
            self._bury(shard, shard.child.ending)
        elif shard.child.silent() > self.patience:
            self._bury(shard, f"gave no answer for {self.patience:g} s and was stopped")

    def _is_news(self, event: Event) -> bool:
        """Whether the listener has yet to hear it: of the whole run's start it knows, and a format
        may begin twice.

        Who keeps cases has heard of them.
        """
        # Told once, though a format that begins again after a death meets its first failure again.
        if isinstance(event, FirstFailure):
            if event.format in self.told:
                return False
            self.told.add(event.format)
        return not isinstance(event, RunStarted | CasesJudged)

    def _finish(self, shard: Shard, result: Result, grace: float = 2.0) -> None:
        shard.result = result
        shard.child.close(grace)

    def _bury(self, shard: Shard, how: str) -> None:
        """Keep what it finished, and have its other formats done: the one it died in without the
        invariant that did.
        """
        call, left = shard.child.in_flight, shard.left
        note = self._obituary(shard, how, "" if call is None else call.invariant)
        begun_again = False
        if (
            call is not None
            and call.invariant
            # Else a target that dies whatever it is asked would be begun again for every invariant
            # there is.
            and sum(d.format == shard.format for d in self.plan.deaths) < _MOST_DEATHS
        ):
            death = Death(shard.format, call, how)
            self.plan = replace(self.plan, deaths=(*self.plan.deaths, death))
            self.keep(ProcessDied(death, note, shard.number))
            left = shard.formats[len(shard.formats) - len(left) - 1 :]
            begun_again = self.complete
        known = shard.known(self.header, note, begun_again=begun_again)
        self._finish(shard, known, grace=0.0)
        # After an interrupt nobody waits for another process, not even for formats not begun yet.
        if left and self.complete:
            self.start(left)

    def _obituary(self, shard: Shard, how: str, invariant: str) -> str:
        if invariant:
            where = f" in {shard.child.in_flight}"
        else:
            where = ""
        number = min(shard.number + 1, self.plan.cases)
        if self.plan.time_budget is not None:
            number = self.plan.cases  # a budget has the surveys drawn first, which need them all
        cases = f"--seed {self.plan.seed} --max-cases {number}"
        if self.plan.max_size is None:
            cap = ""
        else:
            cap = f" --max-size {self.plan.max_size}"
        if invariant:
            only = f" --only {invariant}"
        else:
            only = ""
        target = shlex.quote(self.target)
        again = f"gruverify check {target} --format {shard.format} {cases}{cap}{only} --jobs 1"
        place = f"under {self.target}, in {shard.format} after {shard.number} cases"
        return f"the process {how}{where}, {place}; again: {again}"


def check_in_processes(
    target: str,
    plan: Plan,
    jobs: int,
    listener: Listener,
    patience: float = PATIENCE,
    keeper: Keeper | None = None,
) -> Result:
    """Verify a named target with up to `jobs` processes, each taking some of the formats; the
    result does not depend on how many. A process that dies is reported in the result's `crashes`,
    and the others go on; the invariant that it died under is not checked again. What the keeper
    has of an earlier run of the same is not run again.

    Raises:
        UnknownTarget, TargetUnavailable: the target cannot be made into a backend.
        ValueError: the plan makes no sense for it.
        TargetDied: the process that was to import it ended, or gave no answer for `patience`
        seconds.
    """
    # The target is never imported here: what it does to its process, it does to another one.
    context = processes(target)
    if keeper is None:
        result = _check_afresh(context, target, plan, jobs, listener, patience)
    else:
        result = _check_kept(context, target, plan, jobs, listener, patience, keeper)
    return concluded_apart(result, target, patience)


def _check_afresh(
    context: object, target: str, plan: Plan, jobs: int, listener: Listener, patience: float
) -> Result:
    """A run of which nothing is kept: the process that imports the target to outline the run goes
    on with its first formats. Importing a framework again would take seconds.
    """
    first = Child(context, target, begin, target, plan, jobs, patience=patience)
    try:
        outlined: Any = first_answer(first, patience)
    except BaseException:
        first.close(grace=0.0)
        raise
    formats, header, _ = outlined
    crew = Crew(target, plan, header, listener, context, patience)
    by_job = by_jobs(formats, jobs)
    crew.shards += [Shard(some, first, some[0].name) for some in by_job[:1]]
    try:
        listener(RunStarted(crew.header))
        _carry_out(crew, by_job[1:])
    finally:
        crew.close()
    return _added_up(crew)


def _check_kept(
    context: object,
    target: str,
    plan: Plan,
    jobs: int,
    listener: Listener,
    patience: float,
    keeper: Keeper,
) -> Result:
    """A run that is kept, and goes on where an earlier one of the same was."""
    formats, header, sources = in_subprocess(
        context, outline, target, plan, name=target, patience=patience
    )
    crew = Crew(target, plan, header, listener, context, patience)
    earlier = keeper.begin(plan, header, sources)
    _take_over(crew, earlier, keeper)
    listener(RunStarted(crew.header))
    known = set(chain.from_iterable(part.coverage for part in earlier.parts))
    try:
        _carry_out(crew, by_jobs(tuple(fmt for fmt in formats if fmt.name not in known), jobs))
    finally:
        crew.close()
    parts = [replace(part, header=crew.header) for part in earlier.parts]
    return _added_up(crew, parts, tuple(note for _, note in earlier.deaths))


def check_apart(
    target: str,
    plan: Plan,
    header: JsonObject,
    patience: float = PATIENCE,
    keep: Listener = lambda event: None,
) -> Result:
    """What a plan with formats finds of a target that was seen before, with one process at a time;
    `concluded_apart` concludes from it, and from others that it is merged with.

    header: that of the result; keep: is informed of processes that die.
    """
    crew = Crew(target, plan, header, lambda event: None, processes(target), patience, keep=keep)
    try:
        _carry_out(crew, by_jobs(plan.formats or (), 1))
    finally:
        crew.close()
    return _added_up(crew)


def _added_up(crew: Crew, parts: Sequence[Result] = (), notes: tuple[str, ...] = ()) -> Result:
    """What the shards and some parts add up to."""
    whole = Result(crew.header, {}, {}, crew.complete, 0.0, notes, cpu=0.0)
    results = (shard.result for shard in crew.shards if shard.result is not None)
    return in_order(merge([whole, *parts, *results]))


def concluded_apart(result: Result, target: str, patience: float = PATIENCE) -> Result:
    """The result with what a new process of the target makes of what failed in it, if it gets
    that far.
    """
    # A target that dies would do so again here, and whoever pressed Ctrl-C waits.
    if not result.witnesses or not result.complete or result.crashes:
        return result
    context = processes(target)
    try:
        return in_subprocess(context, concluded, result, target, name=target, patience=patience)
    except TargetDied:  # it stands without
        return result
    except KeyboardInterrupt:
        return replace(result, complete=False)


def _take_over(crew: Crew, earlier: TakenOver, keeper: Keeper) -> None:
    """Have the crew go on where the earlier run was, and keep what it finds."""
    crew.keep, crew.judged = keeper.keep, earlier.judged
    if earlier.header is not None:
        deaths = tuple(death for death, _ in earlier.deaths)
        # The witnesses that the earlier run tried, not those saved meanwhile: results must not
        # differ.
        crew.plan = replace(crew.plan, saved=earlier.saved, deaths=deaths)
        crew.header = {**crew.header, "replayed": earlier.header["replayed"]}


def _carry_out(crew: Crew, waiting: list[tuple[Format, ...]]) -> None:
    """Have all formats done, some in each process; where it is interrupted, what there is of
    them.
    """
    while waiting or crew.at_work:
        try:
            while waiting and crew.complete:
                crew.start(waiting.pop(0))
            waiting = waiting if crew.complete else []
            crew.receive()
        except KeyboardInterrupt:
            crew.interrupt()
