"""Margins in rows: a family each, or an invariant each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import chain

from rich.table import Table
from rich.text import Text

from gruverify.engine import Result, Tally

#: What a tally may be and its colour, the gravest first: a family is what the gravest of its
#: invariants is.
STATUSES = {
    "died": "bold red",
    "falsified": "bold red",
    "error": "bold red",
    "xpassed": "bold yellow",
    "blocked": "yellow",
    "passed": "green",
    "xfailed": "yellow",
    "nothing claimed": "yellow",
    "skipped": "dim",
    "not applicable": "dim",
}
#: Of those, what a user must look at.
_FAILING = ("died", "falsified", "error", "xpassed")
#: Statuses that a table of margins shows by a sign.
_SIGNS = {"not applicable": "n/a", "nothing claimed": "–"}

_TITLE = "worst margin: error / derived bound; above 1 fails"

Rows = Mapping[str, Mapping[str, Tally]]


def margin(value: float) -> str:
    """A margin in five characters or so."""
    if not math.isfinite(value):
        return "∞"
    # Rounded to two digits it would read 1.00, and a failure must not look like the bound itself.
    if 1 < value < 1.005:
        return "1.00+"
    if value < 100:
        return f"{value:.2f}"
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def checked_rows(result: Result) -> dict[str, dict[str, Tally]]:
    """The tallies of each invariant by format, of those that were checked in some format."""
    return {id: row for id, row in result.by_format.items() if not skipped_everywhere(row)}


def failing_rows(result: Result) -> dict[str, dict[str, Tally]]:
    """Those of invariants that failed in some format, or passed though they were expected to
    fail.
    """
    failing = dict[str, dict[str, Tally]]()
    for id, row in checked_rows(result).items():
        if any(tally.status in _FAILING for tally in row.values()):
            failing[id] = row
    return failing


def skipped_everywhere(row: Mapping[str, Tally]) -> bool:
    """Whether an invariant was checked in no format."""
    return all(tally.status in ("not applicable", "skipped") for tally in row.values())


def families_table(result: Result) -> Table:
    """The worst margin of each family per format, how many of its invariants were checked, and on
    how many cases in all.
    """
    families: dict[str, list[dict[str, Tally]]] = {}
    for id, row in checked_rows(result).items():
        families.setdefault(id.partition("/")[0], []).append(row)
    formats = result.header["formats"]
    table = _empty_table(_TITLE, "family", formats, "invariants", "checks")
    for family, rows in families.items():
        cells = list[str]()
        for fmt in formats:
            cells.append(_cell([row[fmt] for row in rows if fmt in row]))
        tallies = chain.from_iterable(row.values() for row in rows)
        checks = sum(tally.cases for tally in tallies)
        table.add_row(family, *cells, str(len(rows)), str(checks))
    return table


def invariants_table(result: Result, rows: Rows, title: str = _TITLE) -> Table:
    """The worst margin of each invariant per format, and on how many cases it was checked."""
    formats = result.header["formats"]
    table = _empty_table(title, "invariant", formats, "checks")
    for id, row in rows.items():
        cells = [_cell([row[fmt]] if fmt in row else []) for fmt in formats]
        table.add_row(id, *cells, str(sum(tally.cases for tally in row.values())))
    return table


def _empty_table(title: str, first: str, formats: Iterable[str], *counts: str) -> Table:
    table = Table(
        title=Text(title, overflow="ignore", no_wrap=True), title_justify="left", box=None
    )
    table.add_column(first, no_wrap=True)
    for name in (*formats, *counts):
        table.add_column(name, justify="right")
    return table


def _cell(tallies: list[Tally]) -> str:
    """The largest margin of those that failed or passed, in the colour of the gravest; its name
    where that has none.
    """
    if not tallies:
        return ""
    gravest = min((tally.status for tally in tallies), key=[*STATUSES].index)
    colour = STATUSES[gravest]
    if gravest in ("passed", "falsified"):
        largest = max(tally.largest for tally in tallies if tally.status in ("passed", "falsified"))
        return f"[{colour}]{margin(largest)}[/]"
    return f"[{colour}]{_SIGNS.get(gravest, gravest)}[/]"
