"""The result on a terminal: header, table, witnesses, verdict, what to do next."""

from __future__ import annotations

import os
import shlex
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from gruverify._named import JsonObject, Keywords
from gruverify.coverage import GATES, SIZES, Coverage, size_holes
from gruverify.engine import (
    VALUES,
    FirstFailure,
    NotRepeated,
    Result,
    Witness,
    condition_of,
    declarations,
    describe,
    is_of_few_shapes,
    severity,
    variants_in_words,
)
from gruverify.invariants import INVARIANTS
from gruverify.reporting._lines import by_formats, unrepeated, wrapped
from gruverify.reporting._snippets import is_shown, reproducer, size_of
from gruverify.reporting._table import (
    STATUSES,
    checked_rows,
    failing_rows,
    families_table,
    invariants_table,
    skipped_everywhere,
)

_VERDICTS = {"conforms": "bold green", "falsified": "bold red", "died": "bold red"}
#: What neither conforms nor fails.
_UNDECIDED = "bold yellow"


#: What a redirected output is as wide as; a terminal says itself.
WIDTH = 120


class _Patient(Console):
    """A console that goes silent where it is closed, or writes to a full disk: what was found is
    written to files, and the exit code stands.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, as long as it can be."""
        try:
            super().print(*objects, **options)
        except OSError as refused:
            self.on_broken_pipe()
            if not isinstance(refused, BrokenPipeError) and not self.stderr:
                with suppress(OSError):
                    print(f"standard output cannot be written: {refused.strerror}", file=sys.stderr)

    def on_broken_pipe(self) -> None:
        """Print to nowhere from now on."""
        # On the descriptor: Python flushes stdout once more at exit, and would fail there with a
        # traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console_for(*, stderr: bool = False, color: str = "auto") -> Console:
    """A console for reports, as wide as its terminal, and wide enough for the table elsewhere.

    color: "auto" colours on a terminal alone, and not where NO_COLOR is set; "always" and "never"
    do as they say.
    """
    stream = sys.stderr if stderr else sys.stdout
    options: Keywords = {"stderr": stderr, "highlight": False}
    if color == "always":
        # "standard": sixteen colours, which every terminal and CI log has.
        options |= {"force_terminal": True, "color_system": "standard", "no_color": False}
        options["force_interactive"] = (
            stream.isatty()
        )  # a file gets colours, and no progress that redraws itself
    elif color == "never":
        options |= {"force_terminal": False}
    console = _Patient(**options)
    if console.is_terminal or stream.isatty():
        return console
    return _Patient(**options, width=WIDTH)


def print_header(console: Console, header: JsonObject, jobs: int) -> None:
    """What is about to be run, with all that is needed to repeat it."""
    versions = " · ".join(f"{name} {version}" for name, version in header["versions"].items())
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    command = f"gruverify check {shlex.quote(header['target'])}"
    console.print(f"[bold]{escape(command)}[/]", soft_wrap=True)  # for a shell to read
    console.print(
        f"seed {header['seed']} · profile {header['profile']} · {header['cases']} cases per "
        "format · "
        f"{', '.join(header['formats'])} · processes {jobs} · threads {threads}"
    )
    if header.get("declarations"):
        console.print(f"declared: {escape(declarations(header))}", soft_wrap=True)
    if found := variants_in_words(header):
        console.print(f"variants: {escape(found)}", soft_wrap=True)
    for line in _saved(header):
        console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)
    console.print(f"[dim]{escape(versions)}[/]\n")


def _saved(header: JsonObject) -> Iterator[str]:
    """How many witnesses of earlier runs are tried, and why others are not."""
    replayed = header.get("replayed", {"tried": 0, "left_out": []})
    if tried := replayed["tried"]:
        yield f"saved witnesses: {tried} tried first (--no-replay leaves them out)"
    yield from (f"saved witness not tried: {line}" for line in replayed["left_out"])


def print_first_failure(console: Console, first: FirstFailure) -> None:
    """What failed first in a format, as soon as it did."""
    if first.number:
        where = f"case {first.number}"
    else:
        where = "a saved witness"
    console.print(
        f"[bold red]failed[/] in {first.format}, {where}: {escape(first.text)}\n", soft_wrap=True
    )


def print_not_repeated(console: Console, event: NotRepeated) -> None:
    """What does not fail in every call, before anything is shrunk."""
    line = f"{event.invariant} in {event.format} {event.flaky.text}"
    console.print(f"[bold red]flaky[/] {escape(line)}\n", soft_wrap=True)


#: How many witnesses are printed unless it is said.
_WITNESSES = 5


def print_result(
    console: Console,
    result: Result,
    saved: dict[tuple[str, str], Path],
    most: int | None = None,
    *,
    verbose: bool = False,
) -> None:
    """Table, witnesses (with the files they were `saved` to), coverage, likely cause, verdict and
    next command.

    most: how many witnesses are printed; None: some, and one where a cause explains them all.
    verbose: print every invariant, every witness and every hole of the coverage.
    """
    _print_tables(console, result, verbose=verbose)
    for line in _not_checked_lines(result, verbose=verbose):
        console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)
    for id in result.unexpected:
        console.print(
            f"[bold yellow]xpassed[/] {id} was expected to fail and did not", soft_wrap=True
        )
    _print_flaky(console, result)
    for (cause, reason), ids in _root_causes(result).items():
        console.print(f"\n[bold red]root cause[/] {cause}: {escape(reason)}", soft_wrap=True)
        console.print(f"  [yellow]blocked[/] by it: {_invariants(ids)}", soft_wrap=True)
    for note in result.crashes:
        console.print(f"[bold red]died[/] {escape(note)}", soft_wrap=True)
    _print_witnesses(console, result, saved, sys.maxsize if verbose else most)
    _print_snippet(console, result, saved)
    _print_coverage(console, result, verbose=verbose)
    _print_covers(console, result, verbose=verbose)
    if result.explanation:
        console.print(f"\n[bold red]likely cause:[/] {escape(result.explanation)}", soft_wrap=True)
        # Who is wrong as a stack alone has cells that are identified as what they should be.
        if not all(INVARIANTS[id].of_stacks for id, _ in result.witnesses):
            target = escape(shlex.quote(result.header["target"]))
            console.print(f"  evidence: [bold]gruverify identify {target}[/]", soft_wrap=True)
    console.print()
    print_verdict(console, result)
    console.print(f"next: [bold]{escape(_next(result, saved))}[/]", soft_wrap=True)


#: How many failing invariants are named unless all are asked for.
_NAMED_ROWS = 10


def _print_tables(console: Console, result: Result, *, verbose: bool) -> None:
    """A row for each family, and what failed by name; or a row for each invariant."""
    if verbose:
        console.print(invariants_table(result, checked_rows(result)))
        return
    console.print(families_table(result))
    failing = failing_rows(result)
    if failing:
        console.print()
        console.print(
            invariants_table(result, dict(islice(failing.items(), _NAMED_ROWS)), "what failed")
        )
    if (left := len(failing) - _NAMED_ROWS) > 0:
        console.print(f" and {left} more: -v lists them")


def _print_witnesses(
    console: Console, result: Result, saved: dict[tuple[str, str], Path], most: int | None
) -> None:
    shown = _one_each(result)
    if most is None and result.explanation:
        most = 1
    elif most is None:
        most = _WITNESSES
    for id, witness in list(shown.items())[:most]:
        console.print()
        under = condition_of(result, id, witness.case.format.name)
        few = is_of_few_shapes(result.header)
        text = describe(INVARIANTS[id], witness.residual, witness.case, under, few=few)
        console.print(escape(text), soft_wrap=True)
        if (flaky := result.flaky.get((id, witness.case.format.name))) is not None:
            console.print(f"  [bold red]flaky[/]    {escape(flaky.text)}", soft_wrap=True)
        if (path := saved.get((id, witness.case.format.name))) is not None:
            console.print(
                f"  replay: [bold]gruverify replay {escape(shlex.quote(str(path)))}[/]",
                soft_wrap=True,
            )
    if (left := len(shown) - most) > 0:
        if result.explanation:
            why = ", all explained by the likely cause"
        else:
            why = ""
        console.print(f"\nand {left} more{why}: -v prints them")


def _print_flaky(console: Console, result: Result) -> None:
    """The failures that do not repeat, which were not shrunk."""
    for line in unrepeated(
        (*place, flaky.manner, flaky.text) for place, flaky in sorted(result.flaky.items())
    ):
        console.print(f"\n[bold red]flaky[/] {escape(line)}", soft_wrap=True)


#: So many reasons are told apart, unless verbose.
_REASONS = 2


def _not_checked_lines(result: Result, *, verbose: bool) -> Iterator[str]:
    """What was checked in no format, and why; of many reasons their number, unless verbose."""
    by_status: dict[str, dict[str, list[str]]] = {}
    for (status, reason), ids in _not_checked(result, verbose=verbose).items():
        by_status.setdefault(status, {})[reason] = ids
    for status, reasons in by_status.items():
        # Whoever skips invariants named the reasons; those of a target can be a line for each of
        # its refusals.
        if verbose or status != "not applicable" or len(reasons) <= _REASONS:
            for reason, ids in reasons.items():
                yield f"{status}: {_invariants(ids)} ({reason})"
        else:
            count = sum(map(len, reasons.values()))
            yield f"{status}: {count} invariants, for {len(reasons)} reasons: -v lists them"


def _not_checked(result: Result, *, verbose: bool) -> dict[tuple[str, str], list[str]]:
    """Status and reason, to the ids that were checked in no format. Unless verbose, all that
    methods are missing for has one reason: the verdict names the methods.
    """
    reasons: dict[tuple[str, str], list[str]] = {}
    for id, row in result.by_format.items():
        if skipped_everywhere(row):
            first = next(iter(row.values()))
            missing = first.status == "not applicable" and first.reason.startswith(
                "the backend has no "
            )
            if verbose or not missing:
                reason = first.reason
            else:
                reason = "methods that the target does not implement"
            reasons.setdefault((first.status, reason), []).append(id)
    return reasons


def _root_causes(result: Result) -> dict[tuple[str, str], list[str]]:
    """The invariant that reported an obstacle and what it was, to those that were blocked by it;
    most blocked first.
    """
    causes: dict[str, dict[str, str]] = {}
    for id, row in result.by_format.items():
        for tally in row.values():
            if tally.status == "blocked":
                causes.setdefault(tally.cause, {})[id] = tally.reason
    named = {(cause, min(blocked.values())): list(blocked) for cause, blocked in causes.items()}
    return dict(sorted(named.items(), key=lambda item: -len(item[1])))


def _invariants(ids: list[str]) -> str:
    if len(ids) == 1:
        return ids[0]
    return f"{len(ids)} invariants"


def _one_each(result: Result) -> dict[str, Witness]:
    """The smallest witness of each falsified invariant, over the formats; the gravest first (see
    `severity`), and among those that are as grave the catalogue's order. Where one cause explains
    them all, the values come first: they show it without a detour.
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


def _print_coverage(console: Console, result: Result, *, verbose: bool) -> None:
    """How much of z × r × c and of the sizes was visited, and some of what was not: on a line each,
    unless verbose.
    """
    coverage = {
        fmt: result.coverage[fmt] for fmt in result.header["formats"] if fmt in result.coverage
    }
    if not coverage:
        return
    gates = list[str]()
    for fmt, of in coverage.items():
        holes = [GATES.spelled(hole) for hole in of.holes()]
        gates.append(_lacking(fmt, holes, ", "))
    sizes = [_lacking(fmt, size_holes(of), "; ") for fmt, of in coverage.items()]
    console.print()
    for line, holes in ((gates_line(coverage), gates), (sizes_line(coverage), sizes)):
        console.print(line, soft_wrap=True)
        lines = by_formats(filter(None, holes), [*coverage])
        others = ""
        if len(lines) > 1 and not verbose:
            # One format's stand for those of all: each has hundreds.
            lines, others = lines[:1], " (others: -v)"
        for hole in lines:
            shown = hole
            if not verbose:
                room = console.width - 2 - len(others)
                shown = textwrap.shorten(hole, room, placeholder=" …") + others
            console.print(f"[dim]  {escape(shown)}[/]", soft_wrap=True)


def _lacking(fmt: str, holes: list[str], between: str) -> str:
    if len(holes) > _NAMED:
        more = f" and {len(holes) - _NAMED} more"
    else:
        more = ""
    if holes:
        return f"{fmt}: not visited: {between.join(holes[:_NAMED])}{more}"
    return ""


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
        console.print(
            f"\nThe first of them is too large to print ({size_of(first)}).", soft_wrap=True
        )
        console.print(
            "--witnesses DIR saves it as a file, which `gruverify replay FILE` runs again."
        )
        return
    console.print("\nThe first of them, to paste into Python:\n")
    console.print(
        first.snippet if path is None else reproducer(first, path), markup=False, soft_wrap=True
    )


def _print_covers(console: Console, result: Result, *, verbose: bool) -> None:
    """What the verdict covers, what keeps it from a pass, and what may help."""
    formats, width = result.header["formats"], console.width
    console.print()
    if verbose:
        covers = by_formats(result.covers, formats)
    else:
        covers = _without_ranges(result.covers, formats)
    for line in covers:
        console.print(f"[dim]{escape(wrapped(line, width))}[/]", soft_wrap=True)
    if result.verdict == "inconclusive":
        for line in by_formats(result.doubts, formats):
            said = wrapped(f"inconclusive {line}", width).removeprefix("inconclusive ")
            console.print(f"[{_UNDECIDED}]inconclusive[/] {escape(said)}", soft_wrap=True)
    for line in by_formats(result.hinted, formats):
        console.print(f"[bold yellow]hint[/] {escape(line)}", soft_wrap=True)
    for line in result.replay_lines:
        console.print(f"[bold yellow]replayed[/] {escape(line)}", soft_wrap=True)


def _without_ranges(covers: Iterable[str], formats: Sequence[str]) -> list[str]:
    """The lines but for ranges of sizes that differ from format to format."""
    lines = list(covers)
    # "float32: 9 of 9 cases of stacks, H 1–4, I 1–5, ...": what is said of a format, by the count.
    ranges: dict[str, set[str]] = {}
    for line in lines:
        said = line.partition(": ")[2]
        ranges.setdefault(said.partition(", H ")[0], set()).add(said)
    found = list[str]()
    for line in lines:
        count = line.partition(", H ")[0]
        if len(ranges[count.partition(": ")[2]]) > 1:
            found.append(f"{count} (-v has their sizes)")
        else:
            found.append(line)
    return by_formats(found, formats)


def print_verdict(console: Console, result: Result) -> None:
    """The verdict, how many invariants have which status, and the declaration that would change
    it.
    """
    statuses = list[str]()
    for row in result.by_format.values():
        statuses += [tally.status for tally in row.values()]
    counts = ", ".join(f"{statuses.count(s)} {s}" for s in STATUSES if statuses.count(s))
    colour = _VERDICTS.get(result.verdict, _UNDECIDED)
    if result.less_accurate:
        less = f": {LESS_ACCURATE}"
    else:
        less = ""
    console.print(
        f"[{colour}]{result.verdict}{less}[/] ({counts or 'nothing was judged'}; "
        f"{result.seconds:.1f} s)"
    )
    for line in result.less_accurate:
        console.print(f"[{colour}]{escape(line)}[/]", soft_wrap=True)


def _next(result: Result, saved: dict[tuple[str, str], Path]) -> str:
    shown = [(id, witness.case.format.name) for id, witness in _one_each(result).items()]
    if path := next((saved[key] for key in shown if key in saved), None):
        return f"gruverify replay {shlex.quote(str(path))}"
    if result.crashes:
        return result.crashes[0].rpartition("again: ")[2]
    target, seed = shlex.quote(result.header["target"]), f"--seed {result.header['seed']}"
    if result.header["profile"] != "default":
        # Another profile would draw other cases.
        seed = f"--profile {result.header['profile']} {seed}"
    if result.verdict == "interrupted":
        return f"gruverify check {target} {seed}"
    if result.witnesses:
        return f"gruverify check {target} {seed} --witnesses DIR"
    if result.verdict == "inconclusive":
        return "docs/verdict.md has the way out of each reason"
    # Another seed: the same one would draw again what has passed.
    return f"gruverify check {target} --profile deep --seed {result.header['seed'] + 1}"
