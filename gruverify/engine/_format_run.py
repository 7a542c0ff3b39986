"""One format of a run: draw cases, judge them, shrink what fails."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, cast

from gruverify.arithmetic import Format
from gruverify.backends import Backend, derived_methods
from gruverify.cell import AnyCase
from gruverify.coverage import Coverage, excluded, sizes_visited, visits
from gruverify.engine._asked import Claims, asked_at, claims_of, selected_invariants, why_not
from gruverify.engine._conditions import Outcomes, features_of, marks_of, outcome
from gruverify.engine._deaths import not_asked_again
from gruverify.engine._describe import describe
from gruverify.engine._drawn import Drawn, Kind, kind_of, one
from gruverify.engine._early_end import EarlyEnd
from gruverify.engine._events import (
    Alive,
    CaseJudged,
    Compiling,
    FirstFailure,
    FormatStarted,
    Listener,
    SoFar,
)
from gruverify.engine._failures import Failures
from gruverify.engine._journal import Found, Journal
from gruverify.engine._judge import (
    Judgement,
    compared_methods,
    judge,
    judge_trial,
    outcome_of,
    reads,
)
from gruverify.engine._ledger import Ledger
from gruverify.engine._less_accurate import Explaining
from gruverify.engine._mutation import Closest
from gruverify.engine._pace import Pace
from gruverify.engine._plan import Plan, replayed, streams_of
from gruverify.engine._saved import Fate, Replay
from gruverify.engine._stream import Stream, emit
from gruverify.engine._suggestions import Fact, suggested
from gruverify.engine._tally import Mark, Tally
from gruverify.engine._undeclared import Undeclared
from gruverify.engine._witness import Witness
from gruverify.invariants import INVARIANTS, Invariant, StackTrial, Trial

#: Telling what there is so far may take up to one part in that many of a run's time: with all
#: invariants it is more than a megabyte, with large cases more.
_SELDOM = 100


def seeded(backend: Any, seed: int) -> None:
    """Seed the backend, if it wants that."""
    if callable(getattr(backend, "seed", None)):
        backend.seed(seed)


@dataclass
class FormatRun:
    """The cases of one format, and the witnesses of what they falsify.

    `pace` is that of the format, and `share` that of the stream that is being drawn; `journal` has
    cases that were judged before, and keeps those that are; `number` is how many cases there have
    been, `drawn` how many of them in the stream; `of_sizes` tells whether that is one of the survey
    of sizes; `told` whether a failure was, and `looked` whether it was asked if it repeats;
    `replaying` whether cases are those of saved witnesses; `mutating` whether they are made of the
    `closest`; `met` has the sizes of the cases so far, where each new one is told; `owed` are the
    invariants of stacks that the target declined whenever they had their turn, and `answered` those
    that it did not.
    """

    backend: Backend
    format: Format
    plan: Plan
    ledger: Ledger
    listener: Listener
    pace: Pace
    share: Pace
    journal: Journal | None = None
    number: int = 0
    stream: str = ""
    drawn: int = 0
    told: bool = False
    looked: bool = False
    replaying: bool = False
    mutating: bool = False
    closest: Closest = field(default_factory=Closest)
    of_sizes: bool = False
    heard: float = field(default_factory=time.monotonic)
    reports_from: float = field(default_factory=lambda: time.monotonic() + 1)
    facts: dict[Kind, list[Fact]] = field(default_factory=lambda: {"cells": [], "stacks": []})
    met: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    owed: set[str] = field(default_factory=set)

    @cached_property
    def failures(self) -> Failures:
        """What failed so far."""
        return Failures(
            self.backend,
            self.format,
            self.plan,
            self.ledger,
            self.listener,
            self.pace,
            self._heartbeat,
        )

    @cached_property
    def claims(self) -> Claims:
        """What the target claims, read once: that takes as long as a small comparison."""
        return claims_of(self.backend)

    @cached_property
    def undeclared(self) -> dict[Kind, Undeclared]:
        """Which declaration the target may lack."""
        return {"cells": Undeclared(self.backend), "stacks": Undeclared(self.backend)}

    @cached_property
    def explaining(self) -> Explaining:
        """Whether all that fails may be a matter of accuracy."""
        return Explaining(self.backend, self.format, self._heartbeat)

    @cached_property
    def early_end(self) -> EarlyEnd:
        """Whether one cause explains what failed so far."""
        return EarlyEnd(self.failures, self.explaining)

    @cached_property
    def not_asked(self) -> dict[str, Tally]:
        """The invariants that the run is about and that are not put to the backend, and why."""
        chosen, found = self.plan.selection, dict[str, Tally]()
        asked, profile = list[Invariant](), self.plan.profile
        for invariant in selected_invariants(chosen):
            why = why_not(invariant, self.backend, self.format, profile, chosen, self.claims)
            if why is None:
                asked.append(invariant)
            else:
                found[invariant.id] = why
        return found | not_asked_again(
            self.plan.deaths, self.format.name, asked, derived_methods(self.backend)
        )

    @cached_property
    def invariants(self) -> list[Invariant]:
        """The invariants that the run checks."""
        return [
            invariant
            for invariant in selected_invariants(self.plan.selection)
            if invariant.id not in self.not_asked
        ]

    def run(self) -> None:
        """Draw, judge, shrink. What failed is kept as it was drawn where the run is stopped before
        that.
        """
        try:
            self._run()
        except KeyboardInterrupt:
            self.ledger.witnesses |= self.failures.as_drawn()
            raise
        finally:
            self._send()

    def _run(self) -> None:
        plan = self.plan
        streams = streams_of(plan, self.backend, self.format)
        self.listener(FormatStarted(self.format.name, sum(stream.length for stream in streams)))
        for id, why in self.not_asked.items():
            self.ledger.enter(id, self.format, "-", why, why.mark)
        name = self.format.name
        self.ledger.coverage[name] = Coverage(excluded=excluded(self.backend, plan.max_size))
        self._replay_all()
        for stream, share in self._shares(streams if self.invariants else []):
            if self._is_over:
                break
            self._draw(stream, share)
            self.failures.shrink()
        self.ledger.closest |= self.closest.by_format(self.ledger.target)
        for kind, facts in self.facts.items():
            # What the target answers when it is asked again says more than what features the cases
            # share.
            if hint := self.undeclared[kind].found() or suggested(
                facts, self.undeclared[kind].bears_out
            ):
                self.ledger.hints[name, kind] = hint
        if self.explaining.failed:
            # What fails now and then may hold under some hypothesis by luck: nothing is explained
            # by that.
            repeats = not any(fmt == name for _, fmt in self.ledger.flaky)
            if repeats:
                self.ledger.lesser[name] = self.explaining.found()
            else:
                self.ledger.lesser[name] = None

    def _replay_all(self) -> None:
        """Try the saved witnesses of the format. What fails is a failure like any other, and what
        does not fail claims nothing: it was not drawn. The target is seeded again, so that it meets
        what is drawn as it would have.
        """
        # Not one that the process died under: it would end the next one, too.
        asked = {invariant.id for invariant in self.invariants}
        saved = replayed(self.plan, self.backend).witnesses
        mine = [w for w in saved if w.case.format is self.format and w.invariant in asked]
        self.replaying = True
        for case, ids in _by_case(mine):
            self.share.check_stopped()
            if self.share.is_late() or self._is_over:
                break
            self._replay(case, ids)
            self.early_end.seek()
        # What a run that was stopped has saved is as it was drawn: reducing it is left to this one.
        self.failures.shrink()
        self.replaying = False
        if mine:
            seeded(self.backend, self.plan.seed)

    def _replay(self, case: AnyCase, ids: list[str]) -> None:
        """Try a case on which these invariants failed."""
        fates = dict.fromkeys(ids, "not answered")
        for judgement in judge(case, self.backend, [INVARIANTS[id] for id in ids]):
            self._heartbeat()
            id = judgement.invariant.id
            if self.failures.are_enough():
                del fates[id]  # it is not tried any more
                continue
            self.closest.meet(case, [judgement])
            if judgement.tally.judged:
                fates[id] = "held"
            if judgement.failed:
                fates[id], expected = "failed", self.failures.expects(id)
                mark: Mark = "xfail" if expected else ""
                self.ledger.enter(id, self.format, str(case.variant), judgement.tally, mark)
                self._meet(case, [] if expected else [judgement])
        replays = [Replay(id, self.format.name, cast(Fate, fate)) for id, fate in fates.items()]
        self.ledger.replays += replays
        failed = "failed" in fates.values()
        if failed:
            self.early_end.want()
        # A run that is ended while witnesses are tried has found what they show.
        self._report(at_once=failed)

    def _shares(self, streams: list[Stream]) -> Iterator[tuple[Stream, Pace]]:
        """Each stream with its share of the time that the format has, by how many cases are left to
        draw; streams of a survey, of few cases each, share theirs.

        Where time is short, what says most comes first: the surveys, which meet all gates and sizes
        in few cases.
        """
        if self.pace.deadline is not None:
            # The order is stable: within each half, streams come as they would without a budget.
            streams = sorted(streams, key=lambda stream: not stream.survey)
        left = sum(stream.count for stream in streams)
        for _, alike in groupby(
            streams, key=lambda stream: (stream.survey, stream.sizes is None, stream.kind)
        ):
            some = list(alike)
            count = sum(stream.count for stream in some)
            share = self.pace.part(count / left)
            yield from ((stream, share) for stream in some)
            left -= count

    def _draw(self, stream: Stream, share: Pace) -> None:
        """Show the cases of a stream to the backend, as many as there is time for.

        Where Hypothesis has no further case that differs, those that it has are all that was
        planned.
        """
        self.share, self.of_sizes = share, stream.sizes is not None
        self.stream, self.drawn = f"{stream.seed:x}", 0
        self._show(stream)
        self._mutate(stream)
        self._send()
        self.share.check_stopped()
        if share.is_late() or self._is_over:
            # Cut short: the cases that are missing stay planned, and are a doubt of the verdict.
            planned = stream.length
        else:
            planned = self.drawn
        self.ledger.count(self.format, stream.kind, Drawn(planned))

    def _show(self, stream: Stream) -> None:
        """Show the backend the stream's own cases. The likely cause is looked for between two of
        them: that draws cases itself, as Hypothesis lets nobody do inside a drawing.
        """
        while self.drawn < stream.count:
            stream.draw(self._visit, self.drawn)
            if not self.early_end.wanted:
                return
            self.early_end.seek()
            if self._is_over:
                return

    def _mutate(self, stream: Stream) -> None:
        """Show the backend cases that are made of the one that came closest to a bound."""
        self.mutating = True
        for case in self.closest.mutations(stream.mutated, stream.seed):
            if not self._visit(case):
                break
        self.mutating = False

    def _send(self) -> None:
        """Have kept what was judged."""
        if self.journal is not None:
            self.journal.send()

    def _visit(self, case: AnyCase) -> bool:
        """Judge a case that was drawn, and say whether to draw another."""
        self.share.check_stopped()
        if self.share.is_late():
            return False
        new: list[str] = []
        trial, features = self.failures.trial_of(case), features_of(case)
        marks, variant = marks_of(features), str(case.variant)
        known, found = self._known(case), list[Judgement]()
        if known is None:
            self._tell_of_new_sizes(case)
        # Judged one by one, and entered before the next is asked for: what was found before a death
        # or a Ctrl-C is in the ledger.
        for judgement in self._judgements(trial) if known is None else known.judgements:
            self._heartbeat()
            id, expected = judgement.invariant.id, self.failures.expects(judgement.invariant.id)
            found.append(judgement)
            mark: Mark = "xfail" if expected else ""
            outcomes = _outcome(marks, judgement)
            self.ledger.enter(id, self.format, variant, judgement.tally, mark, outcomes)
            if judgement.failed and not expected:
                new += [id] if id not in self.failures.smallest else []
                self._tell_first(case, judgement)
        if known is None:
            visited = self._visited(trial, found)
        else:
            visited = known.visited
        if known is None and self.journal is not None:
            self.journal.keep(self.stream, self.drawn, case, Found(tuple(found), visited))
        # Cases taken over from a journal are met, too, or mutations after them would be others.
        self.closest.meet(case, found)
        emit(visited)
        self.ledger.coverage[self.format.name] += visited
        self._meet(
            case, [j for j in found if j.failed and not self.failures.expects(j.invariant.id)]
        )
        self.undeclared[kind_of(case)].meet(
            case, [j for j in found if not self.failures.expects(j.invariant.id)]
        )
        self.facts[kind_of(case)].append(Fact(features, outcome_of(found)))
        self._owe(found)
        # Only now: which invariants have their turn at a case follows from how many there were
        # before it.
        self.number, self.drawn = self.number + 1, self.drawn + 1
        self.ledger.count(self.format, kind_of(case), one(case))
        self.listener(CaseJudged(self.format.name, self.number, tuple(new)))
        self._report(at_once=bool(new))
        if new and not self.mutating:
            self.early_end.want()
        return not (self._is_over or self.early_end.wanted)

    @property
    def _is_over(self) -> bool:
        """Whether no further case is needed."""
        return self.failures.are_enough() or self.failures.explained

    def _known(self, case: AnyCase) -> Found | None:
        """What an earlier run of the same found of the case, if that was kept."""
        if self.journal is None:
            return None
        turn = (one for one in self._turn(case) if reads(one, case) and one.applies(case.variant))
        return self.journal.found(
            self.stream, self.drawn, case, [invariant.id for invariant in turn]
        )

    def _judgements(self, trial: Trial | StackTrial) -> Iterator[Judgement]:
        """How the invariants whose turn it is judge the case."""
        return judge_trial(trial, self._turn(trial.case), asked=True)

    def _tell_of_new_sizes(self, case: AnyCase) -> None:
        """Where every new shape takes long, that is what a run waits for."""
        if self.claims.declared.shapes != "few":
            return
        sizes = ", ".join(f"{letter}={size}" for letter, size in case.sizes.items())
        if sizes not in self.met:
            self.met.add(sizes)
            self.listener(Compiling(self.format.name, sizes))

    def _tell_first(self, case: AnyCase, judgement: Judgement) -> None:
        """The first failure of the format is told when it happens: what is made of it all may take
        a while.
        """
        if not self.told:
            self.told = True
            few = self.claims.declared.shapes == "few"
            text = describe(judgement.invariant, judgement.residual, case, few=few)
            self.listener(
                FirstFailure(self.format.name, 0 if self.replaying else self.number + 1, text)
            )

    def _meet(self, case: AnyCase, failing: Sequence[Judgement]) -> None:
        """Take in what failed on a case unexpectedly. Of the first failure it is found out at once
        whether it repeats: whatever else fails means less if it does not.
        """
        for judgement in failing:
            self._tell_first(case, judgement)
            self.failures.keep(case, judgement)
        # Once for each format: it takes some calls of a target that may be slow.
        if failing and not self.looked:
            self.looked = True
            self.failures.repeats(failing[0], self.failures.trial_of(case))
        self.explaining.meet(case, list(failing))

    def _turn(self, case: AnyCase) -> list[Invariant]:
        """The invariants that are checked on the next case: all where the number of cases was asked
        for, else as the profile has it; of a case of the survey of sizes, those that it is for.
        """
        if self.of_sizes:
            return asked_at(case.sizes, self.invariants, self.claims.declared)
        return [
            invariant
            for invariant in self.invariants
            if self.plan.asks(invariant, self.number) or invariant.id in self.owed
        ]

    def _owe(self, found: list[Judgement]) -> None:
        """Keep in mind what is yet to be asked of stacks: all turns of an invariant may fall on
        cases that a target does not take, such as those with the batch first.
        """
        for judgement in found:
            invariant = judgement.invariant
            if not judgement.tally.declined:
                self.answered.add(invariant.id)
                self.owed.discard(invariant.id)
            elif invariant.of_stacks and invariant.id not in self.answered:
                self.owed.add(invariant.id)

    def _visited(self, trial: Trial | StackTrial, judgements: list[Judgement]) -> Coverage:
        """What the case of a trial visited. Gates of a long run would take long to find."""
        visited = sizes_visited(trial.case.sizes, compared_methods(judgements))
        if isinstance(trial, Trial) and not self.of_sizes:
            return visited + visits(trial)
        return visited

    def _heartbeat(self) -> None:
        now = time.monotonic()
        if now > self.heard + 1:
            self.heard = now
            self.listener(Alive(self.format.name))

    def _report(self, *, at_once: bool) -> None:
        """Tell what there is so far: new failures at once, the rest about once a second, or less
        often where telling takes long.
        """
        now, name = time.monotonic(), self.format.name
        if at_once or now > self.reports_from:
            coverage, drawn = self.ledger.coverage[name], self.ledger.drawn_in(name)
            self.listener(
                SoFar(
                    name,
                    self.ledger.tallies_of(self.format),
                    self.failures.as_drawn(),
                    coverage,
                    drawn,
                )
            )
            told = time.monotonic()
            # What is sent is pickled, which takes long where cases are large: see `_SELDOM`.
            self.reports_from = told + max(1.0, _SELDOM * (told - now))


def _by_case(witnesses: Iterable[Witness]) -> list[tuple[AnyCase, list[str]]]:
    """Each case once, with the invariants that failed on it: its answers are asked for once."""
    found = dict[Hashable, tuple[AnyCase, list[str]]]()
    for witness in witnesses:
        found.setdefault(witness.case.key(), (witness.case, []))[1].append(witness.invariant)
    return list(found.values())


def _outcome(marks: int, judgement: Judgement) -> Outcomes:
    """What the case adds to the counts by feature: nothing where the invariant could not be
    judged.
    """
    tally = judgement.tally
    if tally.judged or tally.error:
        return outcome(marks, failed=judgement.failed)
    return Outcomes()
