"""The kill matrix as a heat map: one HTML file that needs nothing else."""

from __future__ import annotations

import math
from importlib.resources import files

from gruverify._named import JsonObject
from gruverify.faults import FAULTS
from gruverify.matrix import Fate, Matrix
from gruverify.reporting._needs import needed

#: Cases to a kill are shaded by octaves, this many of them.
SHADES = 8


def matrix_html(matrix: Matrix) -> str:
    """Faults down, invariants across, darker the sooner an invariant catches the fault; all text is
    escaped.

    Raises:
        ReportUnavailable: Jinja2 is not installed.
    """
    environment = needed("jinja2").Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        files("gruverify.reporting.matrix").joinpath("matrix.html.j2").read_text("utf-8")
    )
    invariants = list(matrix.catches())
    page: str = template.render(
        header=matrix.header,
        summary=matrix.summary(),
        invariants=invariants,
        rows=[_row(fate, invariants) for fate in matrix.faults],
        rewrites=matrix.rewrites,
        cover=matrix.cover,
        alone=matrix.alone(),
        shades=range(1, SHADES + 1),
    )
    return page


def _row(fate: Fate, invariants: list[str]) -> JsonObject:
    entry = FAULTS[fate.fault]
    cells = [
        {"invariant": id, "case": fate.kills.get(id), "shade": _shade(fate.kills.get(id))}
        for id in invariants
    ]
    return {"fate": fate, "entry": entry, "cells": cells}


def _shade(case: int | None) -> int:
    """8 for the first case, one less for every doubling, 0 if none."""
    if case is None:
        return 0
    return max(SHADES - int(math.log2(case)), 1)
