"""How much is tried."""

from __future__ import annotations

from dataclasses import dataclass

#: Families of relations between cases. What they state of most cases follows from what the other families hold against
#: the mathematics entry by entry, and each asks for cases of its own besides.
RELATIONS = ("symmetry", "conventions", "sequence", "dynamics", "numerics", "gradient", "second-order")


@dataclass(frozen=True)
class Profile:
    """A budget: how many cases for each format, and how many families of relations take turns at them."""

    name: str
    cases: int
    turns: int

    def asks(self, family: str, number: int) -> bool:
        """Whether a family is asked of the case of that number, from 0: the relations of one case in so many."""
        return family not in RELATIONS or (RELATIONS.index(family) + number) % self.turns == 0


PROFILES: dict[str, Profile] = {
    p.name: p for p in (Profile("quick", 25, 3), Profile("default", 120, 3), Profile("deep", 2000, 1))
}
