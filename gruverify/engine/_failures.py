"""What failed in one format: the smallest case of each failure, whether it repeats, its witness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from gruverify.arithmetic import Format
from gruverify.backends import Backend, Declarations, declarations_of
from gruverify.cell import AnyCase
from gruverify.engine._events import Listener, NotRepeated, Shrinking, Shrunk
from gruverify.engine._flaky import Flaky, entered, flaky, other_bits, tally_of_other_bits
from gruverify.engine._judge import Judgement, judge_trial, trial_of
from gruverify.engine._ledger import Ledger
from gruverify.engine._pace import Pace
from gruverify.engine._plan import Plan
from gruverify.engine._reduce import ALL_TRIES, FURTHER, TRIES, Reduction
from gruverify.engine._search import size
from gruverify.engine._verdict import VALUES
from gruverify.engine._witness import Witness
from gruverify.invariants import StackTrial, Trial


@dataclass
class Failures:
    """What failed in a format and what is made of it: entries of the ledger, told to the listener.

    alive: called while cases are judged, to tell that the target answers. smallest: by invariant,
    the smallest case that it failed on and has no witness for. unrepeated: by methods, how a
    failure of what reads them does not repeat. explained: whether the likely cause explains all
    that failed. tries: how many cases are left to reduce witnesses with.
    """

    backend: Backend
    format: Format
    plan: Plan
    ledger: Ledger
    listener: Listener
    pace: Pace
    alive: Callable[[], None]
    smallest: dict[str, tuple[AnyCase, Judgement]] = field(default_factory=dict)
    unrepeated: dict[tuple[str, ...], Flaky] = field(default_factory=dict)
    explained: bool = False
    tries: int = field(init=False)

    def __post_init__(self) -> None:
        self.tries = ALL_TRIES if self.plan.shrink else 0

    def expects(self, id: str) -> bool:
        """Whether the plan expects the invariant to fail."""
        return self.plan.selection.xfails_it(id, self.format.name) is not None

    def are_enough(self) -> bool:
        """Whether as many invariants have failed as the plan wants to know of."""
        if self.plan.max_failures is None:
            return False
        # Those with a witness are of streams before, those in `smallest` of this one.
        shown = {id for id, fmt in self.ledger.witnesses if fmt == self.format.name}
        return len(shown | self.smallest.keys()) >= self.plan.max_failures

    def keep(self, case: AnyCase, judgement: Judgement) -> None:
        """Keep the case if it is the smallest on which the invariant failed: that one is reduced to
        a witness.
        """
        id = judgement.invariant.id
        # A smaller case would have to be reduced once more, and is reduced to about the same.
        if (id, self.format.name) in self.ledger.witnesses:
            return  # another stream's cases have shown it
        if id not in self.smallest or size(case) < size(self.smallest[id][0]):
            self.smallest[id] = (case, judgement)

    def as_drawn(self) -> dict[tuple[str, str], Witness]:
        """Witnesses of what has failed and has none yet: the smallest cases that were drawn."""
        found = dict[tuple[str, str], Witness]()
        for id, (case, judgement) in self.smallest.items():
            place = id, self.format.name
            if place not in self.ledger.witnesses:
                found[place] = Witness(self.ledger.target, id, case, judgement.residual)
        return found

    def shrink(self) -> None:
        """A small case for every falsified invariant: what was found for one serves all that it
        falsifies too.

        A GRU that is wrong throughout falsifies a hundred, and has few witnesses.
        """
        # In the order in which they first failed, so that a seed gives the same witnesses.
        left, families = dict(self.smallest), set[str]()
        if self.explained:
            # Values first: they show one cause without a detour.
            left = dict(sorted(left.items(), key=lambda each: each[0] not in VALUES.ids))
        while left:
            id, (case, judgement) = next(iter(left.items()))
            del left[id]
            # A reduction of what fails now and then follows chance, and ends anywhere.
            if not self.repeats(judgement, self.trial_of(case)):
                self._enter(judgement, case)
                continue
            self.listener(Shrinking(self.format.name, id))
            # What the mathematics allows for it is found once for all that is checked on it.
            small = self.trial_of(
                self._reduced(case, judgement, seen=judgement.invariant.family in families)
            )
            families.add(judgement.invariant.family)
            # Reduced, it no longer fails each time: the case as it was drawn is the better witness.
            if not self._witness(judgement, small):
                self._enter(judgement, case)
                continue
            others = [each for _, each in left.values()]
            for other in self._failing_alike(small.asked_again(), others):
                families.add(other.invariant.family)
                del left[other.invariant.id]
                self._enter(other, small.case)
        # Only now: a Ctrl-C before finds here what has no witness yet.
        self.smallest.clear()

    def _reduced(self, case: AnyCase, judgement: Judgement, *, seen: bool) -> AnyCase:
        """The smallest case found on which the invariant fails as it did.

        seen: whether another invariant of its family has a witness already.
        """
        # Of a family the second failure is seldom another fault: it gets fewer tries.
        tries = min(FURTHER if seen else TRIES, self.tries)
        fails = partial(self._fails_alike, judgement)
        # The first witness is the one that people read: of one cause the others need be small.
        numbers = not (self.explained and self._have_a_witness)
        reduction = Reduction(case, fails, tries, self._declared, numbers)
        found = reduction.run()
        self.tries -= min(self.tries, reduction.spent)
        return found

    @property
    def _have_a_witness(self) -> bool:
        return any(fmt == self.format.name for _, fmt in self.ledger.witnesses)

    def trial_of(self, case: AnyCase) -> Trial | StackTrial:
        """The trial of a case."""
        return trial_of(case, self.backend, self._declared)

    @cached_property
    def _declared(self) -> Declarations:
        return declarations_of(self.backend)

    def repeats(self, judgement: Judgement, trial: Trial | StackTrial) -> bool:
        """Whether an invariant that failed on a trial's case fails at every call; if not, the
        contract is broken, too.
        """
        id, name = judgement.invariant.id, self.format.name
        # Found out before, perhaps for another case: it is not asked again.
        if (id, name) in self.ledger.flaky:
            return False
        known = self.unrepeated.get(judgement.invariant.needs)
        found = flaky(judgement, trial, self.alive, known)
        if found is None:
            return True
        self.ledger.flaky[id, name] = self.unrepeated[judgement.invariant.needs] = found
        # The first such failure has told already that bits differ.
        for broken in () if known else other_bits(judgement.invariant, trial.case, self.backend):
            tally = tally_of_other_bits(found, id, "xfail" if self.expects(broken) else "")
            self.ledger.tallies = entered(
                self.ledger.tallies, [broken], (name, str(trial.case.variant)), tally
            )
        self.listener(NotRepeated(name, id, found))
        return False

    def _fails_alike(self, judgement: Judgement, case: AnyCase) -> bool:
        """Whether the invariant fails on the case as it did, for the same kind of reason."""
        found = self._failing_alike(self.trial_of(case), [judgement], first=True)
        return any(True for _ in found)

    def _failing_alike(
        self, trial: Trial | StackTrial, before: Sequence[Judgement], *, first: bool = False
    ) -> Iterator[Judgement]:
        """How those invariants judge the trial's case that fail on it as they did, for the same
        kind of reason; `first` is as in `judge_trial`.
        """
        # Reductions take long, and have no deadline of their own: a Ctrl-C must reach them.
        self.pace.check_stopped()
        self.alive()
        obstacles = {judgement.invariant.id: judgement.obstacle for judgement in before}
        asked = [judgement.invariant for judgement in before]
        for found in judge_trial(trial, asked, asked=True, first=first):
            # A case that is too small for a target raises, where the one before was wrong by a
            # number: that is another failure, and the first one must not be lost on the way.
            if found.failed and found.obstacle == obstacles[found.invariant.id]:
                yield found

    def _witness(self, judgement: Judgement, trial: Trial | StackTrial) -> bool:
        """Enter the case of a trial as a witness, if it fails in each of some calls."""
        if not self.repeats(judgement, trial):
            return False
        judged = judge_trial(trial.asked_again(), [judgement.invariant], asked=True)
        again = next(judged, judgement)
        self._enter(again if again.failed else judgement, trial.case)
        return True

    def _enter(self, judgement: Judgement, case: AnyCase) -> None:
        witness = Witness(self.ledger.target, judgement.invariant.id, case, judgement.residual)
        self.ledger.witnesses[judgement.invariant.id, self.format.name] = witness
        self.listener(Shrunk(witness))
