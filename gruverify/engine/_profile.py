"""How much is tried."""

from __future__ import annotations

from dataclasses import dataclass

from gruverify.backends import DIRECTIONAL_METHODS
from gruverify.invariants import Invariant

#: Topics that take turns at the cases: families, and all that differentiates along a direction. Every case is asked
#: whether its first answers have the right form and lie where the mathematics puts them, entry by entry; what a topic
#: states mostly follows from that, and needs other answers, to the case or to one of its own.
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
)
#: Families of which some invariants read the first answers and no more.
_ANSWERED = ("contract", "agreement", "stack")


def topic(invariant: Invariant) -> str:
    """What it takes a turn with; "" if it is asked of every case."""
    if any(method in DIRECTIONAL_METHODS for method in invariant.needs):
        return "directional"
    if invariant.family in _ANSWERED and not invariant.asks_more:
        return ""
    return invariant.family if invariant.family in TOPICS else ""


@dataclass(frozen=True)
class Profile:
    """A budget: how many cases for each format, and how many cases the topics that take turns share."""

    name: str
    cases: int
    turns: int

    def asks(self, invariant: Invariant, number: int) -> bool:
        """Whether an invariant is asked of the case of that number, from 0: a topic of one case in so many."""
        about = topic(invariant)
        return not about or (TOPICS.index(about) + number) % self.turns == 0


PROFILES: dict[str, Profile] = {
    p.name: p for p in (Profile("quick", 25, 5), Profile("default", 100, 5), Profile("deep", 2000, 1))
}
