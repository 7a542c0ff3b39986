"""What a run would ask: `gruverify check TARGET --list`."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from gruverify.engine import Tally


def print_outlook(console: Console, prospects: dict[str, dict[str, Tally]]) -> None:
    """A line for each invariant; what is not checked or is expected to fail says why, and in which
    formats if not all.
    """
    for id, row in prospects.items():
        notes = "; ".join(_notes(row))
        console.print(f"{id}  [dim]{escape(notes)}[/]" if notes else id, soft_wrap=True)
    asked = [row for row in prospects.values() if any(map(_is_asked, row.values()))]
    console.print(f"\n{len(asked)} of {len(prospects)} invariants would be checked")


def _is_asked(tally: Tally) -> bool:
    return tally.mark == "xfail" or not (tally.reason or tally.mark)


def _notes(row: dict[str, Tally]) -> list[str]:
    formats: dict[str, list[str]] = {}
    for fmt, tally in row.items():
        if said := _reason_in_words(tally):
            formats.setdefault(said, []).append(fmt)
    notes = list[str]()
    for said, those in formats.items():
        if len(those) == len(row):
            notes.append(said)
        else:
            notes.append(f"{said} in {', '.join(those)}")
    return notes


def _reason_in_words(tally: Tally) -> str:
    if tally.mark == "xfail":
        return f"expected to fail ({tally.reason})"
    if not _is_asked(tally):
        return f"{tally.status}: {tally.reason}"
    return ""
