"""The result on a terminal: header, table, witnesses, verdict, what to do next."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gruverify.coverage import GATES, SIZES, Coverage, size_holes
from gruverify.engine import (
    VALUES,
    FirstFailure,
    NotRepeated,
    Result,
    Tally,
    Witness,
    by_format,
    condition_of,
    declarations,
    describe,
    severity,
)
from gruverify.invariants import INVARIANTS
from gruverify.reporting._lines import by_formats, unrepeated, wrapped
from gruverify.reporting._snippets import is_shown, reproducer, size_of

_MARKS = {
    "died": "bold red",
    "passed": "green",
    "falsified": "bold red",
    "error": "bold red",
    "blocked": "yellow",
    "nothing claimed": "yellow",
    "xfailed": "yellow",
    "xpassed": "bold yellow",
    "skipped": "dim",
    "not applicable": "dim",
}
_VERDICTS = {"conforms": "bold green", "falsified": "bold red", "died": "bold red"}
#: What neither conforms nor fails.
_UNDECIDED = "bold yellow"


#: What a redirected output is as wide as; a terminal says itself.
WIDTH = 120


class _Patient(Console):
    """A console that goes silent where it is closed, or writes to a full disk: what was found is written to files, and
    the exit code stands.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, as long as it can be."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Print to nowhere from now on."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console_for(*, stderr: bool = False) -> Console:
    """A console for reports: coloured only on a terminal, and wide enough for the table elsewhere."""
    console = _Patient(stderr=stderr, highlight=False)
    return console if console.is_terminal else _Patient(stderr=stderr, highlight=False, width=WIDTH)


def print_header(console: Console, header: dict[str, Any], jobs: int) -> None:
    """What is about to be run, with all that is needed to repeat it."""
    versions = " · ".join(f"{name} {version}" for name, version in header["versions"].items())
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    console.print(f"[bold]gruverify check {escape(header['target'])}[/]")
    console.print(
        f"seed {header['seed']} · profile {header['profile']} · {header['cases']} cases a format · "
        f"{', '.join(header['formats'])} · processes {jobs} · threads {threads}"
    )
    if header.get("declarations"):
        console.print(f"declared: {escape(declarations(header))}", soft_wrap=True)
    for line in _saved(header):
        console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)
    console.print(f"[dim]{escape(versions)}[/]\n")


def _saved(header: Mapping[str, Any]) -> Iterator[str]:
    """How many witnesses of earlier runs are tried, and why others are not."""
    replayed = header.get("replayed", {"tried": 0, "left_out": []})
    if tried := replayed["tried"]:
        yield f"saved witnesses: {tried} tried first (--no-replay leaves them out)"
    yield from (f"saved witness not tried: {line}" for line in replayed["left_out"])


def print_first_failure(console: Console, first: FirstFailure) -> None:
    """What failed first in a format, as soon as it did."""
    where = f"case {first.number}" if first.number else "a saved witness"
    console.print(f"[bold red]failed[/] in {first.format}, {where}: {escape(first.text)}\n", soft_wrap=True)


def print_not_repeated(console: Console, event: NotRepeated) -> None:
    """What does not fail in every call, before anything is shrunk."""
    line = f"{event.invariant} in {event.format} {event.flaky.text}"
    console.print(f"[bold red]flaky[/] {escape(line)}\n", soft_wrap=True)


#: How many witnesses are printed unless it is said.
_WITNESSES = 5


def print_result(console: Console, result: Result, saved: dict[tuple[str, str], Path], most: int | None = None) -> None:
    """Table, root causes, witnesses (with the files they were `saved` to), verdict and next command.

    most: how many witnesses are printed; None: some, and one where a cause explains them all.
    """
    console.print(_table(result))
    for (status, reason), ids in _not_asked(result).items():
        console.print(f"[dim]{status}: {_invariants(ids)} ({escape(reason)})[/]", soft_wrap=True)
    for id in result.unexpected:
        console.print(f"[bold yellow]xpassed[/] {id} was expected to fall and did not", soft_wrap=True)
    _print_coverage(console, result)
    if result.explanation:
        console.print(f"\n[bold red]root cause[/] your GRU matches: {escape(result.explanation)}", soft_wrap=True)
        console.print(f"  evidence: [bold]gruverify identify {escape(result.header['target'])}[/]", soft_wrap=True)
    _print_flaky(console, result)
    for (cause, reason), ids in _root_causes(result).items():
        console.print(f"\n[bold red]root cause[/] {cause}: {escape(reason)}", soft_wrap=True)
        console.print(f"  [yellow]blocked[/] by it: {_invariants(ids)}", soft_wrap=True)
    for note in result.crashes:
        console.print(f"[bold red]died[/] {escape(note)}", soft_wrap=True)
    shown = _one_each(result)
    most = most if most is not None else 1 if result.explanation else _WITNESSES
    for id, witness in list(shown.items())[:most]:
        console.print()
        under = condition_of(result, id, witness.case.format.name)
        console.print(escape(describe(INVARIANTS[id], witness.residual, witness.case, under)), soft_wrap=True)
        if (flaky := result.flaky.get((id, witness.case.format.name))) is not None:
            console.print(f"  [bold red]flaky[/]    {escape(flaky.text)}", soft_wrap=True)
        if (path := saved.get((id, witness.case.format.name))) is not None:
            console.print(f"  replay: [bold]gruverify replay {escape(str(path))}[/]", soft_wrap=True)
    if (left := len(shown) - most) > 0:
        why = ", all explained by this" if result.explanation else ""
        console.print(f"\nand {left} more{why}: -v prints them")
    _print_snippet(console, result, saved)
    _print_verdict(console, result, saved)


def _print_flaky(console: Console, result: Result) -> None:
    """The failures that do not repeat, which were not shrunk."""
    for line in unrepeated((*place, flaky.manner, flaky.text) for place, flaky in sorted(result.flaky.items())):
        console.print(f"\n[bold red]flaky[/] {escape(line)}", soft_wrap=True)


def _table(result: Result) -> Table:
    formats = result.header["formats"]
    table = Table(title="worst margin: error / derived bound, over 1 is falsified", title_justify="left", box=None)
    table.add_column("invariant", no_wrap=True)
    for fmt in formats:
        table.add_column(fmt, justify="right")
    table.add_column("cases", justify="right")
    for id, row in by_format(result).items():
        if _nowhere_asked(row):
            continue
        cells = [_cell(row[fmt]) if fmt in row else "" for fmt in formats]
        table.add_row(id, *cells, str(sum(tally.cases for tally in row.values())))
    return table


def _nowhere_asked(row: dict[str, Tally]) -> bool:
    return all(tally.status in ("not applicable", "skipped") for tally in row.values())


def _not_asked(result: Result) -> dict[tuple[str, str], list[str]]:
    """Status and reason, to the ids that were or could be asked of the backend in no format."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for id, row in by_format(result).items():
        if _nowhere_asked(row):
            first = next(iter(row.values()))
            reasons.setdefault((first.status, first.reason), []).append(id)
    return reasons


def _root_causes(result: Result) -> dict[tuple[str, str], list[str]]:
    """The invariant that reported an obstacle and what it was, to those that were blocked by it; most blocked first."""
    causes: dict[str, dict[str, str]] = {}
    for id, row in by_format(result).items():
        for tally in row.values():
            if tally.status == "blocked":
                causes.setdefault(tally.cause, {})[id] = tally.reason
    named = {(cause, min(blocked.values())): list(blocked) for cause, blocked in causes.items()}
    return dict(sorted(named.items(), key=lambda item: -len(item[1])))


def _invariants(ids: list[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{len(ids)} invariants"


def _cell(tally: Tally) -> str:
    colour = _MARKS[tally.status]
    if tally.status in ("passed", "falsified"):
        return f"[{colour}]{margin(tally.largest)}[/]"
    return f"[{colour}]{_SHORT.get(tally.status, tally.status)}[/]"


#: Statuses that a table of margins shows by a sign.
_SHORT = {"not applicable": "n/a", "nothing claimed": "–"}


def margin(value: float) -> str:
    """A margin in five characters or so."""
    if not math.isfinite(value):
        return "∞"
    if 1 < value < 1.005:
        return "1.00+"
    return f"{value:.2f}" if value < 100 else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def _one_each(result: Result) -> dict[str, Witness]:
    """The smallest witness of each falsified invariant, over the formats; the gravest first (see `severity`), and among
    those that are as grave the catalogue's order. Where one cause explains them all, the values come first: they show
    it without a detour.
    """
    smallest: dict[str, Witness] = {}
    for id in INVARIANTS:
        mine = [witness for (of, _), witness in result.witnesses.items() if of == id]
        if mine:
            smallest[id] = min(mine, key=Witness.order)

    def order(id: str) -> tuple[bool, float]:
        return bool(result.explanation) and id not in VALUES.ids, -severity(smallest[id].residual)

    return {id: smallest[id] for id in sorted(smallest, key=order)}


#: What a falsified target is where a declaration explains everything that failed.
LESS_ACCURATE = "less accurate than declared"
GATES_VISITED = "gates visited (levels of z × r × c)"
SIZES_VISITED = "sizes visited (levels of H, I, B, T, and coincidences)"
#: How many holes are named on a terminal.
_NAMED = 3


def _print_coverage(console: Console, result: Result) -> None:
    """How much of z × r × c and of the sizes was visited, format by format, and some of what was not."""
    formats = [fmt for fmt in result.header["formats"] if fmt in result.coverage]
    if not formats:
        return
    console.print(gates_line({fmt: result.coverage[fmt] for fmt in formats}), soft_wrap=True)
    for fmt in formats:
        _print_holes(console, fmt, [GATES.spelled(hole) for hole in result.coverage[fmt].holes()], ", ")
    console.print(sizes_line({fmt: result.coverage[fmt] for fmt in formats}), soft_wrap=True)
    for fmt in formats:
        _print_holes(console, fmt, size_holes(result.coverage[fmt]), "; ")


def _print_holes(console: Console, fmt: str, holes: list[str], between: str) -> None:
    more = f" and {len(holes) - _NAMED} more" if len(holes) > _NAMED else ""
    if holes:
        console.print(f"[dim]  {fmt} lacks {between.join(holes[:_NAMED])}{more}[/]", soft_wrap=True)


def sizes_line(coverage: Mapping[str, Coverage]) -> str:
    """Of how many of the sizes that there are answers were compared, by format."""
    shares = ", ".join(f"{fmt} {found.share(SIZES):.1f} %" for fmt, found in coverage.items())
    return f"{SIZES_VISITED}: {shares}"


def gates_line(coverage: Mapping[str, Coverage]) -> str:
    """How much of z × r × c was visited, by format."""
    shares = ", ".join(f"{fmt} {found.percent():.1f} %" for fmt, found in coverage.items())
    return f"{GATES_VISITED}: {shares}"


def _print_snippet(console: Console, result: Result, saved: dict[tuple[str, str], Path]) -> None:
    """The first witness to paste; where its case is large, what reads its file instead."""
    if not result.witnesses:
        return
    id, first = next(iter(_one_each(result).items()))
    path = saved.get((id, first.case.format.name))
    if path is None and not is_shown(first):
        console.print(f"\nThe first of them is too large to print ({size_of(first)}).", soft_wrap=True)
        console.print("--witnesses DIR saves it as a file, which `gruverify replay FILE` runs again.")
        return
    console.print("\nThe first of them, to paste into Python:\n")
    console.print(first.snippet if path is None else reproducer(first, path), markup=False, soft_wrap=True)


def _print_verdict(console: Console, result: Result, saved: dict[tuple[str, str], Path]) -> None:
    statuses = [tally.status for row in by_format(result).values() for tally in row.values()]
    counts = ", ".join(f"{statuses.count(s)} {s}" for s in _MARKS if statuses.count(s))  # type: ignore[arg-type]
    formats, width = result.header["formats"], console.width
    console.print()
    for line in by_formats(result.covers, formats):
        console.print(f"[dim]{escape(wrapped(line, width))}[/]", soft_wrap=True)
    colour = _VERDICTS.get(result.verdict, _UNDECIDED)
    if result.verdict == "inconclusive":
        for line in by_formats(result.doubts, formats):
            said = wrapped(f"inconclusive {line}", width).removeprefix("inconclusive ")
            console.print(f"[{colour}]inconclusive[/] {escape(said)}", soft_wrap=True)
    for line in by_formats(result.hinted, formats):
        console.print(f"[bold yellow]hint[/] {escape(line)}", soft_wrap=True)
    for line in result.replay_lines:
        console.print(f"[bold yellow]replayed[/] {escape(line)}", soft_wrap=True)
    less = f": {LESS_ACCURATE}" if result.less_accurate else ""
    console.print(f"\n[{colour}]{result.verdict}{less}[/] ({counts or 'nothing was judged'}; {result.seconds:.1f} s)")
    for line in result.less_accurate:
        console.print(f"[{colour}]{escape(line)}[/]", soft_wrap=True)
    console.print(f"next: [bold]{escape(_next(result, saved))}[/]", soft_wrap=True)


def _next(result: Result, saved: dict[tuple[str, str], Path]) -> str:
    shown = [(id, witness.case.format.name) for id, witness in _one_each(result).items()]
    if path := next((saved[key] for key in shown if key in saved), None):
        return f"gruverify replay {path}"
    if result.crashes:
        return result.crashes[0].rpartition("again: ")[2]
    target = result.header["target"]
    if result.verdict == "interrupted":
        return f"gruverify check {target} --seed {result.header['seed']}"
    if result.witnesses:
        return f"gruverify check {target} --seed {result.header['seed']} --witnesses DIR"
    if result.verdict == "inconclusive":
        return "docs/verdict.md has the way out of each reason"
    return f"gruverify check {target} --profile deep --seed {result.header['seed'] + 1}"
