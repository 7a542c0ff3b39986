"""The kill matrix on a terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gruverify._named import JsonObject
from gruverify.faults import EQUIVALENTS, FAULTS, Fault
from gruverify.matrix import Fate, Matrix


class MatrixProgress:
    """Told of every fate as it is known, shows how many there are; nothing where there is no
    terminal.
    """

    def __init__(self, console: Console, entries: int) -> None:
        columns = (TextColumn("faults"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(
            *columns, TextColumn("{task.fields[note]}"), console=console, transient=True
        )
        self._task = self._progress.add_task("faults", total=entries, note="")
        self._shown = console.is_terminal

    def __enter__(self) -> MatrixProgress:
        if self._shown:
            self._progress.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._shown:
            self._progress.stop()

    def __call__(self, fate: Fate) -> None:
        """One more is known."""
        self._progress.update(self._task, advance=1, note=fate.fault)


def print_bank(console: Console) -> None:
    """Every fault and every rewrite with its mathematics."""
    table = Table(box=None)
    for column in ("id", "kind", "mathematics", "touches", "as reported in"):
        table.add_column(column, overflow="fold")
    for entry in (*FAULTS.values(), *EQUIVALENTS.values()):
        table.add_row(*map(escape, _described(entry)))
    console.print(table)
    console.print(
        "\nnext: [bold]gruverify faults --only ID[/], [bold]gruverify check gruverify.faults:ID[/]"
    )


def _described(entry: Fault) -> tuple[str, ...]:
    kind = "right"
    if entry.id in FAULTS:
        kind = entry.kind
    return entry.id, kind, entry.mathematics, " ".join(entry.touches), entry.thread


def print_matrix(console: Console, matrix: Matrix) -> None:
    """Survivors first, then the slowest; what catches what; the fewest invariants that catch all;
    the verdict.
    """
    console.print(_faults(matrix))
    _print_false_alarms(console, matrix)
    console.print(_invariants(matrix))
    cover = matrix.cover
    if cover.smallest:
        how = "the fewest that catch all"
    else:
        how = "a few that catch all (greedy: fewer may do)"
    console.print(
        f"\n{how}, {len(cover.invariants)}: {', '.join(cover.invariants)}", soft_wrap=True
    )
    _print_verdict(console, matrix)


def _faults(matrix: Matrix) -> Table:
    table = Table(
        title="faults, survivors first, then those that took most cases",
        title_justify="left",
        box=None,
    )
    table.add_column("fault", no_wrap=True)
    for column in ("reset", "kind", "case", "seconds", "caught by", "first", "H I B T"):
        table.add_column(
            column,
            no_wrap=True,
            justify="right" if column in ("case", "seconds", "caught by") else "left",
        )
    for fate in matrix.faults:
        table.add_row(*_row(fate))
    return table


def _row(fate: Fate) -> tuple[str, ...]:
    name, kind = escape(fate.fault), FAULTS[fate.fault].kind
    if fate.cases is None:
        return (
            f"[bold red]{name}[/]",
            fate.reset,
            kind,
            f"[bold red]survives {fate.tried}[/]",
            "",
            "0",
            "",
            "",
        )
    # Of the witness as it was reduced, not of the case that caught the fault.
    sizes = " ".join(str(fate.sizes[letter]) for letter in "HIBT")
    found = (str(fate.cases), f"{fate.seconds:.2f}", str(len(fate.kills)), fate.first, sizes)
    return name, fate.reset, kind, *found


def _print_false_alarms(console: Console, matrix: Matrix) -> None:
    for fate in matrix.false_alarms:
        failing = ", ".join(fate.kills)
        console.print(
            f"[bold red]false alarm[/] {escape(fate.fault)} (reset {fate.reset}): {failing}",
            soft_wrap=True,
        )


def _invariants(matrix: Matrix) -> Table:
    alone = matrix.alone()
    table = Table(title="\ninvariants", title_justify="left", box=None)
    table.add_column("invariant", no_wrap=True)
    table.add_column("faults", justify="right")
    table.add_column("alone", overflow="fold")
    for id, faults in matrix.catches().items():
        table.add_row(id, str(len(faults)), ", ".join(alone.get(id, ())))
    return table


def _print_verdict(console: Console, matrix: Matrix) -> None:
    s = matrix.summary()
    # Both count: a test that fails everything would catch each fault.
    good = not matrix.survivors and not matrix.false_alarms
    colour = "bold green" if good else "bold red"
    console.print(
        f"\n[{colour}]{s['caught']} of {s['entries']} fault/variant pairs caught[/] "
        f"({_counted(s['faults'], 'fault')}), {_counted(s['false alarms'], 'false alarm')} on "
        f"{_counted(s['rewrites'], 'correct rewrite')}; {_spread(s)}; {matrix.seconds:.0f} s"
    )
    shown = next(
        # What needs looking at first; `--only` may have left any of them empty.
        iter(matrix.survivors or matrix.false_alarms or matrix.faults or matrix.rewrites),
        None,
    )
    if shown is not None:
        console.print(
            f"next: [bold]gruverify check gruverify.faults:{escape(shown.fault)}[/]", soft_wrap=True
        )


def _counted(number: int, what: str) -> str:
    if number == 1:
        return f"1 {what}"
    return f"{number} {what}s"


def _spread(s: JsonObject) -> str:
    if not s["caught"]:
        return "nothing was caught"
    sizes = ", ".join(f"{k} ≤ {s[f'witness {k}, largest']}" for k in "HIBT")
    return (
        f"cases: median {s['cases, median']:g}, at most {s['cases, largest']}; seconds: median "
        f"{s['seconds, median']:.2f}, at most {s['seconds, largest']:.1f}; witnesses {sizes}"
    )
