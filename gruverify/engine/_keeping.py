"""What outlives a run that is killed: whoever keeps it, and what it is given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gruverify._named import JsonObject
from gruverify.engine._deaths import Death
from gruverify.engine._events import Event
from gruverify.engine._journal import Judged
from gruverify.engine._plan import Plan
from gruverify.engine._result import Result
from gruverify.engine._saved import NOTHING_SAVED, Saved


@dataclass(frozen=True)
class TakenOver:
    """What an earlier run of the same did.

    parts: the formats that it finished; judged: by format, the cases of those that it did not;
    deaths, and what the result says of each: what ended a process; saved: the witnesses that it
    tried first, and header: that of its result, None where there was no such run.
    """

    parts: tuple[Result, ...] = ()
    judged: Mapping[str, Judged] = field(default_factory=dict)
    deaths: tuple[tuple[Death, str], ...] = ()
    saved: Saved = NOTHING_SAVED
    header: JsonObject | None = None


class Keeper(Protocol):
    """Keeps a run while it goes on. Neither method raises but for a mistake of the user's, before
    anything is asked.
    """

    def begin(self, plan: Plan, header: JsonObject, sources: Mapping[str, str]) -> TakenOver:
        """Take note of a run that begins.

        header: that of its result; sources: the modules that make up the target, by name, each with
        the digest of its file.
        """
        ...

    def keep(self, event: Event) -> None:
        """Keep what the event tells of: cases that were judged, a format that is finished, a
        process that died.
        """
