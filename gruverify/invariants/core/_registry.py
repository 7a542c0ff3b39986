"""An invariant is a small function with a name, a statement and a source, kept in one list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from gruverify._named import DeclaredValues
from gruverify.backends import STACK_METHODS, STACK_OPTIONS, Declarations
from gruverify.cell import Variant
from gruverify.invariants.core._residual import Residual

#: Reads a Trial or, if what it needs are methods of stacks, a StackTrial.
Check: TypeAlias = Callable[[Any], Iterator[Residual]]

#: Where the bound of a comparison comes from: there is none (the bits are equal), the radius of a
#: ball, an inequality of the theory with what rounding adds to it, or the spread of a statistic.
Bound: TypeAlias = Literal["exact", "ball", "inequality", "statistic"]


@dataclass(frozen=True)
class Invariant:
    """Something that must hold of every GRU.

    id: stable, family/name; statement: one line of mathematics; source: where it comes from; since:
    the version that introduced it; needs: the methods a backend must offer; bound: where its bounds
    come from; applies: the variants it speaks of; resizes: whether it asks for cells of other sizes
    than the case's, which an implementation of one size cannot answer; asks_more: whether it needs
    more than the first answers to the case drawn, which all share; deep: whether it takes so long
    that only the deep profile checks it; lengths: the numbers of steps at which the survey of sizes
    asks it, because it compares all that the last of the methods it needs answers, in bounds that
    claim something of cases so long; ruled_out: declarations by which a backend says that it cannot
    be asked it, with their values; check: from a trial to the residuals that must all have a margin
    of at most 1.
    """

    id: str
    statement: str
    source: str
    since: str
    needs: tuple[str, ...]
    bound: Bound
    check: Check
    applies: Callable[[Variant], bool]
    resizes: bool
    asks_more: bool
    deep: bool
    lengths: range
    ruled_out: tuple[tuple[str, Any], ...]

    def ruled_out_by(self, declared: Declarations) -> str:
        """The declaration by which it cannot be asked, as "initial_state=False"; empty if there is
        none.
        """
        return next(
            (
                f"{name}={value!r}"
                for name, value in self.ruled_out
                if getattr(declared, name) == value
            ),
            "",
        )

    @cached_property
    def family(self) -> str:
        """The part of the id before the slash."""
        return self.id.partition("/")[0]

    @cached_property
    def of_stacks(self) -> bool:
        """Whether it reads the trial of a stack, and not of a cell: whether it needs a method of
        stacks.
        """
        return any(method in (*STACK_METHODS, *STACK_OPTIONS) for method in self.needs)


#: Numbers of steps at which the survey of sizes asks an invariant. What bounds a whole run claims
#: little of a long one, and costs as much as the run is long; what holds each step from the one
#: before it does not. A `STACKED` run is bounded as a whole, but the long ones are of one layer. At
#: `SOME` there are as many members as steps once, two layers, and two directions.
NEVER, SHORT, LONG, SOME = range(0), range(1, 18), range(18, 1 << 31), range(6, 10)
ALWAYS, STACKED = range(1, 1 << 31), range(1, 34)
#: Of marks as many steps as kernels take in one go, and some more: one step at a time is asked
#: elsewhere, and the longest runs would be asked of a member for every pattern.
MARKED = range(8, 71)

#: By id, in the order in which files were imported: `INVARIANTS` has them in that of reports.
REGISTERED: dict[str, Invariant] = {}


def invariant(
    id: str,
    statement: str,
    *,
    source: str,
    needs: Iterable[str],
    bound: Bound = "ball",
    since: str = "0.1",
    applies: Callable[[Variant], bool] = lambda variant: True,
    resizes: bool = False,
    asks_more: bool = False,
    deep: bool = False,
    lengths: range = NEVER,
    unless: DeclaredValues | None = None,
) -> Callable[[Check], Check]:
    """Register the decorated check; an id can be taken once. unless: what `Invariant.ruled_out`
    has.
    """

    def register(check: Check) -> Check:
        # Baselines, xfails and saved witnesses name invariants by id: two of one name could not be
        # told apart.
        if id in REGISTERED:
            raise ValueError(f"id={id!r} is taken")
        REGISTERED[id] = Invariant(
            id,
            statement,
            source,
            since,
            tuple(needs),
            bound,
            check,
            applies,
            resizes,
            asks_more,
            deep,
            lengths,
            tuple((unless or {}).items()),
        )
        return check

    return register
