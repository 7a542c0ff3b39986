"""What `gruverify accuracy` measured: on a terminal, as JSON values, and as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gruverify._named import JsonObject
from gruverify.engine import encode_witness
from gruverify.reporting._needs import needed

if TYPE_CHECKING:
    from gruverify.accuracy import Accuracy, Errors, Shown

_HEADINGS = ("target", "", "worst", "at", "99 %", "median", "1 from", "0 to", "")
#: Colours that people who confuse red and green tell apart (Okabe and Ito).
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Points of a curve, each the worst of its part of the axis.
_BINS = 400


def print_accuracies(console: Console, found: Sequence[Accuracy]) -> None:
    """A table per format: the errors of σ and tanh in units in the last place, those of answers in
    units of roundoff; and one of the largest errors by regime.
    """
    for fmt, each in groupby(sorted(found, key=lambda one: -one.format.precision), _format_of):
        of_format = list(each)
        console.print(f"\n[bold]{fmt}[/]: errors in ulp; of answers in units of roundoff")
        console.print(_table(of_format))
        if any(one.answers for one in of_format):
            console.print(f"\n[bold]{fmt}[/]: the largest errors of answers by regime")
            console.print(_table_of_regimes(of_format))
    for one in found:
        if one.trouble:
            console.print(
                f"{one.target}, {one.format.name}: {one.trouble}", markup=False, soft_wrap=True
            )


def _format_of(one: Accuracy) -> str:
    return one.format.name


def _table(found: list[Accuracy]) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if 1 < number < 8 else "left", overflow="fold")
    for one in found:
        name = one.target
        for shown in one.shown:
            table.add_row(Text(name), shown.function, *_cells(shown))
            name = ""
        for method, found_in in one.answers.items():
            if found_in.errors.size:
                row = (found_in.worst, found_in.percentile(99), found_in.percentile(50))
                worst, most, median = map(_number, row)
                table.add_row(Text(name), method, worst, "", most, median)
                name = ""
    return table


def _table_of_regimes(found: list[Accuracy]) -> Table:
    from gruverify.accuracy import REGIMES

    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(("target", "", *REGIMES)):
        table.add_column(heading, justify="right" if number > 1 else "left", overflow="fold")
    for one in found:
        name = one.target
        for method, errors in one.answers.items():
            cells = ["" for _ in REGIMES]
            for regime, in_regime in errors.regimes.items():
                if in_regime.errors.size:
                    cells[REGIMES.index(regime)] = _number(in_regime.worst)
            table.add_row(Text(name), method, *cells)
            name = ""
    return table


def _cells(shown: Shown) -> Iterator[str]:
    worst, at = shown.worst
    yield _number(worst)
    yield f"{at:.4g}"
    yield _number(shown.percentile(99))
    yield _number(shown.percentile(50))
    yield "never" if shown.first_one is None else f"{shown.first_one:.4g}"
    if shown.function == "tanh":
        yield ""
    else:
        yield "never" if shown.last_zero is None else f"{shown.last_zero:.4g}"
    least, most = shown.range
    yield f"leaves its range: [{least:.8g}, {most:.8g}]" if shown.leaves_range else ""


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "∞"
    if value >= 1e4:
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    if value < 100:
        return f"{value:.2f}"
    return f"{value:,.0f}"


def accuracy_document(found: Sequence[Accuracy]) -> list[JsonObject]:
    """The same as JSON values; what is not finite is null."""
    from gruverify.accuracy import COMPARED

    return [
        {
            "target": one.target,
            "format": one.format.name,
            "trouble": one.trouble,
            "functions": [_shown(shown) for shown in one.shown],
            # Every method that may be measured, null where one was not.
            **{method: _errors(one.answers.get(method)) for method in COMPARED},
        }
        for one in found
    ]


def _errors(found: Errors | None) -> JsonObject | None:
    if found is None:
        return None
    return {
        **_percentiles(found),
        "regimes": {name: _percentiles(errors) for name, errors in found.regimes.items()},
        "refused": found.refused,
    }


def _percentiles(found: Errors) -> JsonObject:
    return {
        "worst": _finite(found.worst),
        "p99": _finite(found.percentile(99)),
        "median": _finite(found.percentile(50)),
        "entries": int(found.errors.size),
        "worst_case": None if found.worst_case is None else encode_witness(found.worst_case),
    }


def _shown(shown: Shown) -> JsonObject:
    worst, at = shown.worst
    return {
        "function": shown.function,
        "points": len(shown.points),
        "worst": _finite(worst),
        "at": at,
        "p99": _finite(shown.percentile(99)),
        "median": _finite(shown.percentile(50)),
        "first_one": shown.first_one,
        "last_zero": shown.last_zero,
        "range": [_finite(end) for end in shown.range],
        "falls": shown.falls,
    }


def _finite(value: float) -> float | None:
    if math.isfinite(value):
        return value
    return None


def plot_accuracies(found: Sequence[Accuracy], file: Path) -> None:
    """Write the errors of σ and tanh over the pre-activation to a file; its suffix says which kind
    of picture.

    Raises:
        ReportUnavailable: matplotlib is not installed.
        OSError: the file cannot be written.
        ValueError: no picture has that suffix, or there is nothing to draw.
    """
    formats = list(dict.fromkeys(one.format for one in found if one.shown))
    if not formats:
        raise ValueError("there is nothing to draw")
    size = (9.0, 2.6 * len(formats))
    # A Figure of its own and not pyplot, which keeps figures alive and wants a display.
    figure = needed("matplotlib.figure").Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(formats), 2, squeeze=False)
    targets = list(dict.fromkeys(one.target for one in found))
    for row, fmt in zip(axes, formats, strict=True):
        for ax, function in zip(row, ("σ", "tanh"), strict=True):
            for one in found:
                colour = _COLOURS[targets.index(one.target) % len(_COLOURS)]
                for shown in one.shown:
                    if one.format == fmt and shown.function == function:
                        ax.semilogy(*_curve(shown), color=colour, label=one.target, linewidth=1)
            ax.set_title(f"{function}, {fmt.name}", fontsize=9)
            ax.set_ylabel("error in ulp", fontsize=8)
    axes[0][0].legend(frameon=False, fontsize=8)
    figure.savefig(file)


def _curve(shown: Shown) -> tuple[Any, Any]:
    """The worst error of each part of the axis."""
    edges = np.linspace(shown.points[0], shown.points[-1], _BINS + 1)
    parts = np.clip(np.searchsorted(edges, shown.points, side="right") - 1, 0, _BINS - 1)
    worst = np.zeros(_BINS)
    # The worst of each part, and no mean: a spike of a single point is what such a picture is
    # for. What is not finite stands in the table, and has no place on the axis.
    np.maximum.at(worst, parts, np.where(np.isfinite(shown.errors), shown.errors, 0.0))
    return (edges[:-1] + edges[1:]) / 2, np.where(worst > 0, worst, np.nan)
