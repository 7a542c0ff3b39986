"""The runs of a store, one next to the other on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gruverify._named import JsonObject
from gruverify.engine import CORE_FAMILIES
from gruverify.reporting._reader import Document
from gruverify.reporting._summary import fates, gate_shares
from gruverify.reporting.compare import figures
from gruverify.reporting.compare._words import visible

if TYPE_CHECKING:
    from gruverify.store import Run

_HEADINGS = (
    "run",
    "started (UTC)",
    "target",
    "asked",
    "verdict",
    "format",
    "cases",
    "margin",
    "gates",
    "CPU s",
)
_RIGHT = ("run", "cases", "margin", "gates", "CPU s")


def run_figures(document: Document) -> JsonObject:
    """What a result comes to, as JSON values: its figures, and by format the cases that were
    judged, the share of the gates in percent, and the largest margin of what the verdict rests on
    (values, and gradients).
    """
    cases: dict[str, int] = {}
    for drawn in document["drawn"]:
        cases[drawn["format"]] = cases.get(drawn["format"], 0) + drawn["judged"]
    margins = {fmt: repr(margin) for fmt, margin in _margins(document).items()}
    shares = gate_shares(document)
    return {**figures(document), "by_format": {"cases": cases, "margins": margins, "gates": shares}}


def _margins(document: Document) -> dict[str, float]:
    found: dict[str, float] = {}
    for id, row in fates(document).items():
        for fmt, fate in row.items() if id.partition("/")[0] in CORE_FAMILIES else ():
            if fate.judged:
                found[fmt] = max(found.get(fmt, 0.0), fate.margin)
    return found


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    """A line for each run and format: verdict, cases, the largest margin of values and gradients,
    gates, CPU time.
    """
    table = Table(box=None, pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _RIGHT else "left", overflow="fold")
    for run in runs:
        for row in _rows(run):
            table.add_row(*(escape(visible(cell)) for cell in row))
    console.print(table)


def _rows(run: Run) -> Iterator[tuple[str, ...]]:
    head: tuple[str, ...] = (
        str(run.number),
        run.started[:16].replace("T", " "),
        run.target,
        run.asked,
        run.verdict or "not finished",
    )
    cpu = _cpu(run)
    for fmt in run.formats:
        cases, margin, gates = _of_format(run, fmt)
        yield (*head, fmt, cases, margin, gates, cpu)
        # A run's own columns stand in its first line alone.
        head, cpu = ("",) * len(head), ""


def _cpu(run: Run) -> str:
    """Of the whole run where it is finished, else of what is kept of it."""
    seconds = run.cpu
    if run.figures is not None and run.figures["cpu_seconds"] is not None:
        seconds = run.figures["cpu_seconds"]
    return f"{seconds:.1f}"


def _of_format(run: Run, fmt: str) -> tuple[str, str, str]:
    """Cases, margin and gates of one format; of one that is not finished, the cases that are
    kept.
    """
    # Of a run that is not finished: this format is, and nothing is added up yet.
    if run.figures is None and fmt in run.finished:
        return "all", "–", "–"
    if run.figures is None:
        return str(run.cases.get(fmt, 0)), "–", "–"
    by_format: Mapping[str, JsonObject] = run.figures["by_format"]
    cases, margin, gates = (by_format[name].get(fmt) for name in ("cases", "margins", "gates"))
    if margin is None:
        shown = "–"
    else:
        shown = _margin(float(margin))
    return str(cases or 0), shown, "–" if gates is None else f"{gates:.1f} %"


def _margin(margin: float) -> str:
    if not math.isfinite(margin):
        if margin > 0:
            return "∞"
        return "NaN"
    if margin < 1000:
        return f"{margin:.2f}"
    return f"{margin:.1e}"
