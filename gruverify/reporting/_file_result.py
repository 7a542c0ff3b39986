"""What `gruverify check FILE@RUNTIME` found: on a terminal, and as JSON values."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gruverify._named import JsonObject
from gruverify.reporting._ruling import ruling_lines
from gruverify.reporting._table import margin
from gruverify.runtimes import FileResult, Judged, NodeResult

_COLOURS = {"conforms": "bold green", "falsified": "bold red", "inconclusive": "bold yellow"}
#: How many inputs that failed, or could not be decided, are shown of a node.
_SHOWN = 2


def print_file_result(
    console: Console,
    found: FileResult,
    witnesses: dict[str, list[str]],
    *,
    verbose: bool,
) -> None:
    """A row per node, or per input; what failed and why; what was not covered, and the verdict.

    witnesses: the files that were written for a node, by its name.
    """
    versions = "".join(f" · {name} {version}" for name, version in found.versions.items())
    for line in (f"{found.file} in {found.runtime}", f"seed {found.seed}{versions}"):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for node in found.nodes:
        console.print(f"  {node.gru or node.name}", markup=False, highlight=False, soft_wrap=True)
    console.print()
    console.print(_table(found, verbose=verbose))
    for node in found.nodes:
        for line in _details(node, witnesses.get(node.name, [])):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(
        "\nnot covered: what stands between the GRUs, and what a runtime makes of the whole graph",
        markup=False,
        soft_wrap=True,
    )
    print_file_verdict(console, found)


def print_file_verdict(console: Console, found: FileResult) -> None:
    """The verdict alone, with what it rests on."""
    inputs = sum(len(node.judged) for node in found.nodes)
    count = len(found.nodes)
    nodes = f"{count} GRU node{'s' * (count > 1)}"
    console.print(
        Text.assemble(
            (found.verdict, _COLOURS[found.verdict]), f" ({nodes}, {inputs} inputs in all)"
        )
    )


def _table(found: FileResult, *, verbose: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    headings = ["node", "inputs", "numbers", "claimed", "margin", "verdict"]
    if verbose:
        headings.insert(1, "over")
    for heading in headings:
        right = heading in ("inputs", "numbers", "claimed", "margin")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for node in found.nodes:
        table.add_row(*_row(node, verbose=verbose))
        for one in node.judged if verbose else ():
            sizes = ", ".join(f"{letter}={size}" for letter, size in one.given.sizes.items())
            table.add_row("", f"{one.given.about}: {sizes}", "", *_figures([one]), _word(one))
    return table


def _row(node: NodeResult, *, verbose: bool) -> Iterator[Text | str]:
    yield Text(node.name)
    if verbose:
        yield ""
    yield str(len(node.judged))
    yield from _figures(node.judged)
    yield Text(node.verdict, _COLOURS[node.verdict])


def _figures(judged: tuple[Judged, ...] | list[Judged]) -> tuple[str, str, str]:
    """How many numbers were judged, the share of bounds that claim something, the worst margin."""
    rulings = [one.ruling for one in judged if one.ruling is not None]
    entries = sum(ruling.entries for ruling in rulings)
    claimed = sum(ruling.claimed for ruling in rulings)
    worst = max((r.worst.margin for r in rulings if r.worst is not None), default=math.nan)
    if not entries:
        return "0", "–", "–"
    return f"{entries:,}", f"{claimed / entries:.0%}", margin(worst)


def _word(one: Judged) -> str:
    if one.failed:
        return "failed"
    return "passed" if one.decided else "undecided"


def _details(node: NodeResult, witnesses: list[str]) -> Iterator[str]:
    """What failed on the smallest input, else what was not decided."""
    if node.refused:
        yield f"\n{node.name} was not run: {node.refused}"
    failed = [one for one in node.judged if one.failed]
    undecided = [one for one in node.judged if not one.decided]
    if node.witness is not None:
        yield f"\n{node.name} failed on {len(failed)} of {len(node.judged)} inputs; the smallest:"
        yield from _lines(node.witness)
        yield from (f"  witness: {path}" for path in witnesses)
    for one in undecided[:_SHOWN]:
        yield f"\n{node.name}, undecided over {one.given.about}:"
        yield from _lines(one)


def _lines(one: Judged) -> Iterator[str]:
    sizes = ", ".join(f"{letter}={size}" for letter, size in one.given.sizes.items())
    if one.given.lengths is None:
        lengths = ""
    else:
        lengths = f", lengths={one.given.lengths.tolist()}"
    yield f"  {one.given.about}, {sizes}{lengths}"
    if one.trouble:
        yield f"  {one.trouble}"
    if one.ruling is not None and one.ruling.verdict != "rounding":
        yield from (f"  {line}" for line in ruling_lines(one.ruling))


def file_document(found: FileResult) -> JsonObject:
    """The same as JSON values; what is not finite is null."""
    return {
        "file": found.file,
        "runtime": found.runtime,
        "versions": dict(found.versions),
        "seed": found.seed,
        "declared": dict(found.declared),
        "verdict": found.verdict,
        "nodes": [_node(node) for node in found.nodes],
    }


def _node(node: NodeResult) -> JsonObject:
    return {
        "name": node.name,
        "gru": node.gru,
        "refused": node.refused,
        "verdict": node.verdict,
        "inputs": [_input(one) for one in node.judged],
    }


def _input(one: Judged) -> JsonObject:
    lengths = one.given.lengths
    found: JsonObject = {
        "about": one.given.about,
        "sizes": one.given.sizes,
        "lengths": None if lengths is None else lengths.tolist(),
        "verdict": _word(one),
        "trouble": one.trouble,
    }
    if one.ruling is not None:
        if one.ruling.worst is None:
            worst = math.nan
        else:
            worst = one.ruling.worst.margin
        found |= {
            "numbers": one.ruling.entries,
            "claimed": one.ruling.claimed,
            "margin": worst if math.isfinite(worst) else None,
            "ruling": ruling_lines(one.ruling),
        }
    return found
