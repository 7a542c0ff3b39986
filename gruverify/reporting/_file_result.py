"""What `gruverify check FILE@RUNTIME` found: on a terminal, and as JSON values."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gruverify._named import JsonObject
from gruverify.reporting._ruling import ruling_lines
from gruverify.reporting._table import margin

if TYPE_CHECKING:  # to import it takes as long as all else here
    from gruverify.runtimes import FileResult, Judged, NodeResult

_COLOURS = {"conforms": "bold green", "falsified": "bold red", "inconclusive": "bold yellow"}
#: How many inputs that failed, or could not be decided, are shown of a node.
_SHOWN = 2
#: The schema of the JSON values.
SCHEMA = 1
MODEL_SCHEMA: JsonObject = json.loads(
    Path(__file__).with_name("model.schema.json").read_text(encoding="utf-8")
)


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
    for line in (*_grus(found), *found.notes):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    console.print()
    console.print(_table(found, verbose=verbose))
    for node in found.nodes:
        for line in _details(node, witnesses.get(node.name, [])):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if any(node.kind != "whole" for node in found.nodes):
        rest = "what else the file computes, and what a runtime makes of the whole graph"
        console.print(f"\nnot covered: {rest}", markup=False, soft_wrap=True)
    print_file_verdict(console, found)


def print_file_verdict(console: Console, found: FileResult) -> None:
    """The verdict alone, with what it rests on."""
    inputs = sum(len(node.judged) for node in found.nodes)
    counts = Counter(node.kind for node in found.nodes)
    # A file is checked as a whole or by its nodes, and never both.
    parts = ["the whole model"] * counts["whole"]
    for kind, word in (("node", "GRU node"), ("chain", "chain")):
        if count := counts[kind]:
            more = "s" * (count > 1)
            parts.append(f"{count} {word}{more}")
    console.print(
        Text.assemble(
            (found.verdict, _COLOURS[found.verdict]),
            f" ({', '.join(parts)}, {inputs} inputs in all)",
        )
    )


def _grus(found: FileResult) -> Iterator[str]:
    """What each part computes, and in which types the file stores it all."""
    for node in found.nodes:
        of = f"{node.name}: " if node.kind != "node" and node.gru else ""
        yield f"{of}{node.gru or node.name}"
    if found.stored:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(found.stored.items()))
        yield f"tensors stored in the file: {counts}"
    types = set[str]().union(*(node.returned for node in found.nodes))
    if types:
        yield f"outputs returned in {', '.join(sorted(types))}"


def _table(found: FileResult, *, verbose: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    headings = ["node", "output", "inputs", "numbers", "claimed", "margin", "verdict"]
    if verbose:
        headings.insert(1, "over")
    for heading in headings:
        right = heading in ("inputs", "numbers", "claimed", "margin")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for node in found.nodes:
        table.add_row(*_row(node, verbose=verbose))
        # Outputs and last states: the second row says only whether the latter are the last
        # outputs.
        if len(node.outputs) > 1:
            table.add_row(*_last_row(node, verbose=verbose))
        for one in node.judged if verbose else ():
            sizes = ", ".join(f"{letter}={size}" for letter, size in one.given.sizes.items())
            over = f"{one.given.about}: {sizes}"
            table.add_row("", over, "", "", *_figures([one]), _word(one))
    return table


def _row(node: NodeResult, *, verbose: bool) -> Iterator[Text | str]:
    yield Text(node.name)
    if verbose:
        yield ""
    yield Text(node.outputs[0])
    yield str(len(node.judged))
    yield from _figures(node.judged)
    yield Text(node.verdict, _COLOURS[node.verdict])


def _last_row(node: NodeResult, *, verbose: bool) -> Iterator[Text | str]:
    """Last states, which are the last numbers of the outputs, bit for bit."""
    yield from [""] * (1 + verbose)
    yield Text(node.outputs[1])
    # An input that has no ruling gave no answer, of which nothing could differ.
    own = [one for one in node.judged if one.ruling is not None]
    differ = sum(bool(one.trouble) for one in own)
    yield str(len(own))
    yield from ("", "", "")
    if differ:
        yield f"differs from {node.outputs[0]} {differ} times"
    else:
        yield "the same bits" if own else ""


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
    if one.decided:
        return "passed"
    return "undecided"


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
        "kind": "gruverify model",
        "schema": SCHEMA,
        "file": found.file,
        "runtime": found.runtime,
        "versions": dict(found.versions),
        "seed": found.seed,
        "declared": dict(found.declared),
        "verdict": found.verdict,
        "stored": dict(found.stored),
        "notes": list(found.notes),
        "nodes": [_node(node) for node in found.nodes],
    }


def _node(node: NodeResult) -> JsonObject:
    return {
        "name": node.name,
        "kind": node.kind,
        "gru": node.gru,
        "stored": list(node.stored),
        "outputs": list(node.outputs),
        "returned": node.returned,
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
