"""Many targets on a terminal: a row each as it finishes, and all of them at the end."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gruverify.arithmetic import format_named
from gruverify.reporting._table import STATUSES, margin
from gruverify.reporting.compare._words import visible
from gruverify.reporting.targets._row import FamilyMargin, Row

#: Columns that suffice for everything that is printed here.
_WIDTH = 80
_VERDICTS = {
    "falsified": "bold red",
    "died": "bold red",
    "refused": "bold red",
    "interrupted": "bold yellow",
    "inconclusive": "bold yellow",
    "unavailable": "yellow",
    "conforms": "bold green",
}


def print_row(console: Console, row: Row) -> None:
    """A target that has finished: verdict, worst family and seconds, and below it what there is to
    say.
    """
    found = ""
    if row.worst is not None:
        family, short = row.worst.invariant.partition("/")[0], format_named(row.worst.format).short
        found = f"{family} {short} {_margin(row.worst.status, row.worst.margin)}"
    seconds = "" if row.seconds is None else f"{row.seconds:.1f} s"
    name, found = _cut_name(row.target, 28), _cut(found, 27)
    console.print(
        f"{escape(name):28} [{_VERDICTS[row.verdict]}]{row.verdict:12}[/] {escape(found):27}"
        f"{seconds:>10}".rstrip(),
        no_wrap=True,
        overflow="ignore",
        crop=False,
    )
    if said := _remark(row):
        console.print(f"  [dim]{escape(_cut(said, _WIDTH - 2))}[/]", soft_wrap=True)
    if row.install:
        # On a line of its own and uncut: it is the way out, and there to be copied.
        console.print(f"  {escape(visible(row.install))}", soft_wrap=True, highlight=False)


def _remark(row: Row) -> str:
    """What there is to say of a row: of what failed, which invariant, unless a cause is known."""
    if row.install:
        return row.said.removesuffix(f": {row.install}")
    if row.said or row.verdict != "falsified" or row.worst is None:
        return row.said
    return f"{row.worst.invariant}: {row.worst.where}"


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """The worst margin of every target per format, the gravest verdicts first."""
    names = {each.format: each for row in rows for each in row.families}
    formats = [fmt for fmt in ("float16", "bfloat16", "float32", "float64") if fmt in names]
    table = Table(box=None, pad_edge=False)
    table.add_column("target", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for name in (*formats, "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    # What verdict, seconds and formats leave for names, in a terminal of 80 columns.
    order, left = [*_VERDICTS], _WIDTH - 24 - 10 * len(formats)
    for row in sorted(rows, key=lambda row: order.index(row.verdict)):
        cells = [_cell(row.in_format(fmt)) for fmt in formats]
        seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
        verdict = f"[{_VERDICTS[row.verdict]}]{row.verdict}[/]"
        table.add_row(escape(_cut_name(row.target, left)), verdict, *cells, seconds)
    console.print(table, width=min(console.width, _WIDTH))


def rows_in_words(rows: Sequence[Row]) -> str:
    """How many targets have which verdict, and the names of those that do not conform."""
    counted = Counter(row.verdict for row in rows)
    said = list[str]()
    for verdict in _VERDICTS:
        named = [visible(row.target) or "''" for row in rows if row.verdict == verdict]
        if named and verdict != "conforms":
            said.append(f"{counted[verdict]} {verdict} ({', '.join(named)})")
    if counted["conforms"]:
        said.append(f"{counted['conforms']} conforming")
    return f"{len(rows)} targets: {', '.join(said)}"


def _cut(text: str, width: int) -> str:
    """The text in `width` columns; words stay whole where they can."""
    flat = visible(" ".join(text.split()))
    if len(flat) <= width:
        return flat
    short = textwrap.shorten(flat, width, placeholder=" …")
    if len(short) > 2:
        return short
    return f"{flat[: width - 1]}…"


def _cut_name(name: str, width: int) -> str:
    """The name of a target in `width` columns: its end, which tells more of an object."""
    flat = visible(name) or "''"
    if len(flat) <= width:
        return flat
    if flat.startswith("exec:"):
        return f"{flat[: width - 1]}…"
    return f"…{flat[1 - width :]}"


def _margin(status: str, value: float) -> str:
    if status in ("passed", "falsified", "xfailed", "xpassed"):
        return margin(value)
    return status


def _cell(worst: FamilyMargin | None) -> str:
    if worst is None:
        return ""
    shown = _margin(worst.status, worst.margin).replace("nothing claimed", "–")
    return f"[{STATUSES[worst.status]}]{shown}[/]"
