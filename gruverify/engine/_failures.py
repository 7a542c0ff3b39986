"""What failed in one format: the smallest case of each failure, whether it repeats, its witness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from gruverify.arithmetic import Format
from gruverify.backends import Backend, declarations_of
from gruverify.cell import AnyCase
from gruverify.engine._events import Listener, NotRepeated, Shrinking, Shrunk
from gruverify.engine._flaky import Flaky, entered, flaky, other_bits, tally_of_other_bits
from gruverify.engine._judge import Judgement, judge
from gruverify.engine._ledger import Ledger
from gruverify.engine._pace import Pace
from gruverify.engine._plan import Plan
from gruverify.engine._reduce import ALL_TRIES, FURTHER, TRIES, Reduction
from gruverify.engine._search import size
from gruverify.engine._witness import Witness


@dataclass
class Failures:
    """What failed in a format and what is made of it: entries of the ledger, told to the listener.

    alive: called while cases are judged, to tell that the target answers. smallest: by invariant,
    the smallest case that it failed on and has no witness for. unrepeated: by methods, how a
    failure of what reads them does not repeat. tries: how many cases are left to reduce witnesses
    with.
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
        while left:
            id, (case, judgement) = next(iter(left.items()))
            del left[id]
            # A reduction of what fails now and then follows chance, and ends anywhere.
            if not self.repeats(judgement, case):
                self._enter(judgement, case)
                continue
            self.listener(Shrinking(self.format.name, id))
            found = self._reduced(case, judgement, seen=judgement.invariant.family in families)
            families.add(judgement.invariant.family)
            # Reduced, it no longer fails each time: the case as it was drawn is the better witness.
            if not self._witness(judgement, found):
                self._enter(judgement, case)
                continue
            for other in self._failing_alike(found, [each for _, each in left.values()]):
                families.add(other.invariant.family)
                del left[other.invariant.id]
                self._enter(other, found)

    def _reduced(self, case: AnyCase, judgement: Judgement, *, seen: bool) -> AnyCase:
        """The smallest case found on which the invariant fails as it did.

        seen: whether another invariant of its family has a witness already.
        """
        # Of a family the second failure is seldom another fault: it gets fewer tries.
        tries = min(FURTHER if seen else TRIES, self.tries)
        fails = partial(self._fails_alike, judgement)
        reduction = Reduction(case, fails, tries, declarations_of(self.backend))
        found = reduction.run()
        self.tries -= min(self.tries, reduction.spent)
        return found

    def repeats(self, judgement: Judgement, case: AnyCase) -> bool:
        """Whether an invariant that failed on a case fails at every call; if not, the contract is
        broken, too.
        """
        id, name = judgement.invariant.id, self.format.name
        # Found out before, perhaps for another case: it is not asked again.
        if (id, name) in self.ledger.flaky:
            return False
        known = self.unrepeated.get(judgement.invariant.needs)
        found = flaky(judgement, case, self.backend, self.alive, known)
        if found is None:
            return True
        self.ledger.flaky[id, name] = self.unrepeated[judgement.invariant.needs] = found
        # The first such failure has told already that bits differ.
        for broken in () if known else other_bits(judgement.invariant, case, self.backend):
            tally = tally_of_other_bits(found, id, "xfail" if self.expects(broken) else "")
            self.ledger.tallies = entered(
                self.ledger.tallies, [broken], (name, str(case.variant)), tally
            )
        self.listener(NotRepeated(name, id, found))
        return False

    def _fails_alike(self, judgement: Judgement, case: AnyCase) -> bool:
        """Whether the invariant fails on the case as it did, for the same kind of reason."""
        return any(True for _ in self._failing_alike(case, [judgement]))

    def _failing_alike(self, case: AnyCase, before: Sequence[Judgement]) -> Iterator[Judgement]:
        """How those invariants judge the case that fail on it as they did, for the same kind of
        reason.
        """
        # Reductions take long, and have no deadline of their own: a Ctrl-C must reach them.
        self.pace.check_stopped()
        self.alive()
        obstacles = {judgement.invariant.id: judgement.obstacle for judgement in before}
        for found in judge(case, self.backend, [judgement.invariant for judgement in before]):
            # A case that is too small for a target raises, where the one before was wrong by a
            # number: that is another failure, and the first one must not be lost on the way.
            if found.failed and found.obstacle == obstacles[found.invariant.id]:
                yield found

    def _witness(self, judgement: Judgement, case: AnyCase) -> bool:
        """Enter the case as a witness, if it fails in each of some calls."""
        if not self.repeats(judgement, case):
            return False
        again = next(iter(judge(case, self.backend, [judgement.invariant])), judgement)
        self._enter(again if again.failed else judgement, case)
        return True

    def _enter(self, judgement: Judgement, case: AnyCase) -> None:
        witness = Witness(self.ledger.target, judgement.invariant.id, case, judgement.residual)
        self.ledger.witnesses[judgement.invariant.id, self.format.name] = witness
        self.listener(Shrunk(witness))
