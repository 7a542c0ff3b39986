"""The explanation as a picture: the terms of dL_T/dU_z and what reaches h_T from h_k, against k."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gruverify._named import Keywords
from gruverify.arithmetic import format_named
from gruverify.reporting.explain._answer import shut_name
from gruverify.reporting.explain._enclosure import Enclosure
from gruverify.reporting.explain._explanation import Explanation, RegimeReport

#: The kinds of file that can be written, by suffix.
SUFFIXES = (".png", ".svg", ".pdf")

# Colours of Okabe and Ito, apart for every kind of colour vision; the marks tell the formats apart
# without them.
_STYLES = {
    "f16": ("#D55E00", "s"),
    "bf16": ("#CC79A7", "D"),
    "f32": ("#0072B2", "o"),
    "f64": ("#009E73", "^"),
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: The most marks on a line.
_MARKS = 25
_QUANTITIES = {"terms": "‖term k of dL$_T$/dU$_z$‖", "influence": "‖dh$_T$/dh$_k$‖"}


class PlotUnavailable(Exception):
    """matplotlib is missing; the message says how to get it."""


def require_plotting() -> Any:
    """The module of matplotlib that draws.

    Raises:
        PlotUnavailable: matplotlib is not installed.
    """
    try:
        return importlib.import_module("matplotlib.figure")
    except ImportError:
        raise PlotUnavailable("plots need matplotlib: pip install 'gruverify[report]'") from None


def plot_explanation(e: Explanation, file: Path) -> None:
    """Write a figure of a column for each regime, at its last bias; the suffix of `file` says which
    kind.

    Raises:
        PlotUnavailable: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    n = len(e.reports)
    figure = require_plotting().Figure(figsize=(2.4 + 3.2 * n, 6.2), layout="constrained")
    axes = figure.subplots(2, n, sharex=True, squeeze=False)
    for column, report in zip(axes.T, e.reports, strict=True):
        for ax, quantity in zip(column, _QUANTITIES, strict=True):
            _draw(ax, report, quantity)
        column[0].set_title(_title(report), fontsize=10)
        column[1].set_xlabel("k")
    for ax, label in zip(axes[:, 0], _QUANTITIES.values(), strict=True):
        ax.set_ylabel(label)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(_heading(e), fontsize=11)
    figure.savefig(file, dpi=150)


def _heading(e: Explanation) -> str:
    s = e.setting
    sizes = f"H={s.hidden}, I={s.inputs}, T={s.steps}"
    return f"Where gradients go when the gates close\n{sizes}, seed {s.seed}; {s.variant}"


def _title(report: RegimeReport) -> str:
    regime, row = report.regime, report.rows[-1]
    shut = row.shut.text(2)
    if regime.z in (0, 1):
        at = f", {shut_name(report)} {shut if shut[0] == '≤' else f'≈ {shut}'}"
    else:
        at = ""
    if regime.approached:
        bias = f"\na = {row.a:g}{at}"
    else:
        bias = ""
    gates = (
        f"{gate} {'→' if goal in (0, 1) else '='} {goal:g}"
        for gate, goal in (("z", regime.z), ("r", regime.r))
    )
    return f"{regime.name}: {', '.join(gates)}{bias}"


def _draw(ax: object, report: RegimeReport, quantity: str) -> None:
    row = report.rows[-1]
    measured = {"exact": row.exact, **row.formats}
    series = dict[str, list[float | None]]()
    for name, m in measured.items():
        series[name] = [_midpoint(value) for value in getattr(m, quantity)]
    draw_series(ax, series)


def draw_series(ax: Any, series: Mapping[str, Sequence[float | None]]) -> None:
    """Plot against k, from T down to 1, the logarithms of "exact" numbers and of each format's, by
    name.

    0 is drawn in a strip of its own, below; None, for a number that is not known, is left out.
    """
    T = len(series["exact"])
    ax.plot(
        *_points(series["exact"]), color="0.8", linewidth=7, solid_capstyle="round", label="exact"
    )
    zeros: dict[str, list[int]] = {}
    for i, (name, found) in enumerate(
        (name, found) for name, found in series.items() if name != "exact"
    ):
        # Hollow marks of falling sizes: where formats agree, all of them stay visible.
        style = {**_style(name), "markersize": 8 - i, "fillstyle": "none", "linewidth": 1}
        ax.plot(*_points(found), **style, markevery=math.ceil(T / _MARKS), label=name)
        zeros[name] = [T - j for j, value in enumerate(found) if value == 0]
    ax.set_xlim(0.5, T + 0.5)
    _frame(ax, {name: ks for name, ks in zeros.items() if ks})


def _style(name: str) -> Keywords:
    return dict(zip(("color", "marker"), _STYLES[format_named(name).short], strict=True))


def _midpoint(value: Enclosure) -> float | None:
    if value.low > 0 or value.is_zero:
        return value.mid
    return None


def _points(values: Sequence[float | None]) -> tuple[list[int], list[float]]:
    """The k from T down, and log10 of the values; no point where one is 0 or unknown."""
    return list(range(len(values), 0, -1)), [
        math.log10(value) if value else math.nan for value in values
    ]


def power(base: int, exponent: float) -> str:
    """A power as text, such as 2⁻⁵."""
    return f"{base}{f'{exponent:.0f}'.translate(_SUPERSCRIPTS)}"


def _frame(ax: Any, zeros: Mapping[str, list[int]]) -> None:
    """Powers of ten, and nothing else: the logarithms are ours, for an axis' own cannot span what
    float64 can.
    """
    low, high = ax.get_ylim()
    if high - low < 2:
        low, high = math.floor(low) - 0.1, math.ceil(high) + 0.1
        decades = range(math.ceil(low), math.floor(high))
        ax.set_yticks([n + math.log10(m) for n in decades for m in range(2, 10)], minor=True)
    # Sizes lie between about 1 and the smallest number, 324 decades down: 100 is always enough.
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100) if (high - low) / step <= 6)
    ax.set_yticks(range(math.ceil(low / every) * every, math.floor(high) + 1, every))
    ax.yaxis.set_major_formatter(lambda tick, _: power(10, tick))
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    ax.grid(True, color="0.92")
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_ylim(low, high)
    if zeros:
        _strip_of_zeros(ax, zeros, low, high)


def _strip_of_zeros(ax: Any, zeros: Mapping[str, list[int]], low: float, high: float) -> None:
    """Below the points, a lane for each format that returns exactly 0 somewhere."""
    lane = (high - low) * 0.07
    bottom = low - lane * (len(zeros) + 1)
    ax.axhspan(bottom, low, color="0.95", zorder=0)
    ax.text(
        0.99,
        low,
        "exactly 0",
        transform=ax.get_yaxis_transform(),
        ha="right",
        va="top",
        fontsize=8,
        color="0.35",
    )
    size = min(5.0, 150 / ax.get_xlim()[1])
    for i, (name, ks) in enumerate(zeros.items()):
        ax.plot(
            ks,
            [bottom + lane * (i + 0.5)] * len(ks),
            **_style(name),
            linestyle="none",
            markersize=size,
        )
    ax.set_ylim(bottom, high)
