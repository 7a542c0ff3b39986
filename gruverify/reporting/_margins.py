"""How close a right implementation comes to its bounds: a slack tolerance would show here."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from operator import add

from rich.console import Console
from rich.table import Table

from gruverify.engine import Result, Tally, margin_octaves
from gruverify.invariants import INVARIANTS

#: From 2^-16 to the bound itself, an octave a column.
SHOWN = range(-16, 0)
#: The octave of a margin of 0.
NO_ERROR = -64
_BARS = " ▁▂▃▄▅▆▇█"


def print_margins(console: Console, result: Result) -> None:
    """A histogram of error / bound for each family, over all formats and cases."""
    table = Table(
        title="margins of the cases by family, an octave a bar, up to the bound",
        title_justify="left",
        box=None,
    )
    for heading in ("family", "cases", "exact", "median"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    table.add_column(f"2^{SHOWN.start} … 1")
    table.add_column("over", justify="right")
    table.add_column("nothing claimed", justify="right")
    for family, tally in _families(result).items():
        counts = margin_octaves(tally)
        total = sum(counts.values())
        exact, over = (
            counts[NO_ERROR],
            sum(count for octave, count in counts.items() if octave >= 0),
        )
        if total:
            shares = (f"{exact / total:.0%}", f"{tally.median:.3f}")
        else:
            shares = ("–", "–")
        table.add_row(
            family, str(total), *shares, bars(counts), str(over or ""), str(tally.unclaimed or "")
        )
    console.print(table)


def _families(result: Result) -> dict[str, Tally]:
    """The tallies of each family with comparisons, added up, in the catalogue's order."""
    found: dict[str, list[Tally]] = {}
    for (id, _, _), tally in sorted(
        result.tallies.items(), key=lambda item: list(INVARIANTS).index(item[0][0])
    ):
        if tally.histogram or tally.unclaimed:
            found.setdefault(INVARIANTS[id].family, []).append(tally)
    return {family: reduce(add, tallies) for family, tallies in found.items()}


def bars(counts: Counter[int]) -> str:
    """A bar for each octave that is shown, as high as its share of the fullest."""
    fullest = max((counts[at] for at in SHOWN), default=0)
    return "".join(
        # Rounded up: a single case still shows next to thousands.
        _BARS[-(-counts[at] * (len(_BARS) - 1) // fullest)] if fullest else " "
        for at in SHOWN
    )
