"""A comparison on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gruverify.reporting._lines import wrapped
from gruverify.reporting.compare._change import Change, Kind, in_words
from gruverify.reporting.compare._comparison import Comparison
from gruverify.reporting.compare._figures import table
from gruverify.reporting.compare._words import differences, small_rises, summary, visible

_COLOURS = {
    Kind.NEW_FAILURE: "bold red",
    Kind.EXPECTED_FAILURE: "yellow",
    Kind.WORSE_MARGIN: "red",
    Kind.NO_LONGER_JUDGED: "yellow",
    Kind.STILL_FAILING: "red",
    Kind.GONE_FAILURE: "green",
    Kind.BETTER_MARGIN: "green",
    Kind.NEWLY_JUDGED: "dim",
}
#: As many changes of a kind are listed unless all are asked for.
_LISTED = 10


def print_comparison(console: Console, comparison: Comparison, *, in_full: bool = False) -> None:
    """The figures of both results, the changes, the gravest first, and how many there are of each
    kind.

    in_full: whether all changes of each kind are listed.
    """
    console.print(_figures(comparison))
    for line in differences(comparison):
        console.print(f"[yellow]{escape(wrapped(line, console.width))}[/]", soft_wrap=True)
    for death in comparison.deaths:
        console.print(f"[bold red]died[/] {escape(visible(death))}", soft_wrap=True)
    for kind, colour in _COLOURS.items():
        _print_kind(console, kind, colour, comparison.changes_of(kind), in_full)
    console.print()
    if said := small_rises(comparison):
        console.print(f"[dim]{said}[/]", soft_wrap=True)
    console.print(summary(comparison), soft_wrap=True)


def _figures(comparison: Comparison) -> Table:
    found = Table(box=None, pad_edge=False)
    for heading in ("", "OLD", "NEW"):
        found.add_column(heading, overflow="fold")
    for row in table(comparison):
        found.add_row(*(escape(visible(cell)) for cell in row))
    return found


def _print_kind(
    console: Console, kind: Kind, colour: str, changes: list[Change], in_full: bool
) -> None:
    if not changes:
        return
    shown = changes if in_full else changes[:_LISTED]
    console.print(f"\n[{colour}]{kind.value}[/]")
    widest = max(len(visible(change.id)) for change in shown)
    for change in shown:
        name = escape(f"{visible(change.id):{widest}}  {change.format:8}")
        console.print(f"  {name}  {in_words(change.old)} → {in_words(change.new)}", soft_wrap=True)
    if left := len(changes) - len(shown):
        console.print(f"  and {left} more: -v lists them")
