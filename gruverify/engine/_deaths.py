"""Invariants under which the target died: they are not asked again, nor is what a method that ends
it blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gruverify.backends import Call
from gruverify.engine._tally import Tally
from gruverify.invariants import Invariant

#: Under that many invariants a method is fatal, whatever it is asked for.
SEVERAL = 3


@dataclass(frozen=True)
class Death:
    """A process that ended, or was ended, in a call of the target: the name of the format, and
    `how`, in words.
    """

    format: str
    call: Call
    how: str

    def __str__(self) -> str:
        return f"the process {self.how} in {self.call.method} at {self.call.sizes}"


def not_asked_again(
    deaths: Iterable[Death], fmt: str, invariants: Iterable[Invariant], derived: Mapping[str, str]
) -> dict[str, Tally]:
    """By id, the tallies of those that died in a format, and of those that a fatal method blocks.

    derived: derived methods, and what each is derived from.
    """
    # Only of this format: a kernel may crash in one and be right in all others.
    mine = [death for death in deaths if death.format == fmt]
    found = {death.call.invariant: Tally(mark="died", reason=str(death)) for death in mine}
    for method, first in _fatal(mine, derived).items():
        for invariant in invariants:
            # What is derived calls the method that it is derived from, and dies of it, too.
            if method in {derived.get(needed, needed) for needed in invariant.needs}:
                found.setdefault(
                    invariant.id, Tally(blocked=1, reason=str(first), cause=first.call.invariant)
                )
    return found


def _in_a_plain_call(death: Death) -> bool:
    """Whether the target died of the very case drawn."""
    return death.call.invariant.startswith("contract/shape-")


def _fatal(deaths: Sequence[Death], derived: Mapping[str, str]) -> dict[str, Death]:
    """Where each method first ended its process that does so on the very case drawn, or under
    several invariants.
    """
    of: dict[str, list[Death]] = {}
    for death in deaths:
        of.setdefault(derived.get(death.call.method, death.call.method), []).append(death)
    # An odd call, with another layout say, may be fatal where plain ones are answered.
    plain = {method for method, its in of.items() if any(map(_in_a_plain_call, its))}
    return {method: its[0] for method, its in of.items() if method in plain or len(its) >= SEVERAL}
