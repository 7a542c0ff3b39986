"""A case of a run, drawn again without asking the target anything."""

from __future__ import annotations

from gruverify.arithmetic import Format
from gruverify.backends import Backend
from gruverify.cell import AnyCase
from gruverify.engine._plan import Plan, streams_of


def drawn_again(plan: Plan, backend: Backend, fmt: Format, number: int) -> AnyCase | None:
    """The case of that number in its format, from 0, over all streams; None if there are fewer.

    Of a run without a time budget, whose cases do not depend on what the target answers.
    """
    drawn, found = 0, list[AnyCase]()

    def visit(case: AnyCase) -> bool:
        nonlocal drawn
        drawn += 1
        if drawn > number:
            found.append(case)
        return not found

    # In the order of a run, one stream after the other: numbers count over all of them.
    for stream in streams_of(plan, backend, fmt):
        stream.draw(visit)
        if found:
            return found[0]
    return None
