"""The pictures of a diagnosis, each drawn from a part of its document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import STATES
from gruverify.diagnosis import PARTS_IN_WORDS
from gruverify.reporting._needs import needed
from gruverify.reporting.explain import power, require_plotting
from gruverify.reporting.page._figures import panel
from gruverify.reporting.page._svg import COLOUR_OF, inline_svg

#: From a gate that is shut to one that is open: a picture has colours of its own.
_SHADES = ("#f3f3f0", "#bfd9ec", "#74acd3", "#2c78ac", "#093f66")
_SMALL = 7.5
#: What of a norm is no longer drawn.
_LOWEST = -12
#: The lines of a lag figure, and their colours.
_COLOURS = {
    "all": "ink",
    "carry": "float32",
    "elman": "float16",
    "gates": "float64",
}


def map_figure(maps: Mapping[str, Any], name: str, T: int, key: str) -> str:
    """A gate over time: a row for each unit, the longest memory on top, dark where it is open."""
    gates, units = maps[name], maps["units"]
    rows = np.asarray(gates)
    height = min(3.6, 0.6 + 0.16 * len(rows))
    figure = require_plotting().Figure(figsize=(3.5, height), layout="constrained")
    ax = figure.subplots()
    shades = needed("matplotlib.colors").LinearSegmentedColormap.from_list("gate", _SHADES)
    extent = (0.5, T + 0.5, len(units) - 0.5, -0.5)
    ax.imshow(
        rows, cmap=shades, vmin=0, vmax=1, aspect="auto", interpolation="nearest", extent=extent
    )
    ax.tick_params(length=0, labelsize=_SMALL)
    ax.spines[:].set_visible(False)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("step", fontsize=_SMALL)
    ax.set_ylabel("unit", fontsize=_SMALL)
    if len(units) <= 32:
        ax.set_yticks(range(len(units)), [str(unit) for unit in units])
    else:
        ax.set_yticks([])
    label = f"The gate {name} of each unit at each step, the units with the longest memory on top"
    return inline_svg(figure, key, label)


def lag_figure(by_lag: Mapping[str, Any], key: str) -> str:
    """What is left of a state against the lag, on scales of powers: of all of J, and by each
    summand alone.
    """
    figure, ax = panel(3.5, 2.6)
    for part, colour in _COLOURS.items():
        logs = _logs(by_lag["norms"][part], _LOWEST)
        style = {"color": COLOUR_OF[colour], "linewidth": 1.6 if part == "all" else 1.0}
        ax.plot(np.log2(by_lag["lags"]), logs, **style, label=PARTS_IN_WORDS[part])
    left = np.log10(np.exp(-1))
    ax.axhline(left, color=COLOUR_OF["falsified"], linewidth=1, linestyle=(0, (3, 2)), label="1/e")
    _log_axes(ax, by_lag["lags"])
    ax.legend(fontsize=6.5, frameon=False, loc="lower left")
    return inline_svg(figure, key, "What is left of a state against the lag, by the parts of J")


def terms_figure(terms: Sequence[float], key: str) -> str:
    """The sizes of the terms of dL_T/dU_z against the lag."""
    figure, ax = panel(3.5, 2.6)
    lags = list(range(1, len(terms) + 1))
    # A single term between zeros is a point, and no line.
    logs, colour = _logs(terms, _LOWEST), COLOUR_OF["float32"]
    ax.plot(np.log2(lags), logs, color=colour, linewidth=1, marker=".", markersize=4)
    _log_axes(ax, lags)
    ax.set_xlabel("T - k + 1", fontsize=_SMALL)
    return inline_svg(figure, key, "The sizes of the terms of dL_T/dU_z against the lag")


def _log_axes(ax: Any, lags: Sequence[int]) -> None:
    top = int(np.log2(lags[-1]))
    every = max(1, (top + 5) // 6)
    ticks = range(0, top + 1, every)
    ax.set_xticks(list(ticks), [str(2**i) for i in ticks])
    ax.set_xlabel("lag k", fontsize=_SMALL)
    _powers_of_ten(ax)


def _powers_of_ten(ax: Any) -> None:
    """Name the logarithms upwards by their numbers."""
    low, high = ax.get_ylim()
    places = range(int(np.floor(low)), int(np.ceil(high)) + 1, max(1, int((high - low) // 5)))
    ax.set_yticks(list(places), [power(10, i) if i else "1" for i in places])


def _logs(values: Sequence[float | None], lowest: float = -np.inf) -> npt.NDArray[np.float64]:
    """Logarithms to base 10; NaN for what is not known, is 0 or too small to be drawn."""
    known = np.array([np.nan if value is None else value for value in values], float)
    with np.errstate(divide="ignore"):
        found = np.log10(known)
    return np.where(np.isfinite(found) & (found >= lowest), found, np.nan)


def formats_figure(formats: Sequence[Mapping[str, Any]], large: float, key: str) -> str:
    """The largest error of a state in each format against the step, and where it is large."""
    figure, ax = panel(3.5, 2.6)
    for found in formats:
        steps, colour = np.arange(1, len(found["error"]) + 1), COLOUR_OF[found["format"]]
        errors = _logs(found["error"])
        ax.plot(steps, errors, color=colour, linewidth=1.2, label=found["format"])
        # A bound beyond the whole range of a state says nothing.
        bounds = _logs([b if b is not None and b < STATES else None for b in found["bound"]])
        ax.plot(steps[: len(bounds)], bounds, color=colour, linewidth=0.9, linestyle=(0, (1, 1.5)))
    ax.axhline(np.log10(large), color=COLOUR_OF["falsified"], linewidth=1, linestyle=(0, (3, 2)))
    ax.set_xlabel("step", fontsize=_SMALL)
    _powers_of_ten(ax)
    ax.legend(fontsize=6.5, frameon=False, loc="best")
    return inline_svg(figure, key, "The largest error of a state in each format against the step")


def spectrum_figure(spectrum: Sequence[Sequence[Sequence[float]]], key: str) -> str:
    """The eigenvalues of J in the complex plane, and the unit circle."""
    figure, ax = panel(2.9, 2.6)
    points = np.asarray(spectrum, float).reshape(-1, 2)
    turn = np.linspace(0, 2 * np.pi, 73)
    ax.plot(
        np.cos(turn), np.sin(turn), color=COLOUR_OF["falsified"], linewidth=1, linestyle=(0, (3, 2))
    )
    ax.plot(*points.T, ".", color=COLOUR_OF["float32"], markersize=2.5)
    ax.set_aspect("equal")
    ax.set_xlabel("real part", fontsize=_SMALL)
    ax.set_ylabel("imaginary part", fontsize=_SMALL)
    return inline_svg(figure, key, "The eigenvalues of J, and the unit circle")
