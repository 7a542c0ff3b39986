"""A target of a campaign: what it is, wherever it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gruverify._named import JsonObject
from gruverify.arithmetic import Format
from gruverify.backends import (
    CELL_METHODS,
    STACK_METHODS,
    Backend,
    in_subprocess,
    offers,
    processes,
    resolve,
)
from gruverify.engine import (
    Kind,
    Plan,
    cell_sizes,
    outline,
    stack_sizes,
    surveyed_units,
)


@dataclass(frozen=True)
class Subject:
    """What a campaign knows of a target.

    header: that of its result; sources: digests of its files, by module; surveyed: how many units
    of a cell can each be at gates of their own (`engine.surveyed_units`); sizes: the sizes that
    can be aimed at, of cells and of stacks.
    """

    target: str
    formats: tuple[Format, ...]
    header: JsonObject
    sources: Mapping[str, str]
    surveyed: int
    sizes: tuple[tuple[Kind, tuple[tuple[str, int], ...]], ...]

    def differences(self, other: Subject) -> Iterator[str]:
        """In what the same target is another elsewhere: "numpy 2.0, and here 2.1"."""
        mine, theirs = self.header["versions"], other.header["versions"]
        for package in sorted({*mine, *theirs}):
            here, there = mine.get(package, "none"), theirs.get(package, "none")
            if here != there:
                yield f"{package} {there}, and here {here}"
        for module in sorted({*self.sources, *other.sources}):
            if self.sources.get(module) != other.sources.get(module):
                # Digests tell that files differ, and not in what: neither text has to travel.
                yield f"another source of {module} than here ({self.target})"
        for name in ("backend", "methods", "declarations", "variants"):
            if self.header[name] != other.header[name]:
                yield f"other {name} of {self.target} than here"


def subject_of(target: str, plan: Plan, patience: float) -> Subject:
    """What a target is here, as a process of its own sees it.

    Raises:
        UnknownTarget, TargetUnavailable: it cannot be made into a backend.
        ValueError: the plan makes no sense for it.
        TargetDied: the process ended, or gave no answer for `patience` seconds.
    """
    context = processes(target)
    return in_subprocess(context, _seen, target, plan, name=target, patience=patience)


def _seen(target: str, plan: Plan) -> Subject:
    formats, header, sources = outline(target, plan)
    return Subject(target, formats, header, sources, *surveys(resolve(target), plan))


def surveys(
    backend: Backend, plan: Plan
) -> tuple[int, tuple[tuple[Kind, tuple[tuple[str, int], ...]], ...]]:
    """How many units of a cell of a backend can each be at gates of their own, and its sizes that
    can be aimed at.
    """
    sizes = list[tuple[Kind, tuple[tuple[str, int], ...]]]()
    cells = any(offers(backend, method) for method in CELL_METHODS)
    if cells:
        for each in cell_sizes(backend, plan.max_size):
            sizes.append(("cells", tuple(each.items())))
    if any(offers(backend, method) for method in STACK_METHODS):
        for each in stack_sizes(backend, plan.max_size):
            sizes.append(("stacks", tuple(each.items())))
    surveyed = surveyed_units(backend, plan.max_size) if cells else 0
    return surveyed, tuple(sizes)
