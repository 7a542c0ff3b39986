"""An invariant is a small function with a name, a statement and a source, kept in one list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gruverify.cell import Variant
from gruverify.invariants._residual import Residual
from gruverify.invariants._trial import Trial

Check: TypeAlias = Callable[[Trial], Iterator[Residual]]


@dataclass(frozen=True)
class Invariant:
    """Something that must hold of every GRU.

    id: stable, family/name; statement: one line of mathematics; source: where it comes from; since: the version that
    introduced it; needs: the methods a backend must offer; applies: the variants it speaks of; check: from a trial to
    the residuals that must all have a margin of at most 1.
    """

    id: str
    statement: str
    source: str
    since: str
    needs: tuple[str, ...]
    check: Check
    applies: Callable[[Variant], bool]

    @property
    def family(self) -> str:
        """The part of the id before the slash."""
        return self.id.partition("/")[0]


INVARIANTS: dict[str, Invariant] = {}


def invariant(
    id: str,
    statement: str,
    *,
    source: str,
    needs: Iterable[str],
    since: str = "0.1",
    applies: Callable[[Variant], bool] = lambda variant: True,
) -> Callable[[Check], Check]:
    """Register the decorated check; an id can be taken once."""

    def register(check: Check) -> Check:
        if id in INVARIANTS:
            raise ValueError(f"id={id!r} is taken")
        INVARIANTS[id] = Invariant(id, statement, source, since, tuple(needs), check, applies)
        return check

    return register
