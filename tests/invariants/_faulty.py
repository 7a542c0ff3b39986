"""Faults planted for one invariant, that the shipped bank does not have; what they are made of is
the bank's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gruverify import Backend
from gruverify.faults._faulty import Faulty as Faulty
from gruverify.faults._faulty import altered as altered
from gruverify.faults._faulty import gates as gates
from gruverify.faults._faulty import reordered as reordered
from gruverify.faults._faulty import with_gates as with_gates


@dataclass(frozen=True)
class Fault:
    """A wrong GRU. Each build starts afresh, for a fault may have a memory; `falsifies` are ids of
    invariants.
    """

    name: str
    build: Callable[[], Backend]
    falsifies: tuple[str, ...]


#: Those of this folder; `_faults.FAULTS` has the bank's beside them.
PLANTED: dict[str, Fault] = {}


def fault(*falsifies: str) -> Callable[[Callable[[], Backend]], Callable[[], Backend]]:
    """Plant the backend that the decorated function builds."""

    def register(build: Callable[[], Backend]) -> Callable[[], Backend]:
        PLANTED[build.__name__] = Fault(build.__name__, build, falsifies)
        return build

    return register
