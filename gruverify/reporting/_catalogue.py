"""What is checked, and what can be checked here: on a terminal and as a page."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

import gruverify
from gruverify.backends import TARGETS, named_targets, offered_targets
from gruverify.invariants import INVARIANTS, Invariant

#: A fault or a mistake in a source.
_FAULT = re.compile(r"\b[SP]\d\d\b")


def print_catalogue(console: Console) -> None:
    """Every invariant with its statement and source, every shipped target with whether it can run
    here.
    """
    console.print("[bold]invariants[/]\n")
    print_invariants(console, INVARIANTS.values())
    console.print("\n[bold]targets[/]\n")
    for target in TARGETS:
        if target.available:
            here = "[green]can run here[/]"
        else:
            here = f"[yellow]not here:[/] {escape(target.remedy)}"
        console.print(f"{target.name:15} {here}  {target.description}", soft_wrap=True)
    for name, value in named_targets().items():
        console.print(f"{escape(name):15} of pyproject.toml: {escape(value)}", soft_wrap=True)
    for name, value in offered_targets().items():
        console.print(f"{escape(name):15} offered by a package: {escape(value)}", soft_wrap=True)
    console.print(
        f"{'pkg.module:object':15} your own: a function step(cell, x, h), an nn.Module, a backend"
    )
    console.print(f"{'exec:COMMAND':15} your own in any language: a program (docs/exec.md)")
    console.print(f"{'TARGET@DEVICE':15} torch:GRU@cuda, flax@gpu, mypkg.mod:Net@cuda:1, torch@cpu")
    console.print("\nnext: [bold]gruverify check numpy[/]")


def print_invariants(console: Console, invariants: Iterable[Invariant]) -> None:
    """Each with its statement, what it needs, its source, and the file and line where it is
    checked.
    """
    for number, invariant in enumerate(invariants):
        needs = ", ".join(invariant.needs) or "any method"
        between = "\n" if number else ""
        console.print(f"{between}{invariant.id}  [dim]needs {needs}; since {invariant.since}[/]")
        console.print(
            f"  {escape(invariant.statement)}\n  [dim]{escape(invariant.source)}[/]", soft_wrap=True
        )
        console.print(f"  [dim]{place_of(invariant)}[/]", soft_wrap=True)


def place_of(invariant: Invariant) -> str:
    """The file and line of its check, as "gruverify/invariants/agreement/_balls.py:29"."""
    check: Any = invariant.check
    while isinstance(check, partial):
        check = check.func
    # A family may make its checks by `partial` and decorators; the file is that of the function
    # inside.
    code = inspect.unwrap(check).__code__
    file = Path(code.co_filename).relative_to(Path(gruverify.__file__).parents[1])
    return f"{file.as_posix()}:{code.co_firstlineno}"


def catalogue_page(invariants: Iterable[Invariant] = INVARIANTS.values()) -> str:
    """The invariants as a page of Markdown, a table that ends in a newline."""
    head = (
        '# The invariants\n\nWritten by `gruverify list --markdown`. "theory" is '
        "[theory.md](theory.md), M numbers are "
        "the relations of its section 11;\nS and P numbers are faults ([faults.md](faults.md)). A "
        "target that lacks a "
        "method an invariant needs is reported\n`not applicable`. The bound is exact (the bits "
        "agree), the radius of a "
        "ball, an inequality of the theory with what\nrounding adds to it, or the spread of a "
        "statistic. *Sizes*: asks "
        "for other sizes than the case's, which an\nimplementation of one size cannot answer. "
        "*Deep*: only the deep "
        "profile checks it. *Catches*: how many faults of the bank\nviolate it, and by name those "
        "that violate no "
        "other invariant (`gruverify faults --html FILE` shows all).\n\n"
        "| id | statement | source | needs | bound | | catches |\n|---|---|---|---|---|---|---|\n"
    )
    measured = json.loads(files("gruverify.reporting").joinpath("catches.json").read_text("utf-8"))
    return head + "\n".join(_row(i, measured.get(i.id)) for i in invariants) + "\n"


def _row(i: Invariant, measured: dict[str, Any] | None) -> str:
    notes = ", ".join(note for note, true in (("sizes", i.resizes), ("deep", i.deep)) if true)
    needs = ", ".join(i.needs) or "any"
    cells = (
        f"`{i.id}`",
        _cell(i.statement),
        _linked(_cell(i.source)),
        needs,
        i.bound,
        notes,
        _caught(measured),
    )
    return f"| {' | '.join(cells)} |"


def _caught(measured: dict[str, Any] | None) -> str:
    if measured is None:
        return "not measured"
    alone = "".join(f", alone `{fault}`" for fault in measured["alone"])
    return f"{measured['catches']}{alone}"


def _linked(source: str) -> str:
    """With a link for each fault that it names: docs/faults.md says what was seen."""
    return _FAULT.sub(lambda named: f"[{named[0]}](faults.md#{named[0].lower()})", source)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
