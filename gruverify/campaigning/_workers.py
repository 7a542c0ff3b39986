"""Whoever works on the units of a campaign."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gruverify.campaigning._unit import Task, Unit
from gruverify.store import KeptUnit


class NoWorkers(RuntimeError):
    """There is nobody to work on a campaign, or no more; the message is one line."""


class OtherWorker(ValueError):
    """A worker would find something else than is found here; the message names it and why, in one
    line.
    """


@dataclass(frozen=True)
class Done:
    """A unit that was worked on, and the name of the worker."""

    unit: Unit
    found: KeptUnit
    worker: str


@dataclass(frozen=True)
class Failed:
    """A unit that no worker could run, and why in words."""

    unit: Unit
    why: str


Report: TypeAlias = Done | Failed


class Workers(Protocol):
    """Processes that work on units, on this machine or others."""

    def require_same(self, tasks: Iterable[Task]) -> None:
        """See that each worker has the same targets and versions, by a task of each target.

        Raises:
            OtherWorker: one has others, or none.
            NoWorkers: there is none.
        """
        ...

    @property
    def at_once(self) -> int:
        """On how many units they can work at once."""
        ...

    def submit(self, task: Task) -> None:
        """Have a unit worked on."""
        ...

    def reports(self, timeout: float) -> Iterator[Report]:
        """What has come in, after that many seconds at most.

        Raises:
            NoWorkers: whoever hands out the work is gone.
            OtherWorker: a worker that came later has other versions.
        """
        ...
