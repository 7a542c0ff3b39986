"""The explanation on a terminal: the answer in words, and four tables that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gruverify.reporting.explain._answer import answer
from gruverify.reporting.explain._enclosure import Enclosure
from gruverify.reporting.explain._explanation import Explanation, RegimeReport, Row
from gruverify.reporting.explain._measure import Measured

Cells: TypeAlias = list[str | Text]

#: Terms at the two ends of a longer sum that are shown.
_FIRST, _LAST = 9, 2
#: Columns are set closer on a narrower terminal.
_ROOMY = 96

_LEGEND = """\
dL_T/dU_z = Σ_k dL_T/dh_T (Π_{i=k+1..T} J_i) ∂⁺h_k/∂U_z,  J_i = dh_i/dh_{i-1},
U_z: the input weights of the update gate

a      the bias that drives a gate: to 0 with -a, to 1 with +a
sizes  the largest entry of a gradient; the largest row sum of a Jacobian
exact  as many digits as an enclosure of the true value supports; ≤ where it supports none
0      exactly 0
"""


def print_explanation(console: Console, e: Explanation) -> None:
    """Setting, answer, legend, tables, and what asks the same of trained weights."""
    s = e.setting
    console.print("[bold]Where gradients go when the gates close[/]")
    console.print(
        f"H={s.hidden} I={s.inputs} T={s.steps} · seed {s.seed} · {s.variant} · {_goals(e)}\n",
        markup=False,
    )
    console.print("[bold]In words[/]")
    for number, sentence in enumerate(answer(e), 1):
        console.print(f"{number}. {sentence}", markup=False)
    console.print("\n[bold]In numbers[/]")
    console.print(_LEGEND, markup=False)
    for print_table in (_jacobians, _gradients, _in_formats, _terms):
        print_table(console, e)
    console.print("\nof your trained weights: gruverify diagnose FILE --inputs x.npy", markup=False)


def _goals(e: Explanation) -> str:
    return ", ".join(f"{r.regime.name} (z={r.regime.z:g}, r={r.regime.r:g})" for r in e.reports)


def _jacobians(console: Console, e: Explanation) -> None:
    def rows(report: RegimeReport) -> Iterator[Cells]:
        for row in report.rows:
            gates = _gate(report.regime.z, row.away_z), _gate(report.regime.r, row.away_r)
            bound = Enclosure(row.bound, row.bound).text(2)
            yield [
                _bias(report, row),
                *gates,
                str(row.exact.gap),
                bound,
                *_each(row.formats, "gap"),
            ]

    limits = ", ".join(f"{r.regime.limit} ({r.regime.name})" for r in e.reports)
    _heading(
        console,
        f"1  What J is: its distance from {limits}; the largest over the steps",
        "z, r: the gate farthest from its goal. bound: theory's, of the exact distance, for all "
        "weights, inputs "
        "and states. In a format: the distance between J and its limit as both are computed there.",
    )
    _table(console, e, ["a", "z", "r", "exact", "bound", *_names(e)], rows)


def _gradients(console: Console, e: Explanation) -> None:
    def rows(report: RegimeReport) -> Iterator[Cells]:
        for row in report.rows:
            m = row.exact
            candidate = m.candidate, m.candidate_bias, m.recurrent_bias
            shown = m.update, row.update_over_shut, row.earlier_share, *candidate, m.state
            yield [_bias(report, row), *map(str, shown)]

    _heading(
        console,
        "2  Gradients in exact mathematics",
        "÷z: dL/dU_z divided by z, or by 1-z if that is smaller. k < T: the share of the terms "
        "before the last.",
    )
    _table(
        console,
        e,
        ["a", "dL/dU_z", "÷z", "k < T", "dL/dW_xc", "dL/db_xc", "dL/db_hc", "dL/dh_0"],
        rows,
    )


def _in_formats(console: Console, e: Explanation) -> None:
    def rows(report: RegimeReport) -> Iterator[Cells]:
        for row in report.rows:
            yield [
                _bias(report, row),
                *_each(row.formats, "update"),
                *_each(row.formats, "candidate"),
            ]

    names = list[str]()
    for parameter in ("U_z", "W_xc"):
        names += [f"{parameter}\n{name}" for name in _names(e)]
    _heading(console, "3  The gradients of U_z and W_xc in each format")
    _table(console, e, ["a", *names], rows)


def _terms(console: Console, e: Explanation) -> None:
    T = e.setting.steps

    def rows(report: RegimeReport) -> Iterator[Cells]:
        row = report.rows[-1]
        for i in (i for i in range(T) if i < _FIRST or i >= T - _LAST):
            in_formats = (_number(m.terms[i]) for m in row.formats.values())
            yield [str(T - i), str(row.exact.influence[i]), str(row.exact.terms[i]), *in_formats]
            if i == _FIRST - 1 and T > _FIRST + _LAST:
                yield ["…"]

    _heading(console, "4  The terms of dL_T/dU_z, from k = T to k = 1, at the largest a")
    _table(console, e, ["k", "dh_T/dh_k", "exact", *_names(e)], rows)


# -- what the tables share -------------------------------------------------------------------------


def _heading(console: Console, title: str, note: str = "") -> None:
    # Not the table's own title: that would be folded to the table's width.
    console.print(title, style="bold", markup=False)
    if note:
        console.print(note, style="dim", markup=False)


def _table(
    console: Console,
    e: Explanation,
    columns: list[str],
    rows: Callable[[RegimeReport], Iterator[Cells]],
) -> None:
    table = Table("", box=None, pad_edge=False, collapse_padding=console.width < _ROOMY)
    for name in columns:
        table.add_column(name, justify="right", vertical="bottom")
    for report in e.reports:
        for i, cells in enumerate(rows(report)):
            table.add_row("" if i else report.regime.name, *cells)
        table.add_row()
    console.print(table)


def _names(e: Explanation) -> list[str]:
    return [f.short for f in e.setting.formats]


def _each(formats: Mapping[str, Measured], quantity: str) -> Cells:
    return [_number(getattr(m, quantity)) for m in formats.values()]


def _number(value: Enclosure) -> str | Text:
    if value.is_zero:
        return Text("0", style="bold magenta")
    return str(value)


def _bias(report: RegimeReport, row: Row) -> str:
    if report.regime.approached:
        return f"{row.a:g}"
    return "-"


def _gate(goal: float, away: Enclosure) -> str:
    if goal == 0:
        return away.text(2)
    if goal == 1:
        return f"1-{away.text(2)}"
    return f"{goal:.3g}±{away.text(2)}"
