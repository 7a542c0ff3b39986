"""Small results of known content, and what is printed of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

from rich.console import Console

from gruverify import Case, Cell, Result, Variant, Witness, float32
from gruverify.engine import EVERYTHING, Drawn, Kind, Tally
from gruverify.invariants import Residual

HEADER: dict[str, Any] = {
    "target": "numpy",
    "backend": "numpy",
    "seed": 3,
    "profile": "default",
    "cases": 2,
    "formats": ["float32", "float64"],
    "selection": EVERYTHING.values(),
    "methods": ["step"],
    "declarations": {},
    "versions": {"python": "3.11.0", "numpy": "2.0"},
}
PYTORCH = "reset after, keep"
PASSED = Tally(passed=2, largest=0.25, compared=8, claimed=8)
NOTHING = Tally(unclaimed=2, compared=8, claimed=1)
NOT_ASKED = Tally(reason="the backend has no sequence")


DRAWN: dict[tuple[str, Kind], Drawn] = {
    (fmt, "cells"): Drawn(2, 2, {"H": (1, 3), "I": (2, 2), "B": (1, 1), "T": (1, 4)})
    for fmt in HEADER["formats"]
}


def result(tallies: dict[tuple[str, str], Tally] | None = None, **changes: Any) -> Result:
    """A result of two formats; tallies by invariant and format, agreement/step passing unless
    given.
    """
    given = (
        tallies
        if tallies is not None
        else {("agreement/step", fmt): PASSED for fmt in HEADER["formats"]}
    )
    keyed = {
        (id, fmt, PYTORCH if tally.cases else "-"): tally for (id, fmt), tally in given.items()
    }
    return replace(Result(HEADER, keyed, {}, True, 1.25, drawn=DRAWN), **changes)


def unclaimed() -> Result:
    """A result in which nothing failed, and an invariant of the core claims nothing in float64."""
    return result({("agreement/step", "float32"): PASSED, ("agreement/step", "float64"): NOTHING})


def large(target: str = "numpy") -> Result:
    """A falsified result of a case that is too large to print."""
    return falsified(witnesses={("agreement/step", "float32"): witness(target=target, T=500)})


def witness(id: str = "agreement/step", target: str = "numpy", T: int = 1) -> Witness:
    """A witness of one unit, input and member."""
    three, column = float32.cast([[1.0]] * 3), float32.cast([[[1.0]]] * T)
    case = Case(
        Cell(Variant(), three, three, three[:, 0], three[:, 0]),
        column,
        column[0],
        column,
        column[0],
    )
    return Witness(target, id, case, Residual("h[b=0, i=0]", 1.0, 0.5, 0.5, 0.25, 2.0))


def falsified(**changes: Any) -> Result:
    """A result with one falsified invariant and its witness."""
    tallies = {("agreement/step", "float32"): Tally(passed=1, falsified=1, largest=2.0)}
    return result(tallies, **{"witnesses": {("agreement/step", "float32"): witness()}, **changes})


def printed(show: Callable[[Console], Any], *, terminal: bool = False, width: int = 120) -> str:
    """What `show` prints on a console."""
    file = StringIO()
    show(
        Console(
            file=file,
            force_terminal=terminal,
            width=width,
            highlight=False,
            _environ={"TERM": "xterm"},
        )
    )
    return file.getvalue()
