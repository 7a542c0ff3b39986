"""How much is tried."""

from __future__ import annotations

from dataclasses import dataclass

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
#: neglects a duty does so at almost every case, and is put to it by many calls. Directional methods
#: have theirs where their topic has its turn. A stack's duties take the contract's turns, but for
#: those with masks: it has fewer cases.
DUTIES = {
    "duties of sequence_jvp": 0,
    "duties of step": 1,
    "duties of step_vjp": 2,
    "duties of sequence": 3,
    "duties of step_jacobian": 4,
    "duties of sequence_hvp": 5,
    "duties of sequence_vjp": 6,
    "duties of reloaded": 7,
    "duties of sequence_hvp_reverse": 10,
    # Where masks have their turn.
    "duties of sequence_masked": 9,
    "duties of sequence_masked_vjp": 19,
    "duties of sequence_restarted": 19,
    "duties of sequence_restarted_vjp": 9,
    "duties of sequence_marked": 19,
    "duties of sequence_marked_vjp": 9,
    "duties of sequence_zoneout": 9,
    "duties of sequence_zoneout_vjp": 19,
    # Of stacks, of which there is one for every three cells.
    "duties of stack_masked": 4,
    "duties of stack_masked_vjp": 4,
}
#: Methods with masks, of cells and of stacks.
_MASKED = (*OPTIONAL_METHODS, *STACK_OPTIONS)
#: Families of which some invariants read the first answers and no more.
_ANSWERED = ("contract", "agreement", "stack")


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
    if invariant.family in _ANSWERED and not invariant.asks_more:
        return ""
    if invariant.family in TOPICS:
        return invariant.family
    return ""


@dataclass(frozen=True)
class Profile:
    """A budget: cases for each format, and how many of them the topics share, and the methods for
    their duties.
    """

    name: str
    cases: int
    turns: int
    duties: int

    def asks(self, invariant: Invariant, number: int) -> bool:
        """Whether an invariant is checked on the case of that number, from 0: a topic of one case
        in that many.
        """
        about = topic(invariant)
        turns, duties = self.turns, self.duties
        if any(method in _MASKED for method in invariant.needs):
            # A case has every mask, and takes as long as seven: every other turn is enough.
            turns, duties = _every_other(turns), _every_other(duties)
        if invariant.of_stacks:
            # There is a case of a stack for every three of a cell: turns must come sooner.
            turns = max(turns // 2, 1)
        # Each from a case of its own on, so that no case is put to all duties at once.
        if about in DUTIES:
            return (number - DUTIES[about]) % duties == 0
        return not about or (TOPICS.index(about) + number) % turns == 0


def _every_other(turns: int) -> int:
    """How many cases share every other turn; those of every case stay."""
    if turns == 1:
        return 1
    return 2 * turns


PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        Profile("quick", 25, 5, 5),
        Profile("default", 40, 5, 10),
        Profile("deep", 2000, 1, 1),
    )
}
