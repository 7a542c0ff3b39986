"""The table of verdicts of docs/world.md, from what checks of many targets wrote.

    gruverify check flax onnx torchrl --profile quick --report reports/world
    python tests/world/verdicts.py reports/world [MORE...] [--into docs/world.md]

prints it; with --into it replaces what stands between the two markers of a page.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from gruverify.reporting.targets import Row, load_outcomes, merged_outcomes

BEGIN, END = "<!-- verdicts: written by tests/world/verdicts.py -->", "<!-- end of verdicts -->"
#: What every result names, and the table need not.
_COMMON = ("python", "gruverify", "numpy", "hypothesis", "ml_dtypes")


def table(rows: Iterable[Row]) -> str:
    """A row for each target, in Markdown."""
    return "\n".join(_lines(rows)) + "\n"


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    yield "| TARGET | verdict | installed | date | CPU per format |"
    yield "|---|---|---|---|---:|"
    for row in rows:
        installed = (
            f"{name} {version}" for name, version in row.versions.items() if name not in _COMMON
        )
        cells = (f"`{row.target}`", _verdict(row), ", ".join(installed), row.date, _cpu(row))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _verdict(row: Row) -> str:
    """The verdict, what is known to fail, and what there is to say."""
    known = row.counts.get("xfailed", 0)
    parts = [row.verdict]
    if known:
        parts.append(f"but for what is known to fail ({known})")
    if failed := row.counts.get("falsified", 0):
        parts.append(f"({failed})")
    said = row.said.partition("\n")[0]
    return " ".join(parts) + (f": {said}" if said else "")


def _cpu(row: Row) -> str:
    if row.cpu is None or not row.formats:
        return ""
    return f"{row.cpu / len(row.formats):.0f} s"


def placed(page: str, found: str) -> str:
    """A page with the table between its markers.

    Raises:
        ValueError: it does not have both, once each and in this order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"the page must have the lines {BEGIN} and {END}, once each")
    return f"{before}{BEGIN}\n\n{found}\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or write it into a page."""
    parser = argparse.ArgumentParser(description="The table of verdicts of docs/world.md.")
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT")
    parser.add_argument("--into", type=Path, metavar="PAGE")
    given = parser.parse_args(arguments)
    outcomes = merged_outcomes([*chain.from_iterable(map(load_outcomes, given.reports))])
    found = table(outcome.row for outcome in outcomes)
    if given.into is None:
        print(found, end="")
    else:
        page = given.into.read_text(encoding="utf-8")
        given.into.write_text(placed(page, found), encoding="utf-8")


if __name__ == "__main__":
    main()
