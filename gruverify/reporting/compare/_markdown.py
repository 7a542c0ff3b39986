"""A comparison as Markdown, for the page of a CI job."""

from __future__ import annotations

from collections.abc import Iterator

from gruverify.reporting._markdown import MOST, escaped
from gruverify.reporting.compare._change import Change, Kind, in_words
from gruverify.reporting.compare._comparison import Comparison
from gruverify.reporting.compare._figures import table
from gruverify.reporting.compare._words import differences, small_rises, summary, visible


def comparison_markdown(comparison: Comparison) -> str:
    """A section that ends in a newline: the figures of both results, and a table of each kind of
    change.
    """
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"## {escaped(visible(comparison.new['target']))}: {escaped(summary(comparison))}\n"
    yield "| | OLD | NEW |\n|---|---|---|"
    for row in table(comparison):
        yield f"| {' | '.join(escaped(visible(cell)) for cell in row)} |"
    yield ""
    notes = [*differences(comparison), *(f"died: {visible(death)}" for death in comparison.deaths)]
    yield from (f"* {escaped(note)}" for note in [*notes, small_rises(comparison)] if note)
    for kind in Kind:
        if kind is not Kind.UNCHANGED:
            yield from _kind(kind, comparison.changes_of(kind))


def _kind(kind: Kind, changes: list[Change]) -> Iterator[str]:
    if not changes:
        return
    yield f"\n| {kind.value} | format | OLD | NEW |\n|---|---|---:|---:|"
    for change in changes[:MOST]:
        cells = (visible(change.id), change.format, in_words(change.old), in_words(change.new))
        yield f"| {' | '.join(map(escaped, cells))} |"
    if len(changes) > MOST:
        yield f"\n{len(changes) - MOST} more are not listed."
