"""How much is tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from gruverify.backends import DIRECTIONAL_METHODS, OPTIONAL_METHODS, STACK_OPTIONS
from gruverify.invariants import Invariant

#: Topics that take turns at the cases: families, and all that differentiates along a direction.
#: Every case is asked whether its first answers have the right form and lie where the mathematics
#: puts them, entry by entry; what a topic states mostly follows from that, and needs other answers,
#: to the case or to
#: one of its own.
TOPICS = (
    "contract",
    "agreement",
    "regimes",
    "symmetry",
    "conventions",
    "sequence",
    "dynamics",
    "numerics",
    "gradient",
    "stack",
    "directional",
    "masks",
)
#: What a method of a cell owes besides its numbers takes turns by methods, from these cases on: who
#: neglects a duty does so at almost every case, and is put to it by many calls. A stack's duties
#: take the contract's turns, but for those with masks: it has fewer cases.
_DUTIES = {
    "duties of step": 1,
    "duties of step_vjp": 2,
    "duties of sequence": 3,
    "duties of step_jacobian": 4,
    "duties of sequence_vjp": 6,
    "duties of reloaded": 7,
}
#: Those of other methods, where their topic has its turn: at the even ones, or at the odd ones.
_DUTIES_WITH = {
    "duties of sequence_jvp": ("directional", 0),
    "duties of sequence_hvp": ("directional", 1),
    "duties of sequence_hvp_reverse": ("directional", 0),
    "duties of sequence_masked": ("masks", 0),
    "duties of sequence_masked_vjp": ("masks", 1),
    "duties of sequence_restarted": ("masks", 1),
    "duties of sequence_restarted_vjp": ("masks", 0),
    "duties of sequence_marked": ("masks", 1),
    "duties of sequence_marked_vjp": ("masks", 0),
    "duties of sequence_zoneout": ("masks", 0),
    "duties of sequence_zoneout_vjp": ("masks", 1),
    "duties of stack_masked": ("masks", 0),
    "duties of stack_masked_vjp": ("masks", 0),
}
#: Methods with masks, of cells and of stacks.
_MASKED = (*OPTIONAL_METHODS, *STACK_OPTIONS)
DUTIES = (*_DUTIES, *_DUTIES_WITH)
#: Families of which some invariants read the first answers and no more.
_ANSWERED = ("contract", "agreement", "stack")
#: Those of them that take long, and say of runs as short as cases are what whole balls say.
_FOLLOWING = ("agreement/analytic-gradient", "agreement/long-gradient")


@cache
def topic(invariant: Invariant) -> str:
    """What it takes a turn with, a topic or the duties of a method; "" if it is checked on every
    case.
    """
    if invariant.family == "contract" and invariant.asks_more:
        duties = f"duties of {invariant.needs[0]}"
        if duties in DUTIES:
            return duties
    # All else that is said of masks, answers of the right form too, is one topic.
    if any(method in _MASKED for method in invariant.needs):
        return "masks"
    if any(method in DIRECTIONAL_METHODS for method in invariant.needs):
        return "directional"
    answered = invariant.family in _ANSWERED and not invariant.asks_more
    if answered and invariant.id not in _FOLLOWING:
        return ""
    if invariant.family in TOPICS:
        return invariant.family
    return ""


@dataclass(frozen=True)
class Profile:
    """A budget: cases for each format, and how many of them the topics share, and the methods for
    their duties; of a stack's cases, of which there is one for every three of a cell, `stack_turns`
    share the topics.
    """

    name: str
    cases: int
    turns: int
    duties: int
    stack_turns: int
    _turns: dict[str, tuple[int, int]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def asks(self, invariant: Invariant, number: int) -> bool:
        """Whether an invariant is checked on the case of that number, from 0: a topic of one case
        in that many.
        """
        if invariant.id not in self._turns:
            self._turns[invariant.id] = self._turn(invariant)
        first, every = self._turns[invariant.id]
        return number % every == first

    def _turn(self, invariant: Invariant) -> tuple[int, int]:
        """The first case that an invariant is checked on, and in how many cases it is once."""
        about = topic(invariant)
        if not about:
            return 0, 1
        if about in _DUTIES:
            # Each from a case of its own on, so that no case is put to all duties at once.
            return _DUTIES[about] % self.duties, self.duties
        turns = self.stack_turns if invariant.of_stacks else self.turns
        if any(method in _MASKED for method in invariant.needs):
            # A case has every mask, and takes as long as seven: every other turn is enough.
            turns = _every_other(turns)
        if about in _DUTIES_WITH:
            # As many turns share them as would without a topic: answers are asked for once.
            of, parity = _DUTIES_WITH[about]
            share = self.duties // self.turns
            return _first_of(of, turns) + parity % share * turns, share * turns
        return _first_of(about, turns), turns


def _first_of(about: str, turns: int) -> int:
    return -TOPICS.index(about) % turns


def _every_other(turns: int) -> int:
    """How many cases share every other turn; those of every case stay."""
    if turns == 1:
        return 1
    return 2 * turns


PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        Profile("quick", 25, 5, 5, 2),
        Profile("default", 40, 8, 16, 4),
        Profile("deep", 2000, 1, 1, 1),
    )
}
