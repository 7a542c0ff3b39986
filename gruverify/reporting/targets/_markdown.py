"""Many targets as a table in Markdown: verdict, worst margin per format, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gruverify.arithmetic import FORMATS
from gruverify.reporting._markdown import escaped
from gruverify.reporting._table import margin
from gruverify.reporting.targets._row import FamilyMargin, Row


def rows_table(rows: Sequence[Row]) -> str:
    """The table, ending in a newline."""
    return "\n".join(_lines(rows)) + "\n"


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    asked = {fmt for row in rows for fmt in row.formats}
    formats = [fmt.name for fmt in FORMATS if fmt.name in asked]
    # Of most runs nobody has measured it.
    measured = ["accuracy"] * any(row.accuracy for row in rows)
    yield f"| target | verdict | {' | '.join([*formats, *measured, 'versions', 'why'])} |"
    yield f"|---|---|{'---:|' * len(formats)}{'---|' * len(measured)}---|---|"
    for row in rows:
        cells = [_cell(row.in_format(fmt)) for fmt in formats]
        # A finding says more than the words of a cause where nobody knows one.
        why = row.said
        if not why and row.worst is not None and row.verdict == "falsified":
            why = row.worst.invariant
        text = [escaped(_versions(row)), escaped(f"{why} {_install(row)}".strip())]
        accuracy = [escaped("; ".join(row.accuracies))] * len(measured)
        cells += [*accuracy, *text]
        yield f"| {escaped(row.target)} | {row.verdict} | {' | '.join(cells)} |"


def _cell(worst: FamilyMargin | None) -> str:
    if worst is None:
        return ""
    if worst.judged:
        return margin(worst.margin)
    return worst.status.replace("nothing claimed", "–")


def _install(row: Row) -> str:
    if row.install and row.install not in row.reason:
        return f"({row.install})"
    return ""


#: Packages that every result names.
_COMMON = ("python", "gruverify", "numpy", "hypothesis", "ml_dtypes")


def _versions(row: Row) -> str:
    """Of what the target is made of, as far as the result says."""
    return ", ".join(
        f"{name} {version}" for name, version in row.versions.items() if name not in _COMMON
    )
