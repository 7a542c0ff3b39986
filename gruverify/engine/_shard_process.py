"""What the process of a shard does: outline a run, go through some of its formats, and send what
happens.
"""

from __future__ import annotations

import gc
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gruverify._named import JsonObject
from gruverify.arithmetic import Format
from gruverify.backends import (
    Backend,
    Line,
    TargetUnavailable,
    UnknownTarget,
    resolve,
    sendable,
    sources_of,
)
from gruverify.engine._events import Event, SoFar
from gruverify.engine._journal import Judged
from gruverify.engine._memory import keep_freed_memory
from gruverify.engine._plan import Plan, formats_of, header_of, require
from gruverify.engine._run import run

#: How many new objects there are before cycles are looked for among them.
_GARBAGE = 10_000


@dataclass(frozen=True, slots=True)
class Unread:
    """A `SoFar` as it was sent. There are many, and one at most is read, when its process dies."""

    content: bytes

    def read(self) -> SoFar:
        """What it says."""
        so_far: SoFar = pickle.loads(self.content)
        return so_far


def by_jobs(formats: tuple[Format, ...], jobs: int) -> list[tuple[Format, ...]]:
    """The formats that each of so many processes has."""
    # By turns: formats differ in what they take, and neighbours take alike.
    return [formats[i::jobs] for i in range(min(jobs, len(formats)))]


def outline(target: str, plan: Plan) -> tuple[tuple[Format, ...], JsonObject, dict[str, str]]:
    """The formats of a run, its header, and the sources of the target with their digests."""
    # What resolving imports besides this is the target's own: a resumed run must have the same
    # sources.
    before = set(sys.modules)
    return _outline_of(resolve(target), target, plan, before)


def _outline_of(
    backend: Backend, target: str, plan: Plan, before: set[str]
) -> tuple[tuple[Format, ...], JsonObject, dict[str, str]]:
    require(plan, backend)
    return formats_of(plan, backend), header_of(backend, plan, target), sources_of(target, before)


def begin(line: Line, target: str, plan: Plan, jobs: int) -> None:
    """Send the outline of a run, and go on with the formats that the first of so many processes
    has.
    """
    before = set(sys.modules)
    try:
        backend = resolve(target)
        outlined = _outline_of(backend, target, plan, before)
    except Exception as error:
        line(sendable(error))
        return
    line(outlined)
    for formats in by_jobs(outlined[0], jobs)[:1]:
        _run(line, backend, target, replace(plan, formats=formats))


def work(line: Line, target: str, plan: Plan, judged: Mapping[str, Judged] | None) -> None:
    """Go through the formats of a plan."""
    try:
        backend = resolve(target)
    except (UnknownTarget, TargetUnavailable) as wrong:  # it could be used a moment ago
        sys.exit(str(wrong))
    _run(line, backend, target, plan, judged)


def _run(
    line: Line,
    backend: Backend,
    target: str,
    plan: Plan,
    judged: Mapping[str, Judged] | None = None,
) -> None:
    """Send what happens in a run, and then its result."""

    def tell(event: Event) -> None:
        if isinstance(event, SoFar):
            line(Unread(pickle.dumps(event)))
        else:
            line(event)

    gc.freeze()  # what is imported by now stays: collecting garbage need not go through it again
    # Nearly all that a case leaves behind is freed by counting references, and looking for more of
    # it every 700 objects, as Python does, finds nothing.
    gc.set_threshold(_GARBAGE)
    keep_freed_memory()
    line(run(backend, plan, target, tell, line.stopped, judged))
