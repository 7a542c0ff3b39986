"""What a campaign concludes: of each target without what is known, and of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gruverify.campaigning._causes import Cause
from gruverify.engine import Result, Verdict

#: The gravest first, as with several targets of `check`.
_GRAVEST: tuple[Verdict, ...] = ("interrupted", "died", "falsified", "inconclusive", "conforms")


def verdict_of(results: Iterable[Result], causes: Sequence[Cause]) -> Verdict:
    """The gravest verdict of all targets, where what is known neither falsifies nor is a death."""
    found = {_verdict_of_target(result, causes) for result in results}
    return next(verdict for verdict in _GRAVEST if verdict in found)


def _verdict_of_target(result: Result, causes: Sequence[Cause]) -> Verdict:
    target = result.header["target"]
    if result.verdict not in ("died", "falsified"):
        return result.verdict
    mine = [row for row in causes if any(place[0] == target for place in row.places)]
    new = [row for row in mine if row.known is None]
    # A process that ended outside of any call has no row that somebody could know.
    unexplained = bool(result.crashes) and not any(_is_death(row) for row in mine)
    if result.crashes and (unexplained or any(map(_is_death, new))):
        return "died"
    if new:
        return "falsified"
    if result.doubts:
        return "inconclusive"
    return "conforms"


def _is_death(row: Cause) -> bool:
    return row.cause.startswith("the process ")
