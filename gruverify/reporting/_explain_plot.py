"""The explanation as a picture: the terms of dL_T/dU_z and what reaches h_T from h_k, against k."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gruverify.reporting._explain import Explanation, RegimeReport
from gruverify.reporting._explain_answer import shut_name
from gruverify.reporting._explain_enclosure import Enclosure

#: The kinds of file that can be written, by suffix.
SUFFIXES = (".png", ".svg", ".pdf")

# Colours of Okabe and Ito, apart for every kind of colour vision; the marks tell the formats apart without them.
_STYLES = {"f16": ("#D55E00", "s"), "bf16": ("#CC79A7", "D"), "f32": ("#0072B2", "o"), "f64": ("#009E73", "^")}
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
    """Write a figure of a column for each regime, at its last bias; the suffix of `file` says which kind.

    Raises:
        PlotUnavailable: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    n = len(e.reports)
    figure = require_plotting().Figure(figsize=(1.6 + 3.4 * n, 6.2), layout="constrained")
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
    s = e.setting
    figure.suptitle(f"Where gradients go when the gates close   (H={s.hidden}, I={s.inputs}, T={s.steps}, seed {s.seed}; {s.variant})", fontsize=11)
    figure.savefig(file, dpi=150)


def _title(report: RegimeReport) -> str:
    regime, row = report.regime, report.rows[-1]
    at = f", {shut_name(report)} = {row.shut.text(2)}" if regime.z in (0, 1) else ""
    bias = f"\na = {row.a:g}{at}" if regime.approached else "\n"
    return f"{regime.name}: z → {regime.z:g}, r → {regime.r:g}{bias}"


def _draw(ax: Any, report: RegimeReport, quantity: str) -> None:
    row = report.rows[-1]
    ax.set_yscale("log")
    ax.plot(*_points(getattr(row.exact, quantity)), color="0.8", linewidth=7, solid_capstyle="round", label="exact")
    zeros: dict[str, list[int]] = {}
    for i, (name, measured) in enumerate(row.formats.items()):
        found = getattr(measured, quantity)
        colour, mark = _STYLES[name]
        ax.plot(*_points(found), color=colour, marker=mark, markersize=8 - i, fillstyle="none", linewidth=1, label=name)
        zeros[name] = [len(found) - j for j, value in enumerate(found) if value.is_zero]
    _frame(ax)
    if any(zeros.values()):
        _strip_of_zeros(ax, zeros)


def _points(values: Sequence[Enclosure]) -> tuple[list[int], list[float]]:
    """k from T down, and the values; there is no point for what is 0, which a logarithm cannot show."""
    return list(range(len(values), 0, -1)), [value.mid or math.nan for value in values]


def _frame(ax: Any) -> None:
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, high / 30), high * 1.5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(True, which="major", color="0.92")
    ax.spines[["top", "right"]].set_visible(False)


def _strip_of_zeros(ax: Any, zeros: Mapping[str, list[int]]) -> None:
    """Below the points, a lane for each format that returns exactly 0 somewhere."""
    lanes = [name for name, ks in zeros.items() if ks]
    height = 0.06 * (len(lanes) + 1)
    low, high = (math.log10(limit) for limit in ax.get_ylim())
    ax.set_ylim(10 ** (low - (high - low) * height / (1 - height)), 10**high)
    ax.axhspan(0, height - 0.02, transform=ax.get_yaxis_transform(), color="0.95", zorder=0)
    for lane, name in enumerate(lanes):
        colour, mark = _STYLES[name]
        ax.plot(zeros[name], [0.03 + 0.055 * lane] * len(zeros[name]), mark, color=colour, markersize=5, transform=ax.get_xaxis_transform())
    ax.text(0.99, height - 0.025, "exactly 0", transform=ax.transAxes, ha="right", va="top", fontsize=7, color="0.35")
