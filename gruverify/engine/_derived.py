"""Which cases an invariant makes of the one that was drawn, and puts to the backend in its
place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from gruverify.backends import Backend, NumpyBackend, redeclared
from gruverify.cell import AnyCase, Case
from gruverify.invariants import Invariant, Obstacle, StackTrial, Trial

AnyTrial: TypeAlias = Trial | StackTrial


@dataclass(frozen=True)
class Derived:
    """A case that was made of the drawn one, and the names of the changes that made it, in their
    order.
    """

    case: AnyCase
    changes: tuple[str, ...]


def derived_cases(
    invariant: Invariant, case: AnyCase, where: str, *, few: bool = False
) -> tuple[Derived, ...]:
    """The derived cases whose answers a comparison is about; none if it is about the drawn case
    alone.

    `where` is that of the residual; few: whether the target declares shapes="few". Changes are
    functions of the case and of that alone, so the NumPy backend is asked: what is said of a
    witness does not depend on the target, which may be gone.
    """
    backend: Backend = NumpyBackend()
    if few:
        # Invariants leave out changes of size there. The case's own sizes are among the few.
        sizes = {"hidden_size": case.sizes["H"], "input_size": case.sizes["I"]}
        backend = redeclared(backend, {"shapes": "few", **sizes})
    trial: AnyTrial
    if isinstance(case, Case):
        trial = Trial(case, backend)
    else:
        trial = StackTrial(case, backend)
    asked: tuple[Derived, ...] = ()
    # By identity: trials are compared by nothing else, and live as long as the one they are made
    # of.
    known: set[int] = set()
    try:
        with np.errstate(all="ignore"):
            # Invariants are generators: stopped at the comparison in question, this one has
            # asked for what that needs, and no more.
            for residual in invariant.check(trial):
                asked = _asked_since(trial, known) or asked
                if _entry(residual.where) == _entry(where):
                    return asked
    except Obstacle:
        pass
    return _asked_since(trial, set())


def _asked_since(trial: AnyTrial, known: set[int]) -> tuple[Derived, ...]:
    """The derived trials that were asked something and that are not among the known, which they
    then are.
    """
    found: list[Derived] = []
    for changes, derived in _descendants(trial, ()):
        # The keys of `mutated` are the methods that were called: a trial that was only made is no
        # run.
        if derived.observed.mutated and id(derived) not in known:
            known.add(id(derived))
            found.append(Derived(derived.case, changes))
    return tuple(found)


def _descendants(trial: Any, before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], AnyTrial]]:
    for change, derived in trial.derived():
        if derived is trial:
            continue
        changes = (*before, _name(change))
        yield changes, derived
        yield from _descendants(derived, changes)


def _name(change: object) -> str:
    """That of the function, or of the one that made it."""
    path = str(getattr(change, "__qualname__", type(change).__name__)).split(".<locals>")[0]
    return path.strip("_")


def _entry(where: str) -> str:
    """What is compared, without the index of the worst entry."""
    return re.sub(r"\[[^\[\]]*\]$", "", where)
