"""The pictures of a page, each drawn from a part of the document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, product
from typing import Any

import numpy as np

from gruverify.reporting._needs import needed
from gruverify.reporting.explain import draw_series, power, require_plotting
from gruverify.reporting.page._svg import COLOUR_OF, HEAT, inline_svg

#: Margins below 2 to this are drawn there: nobody asks how much smaller than the bound an error is.
_LOWEST_OCTAVE = -20
#: The most entries that are drawn.
_MOST_LINES = 16
#: Sizes of figures are in inches, of type in points: a page shows both some 1.4 times as large.
_SMALL = 7.5


def flow_figure(regime: Mapping[str, Any], quantity: str, key: str) -> str:
    """A quantity of a regime ("terms" or "influence") against k, exact and in each format."""
    figure, ax = panel(3.5, 2.5)
    draw_series(ax, {name: values[::-1] for name, values in regime[quantity].items()})
    ax.set_xlabel("k", fontsize=_SMALL)
    of = {"terms": "Size of term k of dL/dU_z", "influence": "Size of dh_T/dh_k"}[quantity]
    return inline_svg(
        figure, key, f"{of} against k in the regime {regime['name']}, exact and in each format"
    )


def margins_figure(family: str, octaves: Mapping[str, Mapping[int, int]], key: str) -> str:
    """How many cases of a family have which margin: a line for each format; `octaves` by format."""
    figure, ax = panel(3.5, 2.1)
    top = max(chain.from_iterable(octaves.values()), default=0)
    edges = range(_LOWEST_OCTAVE, max(2, min(top, 8) + 2))
    for fmt, counts in octaves.items():
        shares = _shares(counts, edges)
        ax.stairs(shares, edges, color=COLOUR_OF[fmt], linewidth=1.3, label=fmt)
    ax.axvline(0, color=COLOUR_OF["falsified"], linewidth=1, linestyle=(0, (3, 2)))
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xticks(
        [e for e in edges if e % 5 == 0], [power(2, e) if e else "1" for e in edges if e % 5 == 0]
    )
    ax.yaxis.set_major_formatter(lambda share, _: f"{share:.0f} %")
    ax.set_ylim(0)
    return inline_svg(
        figure, key, f"Margins of the family {family}: share of the cases in each octave, by format"
    )


def _shares(counts: Mapping[int, int], edges: range) -> list[float]:
    # What lies beyond the axis is counted in its first or last bar, so that shares add up to 100
    # %.
    clipped = np.clip([*counts], edges[0], edges[-2])
    total = sum(counts.values())
    if not total:
        return [0.0] * (len(edges) - 1)
    heights = np.bincount(clipped - edges[0], list(counts.values()), len(edges) - 1)
    return [100 * float(height) / total for height in heights]


def heat_base(most: int) -> int:
    """The factor between the hits at which two colours begin, if the last is to hold `most`."""
    return next((base for base in (2, 3, 4, 6, 10) if base ** (len(HEAT) - 1) > most), 20)


def heat_maps(fmt: str, group: Mapping[str, Any], base: int, key: str) -> dict[str, str]:
    """Hits of a cross of three: a map of the first two axes for each level of the third, by what
    stands above it ("c = mid").

    Each is a picture of its own, so that a narrow screen shows them below each other. Each colour
    holds `base` times the hits of the one before. Holes are marked.
    """
    panels, hits = group["axes"][2], np.asarray(group["hits"])
    maps: dict[str, str] = {}
    for i, level in enumerate(panels["levels"]):
        title = f"{panels['name']} = {level}"
        figure = _heat_map(hits[..., i], group, base)
        label = f"Hits of {group['name']} in {fmt} where {title}"
        maps[title] = inline_svg(
            figure, f"{key}-{i}", label, _cell_titles(group, level, hits[..., i])
        )
    return maps


def _heat_map(hits: Any, group: Mapping[str, Any], base: int) -> Any:
    """The first axis upwards, the second to the right."""
    rows, columns, _ = group["axes"]
    figure = require_plotting().Figure(figsize=(3.3, 2.9), layout="constrained")
    ax = figure.subplots()
    norm, colours = _heat_scale(base)
    mesh = ax.pcolormesh(hits, cmap=colours, norm=norm, edgecolors=COLOUR_OF["lane"], linewidth=1)
    mesh.set_gid("cells")
    _name_levels(ax, rows, columns)
    _mark_holes(ax, hits, group)
    return figure


def _cell_titles(group: Mapping[str, Any], panel: str, hits: Any) -> list[str]:
    names = [axis["name"] for axis in group["axes"]]
    bins = product(group["axes"][0]["levels"], group["axes"][1]["levels"], [panel])
    named = (
        " ".join(f"{name}={level}" for name, level in zip(names, bin, strict=True)) for bin in bins
    )
    return [f"{bin}: {count:,}" for bin, count in zip(named, hits.ravel().tolist(), strict=True)]


def _heat_scale(base: int) -> tuple[Any, Any]:
    """A colour for no hit, and one for each power of the base."""
    colors = needed("matplotlib.colors")
    edges = [0, *(base**i for i in range(len(HEAT) - 1)), math.inf]
    return colors.BoundaryNorm(edges, len(HEAT)), colors.ListedColormap(HEAT)


def _name_levels(ax: Any, rows: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
    for axis, levels in ((ax.yaxis, rows), (ax.xaxis, columns)):
        axis.set_ticks(np.arange(len(levels["levels"])) + 0.5, levels["levels"])
        axis.set_tick_params(length=0, labelsize=_SMALL)
        axis.set_label_text(levels["name"], fontsize=9)
    ax.tick_params(axis="x", labelrotation=90)
    ax.spines[:].set_visible(False)


def _mark_holes(ax: Any, hits: Any, group: Mapping[str, Any]) -> None:
    y, x = np.nonzero(hits < group["at_least"])
    ax.plot(x + 0.5, y + 0.5, "x", color=COLOUR_OF["muted"], markersize=3.5, markeredgewidth=0.8)


def witness_figure(residual: Mapping[str, Any], key: str) -> str:
    """Error / bound of the entries of the comparison: a line for each, or for the worst; "" if
    there are none.
    """
    entries = residual.get("entries")
    if entries is None or not entries["margins"]:
        return ""
    margins = np.array([float(margin) for margin in entries["margins"]])
    names = [_entry(entries["letters"], at) for at in product(*map(range, entries["shape"]))]
    if len(names) > _MOST_LINES:
        chosen = np.sort(np.argsort(-margins, kind="stable")[:_MOST_LINES])
        margins, names = margins[chosen], [names[i] for i in chosen]
    return _lines(names, margins, key)


def _entry(letters: str, at: Iterable[int]) -> str:
    return " ".join(f"{letter}={i}" for letter, i in zip(letters, at, strict=True))


def _lines(names: Sequence[str], margins: Any, key: str) -> str:
    """Margins on a scale of powers of ten, the bound as a line."""
    # Height by the number of lines: each is as tall as its label needs.
    figure, ax = panel(3.5, 0.45 + 0.17 * len(names))
    known = np.log10(margins, where=margins > 0, out=np.full(len(margins), -math.inf))
    finite = known[np.isfinite(known)]
    low, high = min([-2.0, *finite]) - 0.5, max([1.0, *finite]) + 0.5
    places = np.clip(known, low, high)
    for name, kept in (("float32", margins <= 1), ("falsified", margins > 1)):
        y = np.nonzero(kept)[0]
        ax.hlines(y, low, places[kept], color=COLOUR_OF[name], linewidth=1.2)
        ax.plot(places[kept], y, "o", color=COLOUR_OF[name], markersize=4, clip_on=False)
    ax.axvline(0, color=COLOUR_OF["ink"], linewidth=1, linestyle=(0, (3, 2)))
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(low, high)
    every = max(1, math.ceil((high - low) / 8))
    ticks = [e for e in range(math.ceil(low), math.floor(high) + 1) if e % every == 0]
    ax.set_xticks(ticks, [power(10, e) if e else "bound" for e in ticks])
    return inline_svg(
        figure, key, f"Error / bound of {len(names)} entries: {int((margins > 1).sum())} above 1"
    )


def panel(width: float, height: float) -> tuple[Any, Any]:
    """A figure of these inches, and its axes in the colours of a page."""
    figure = require_plotting().Figure(figsize=(width, height), layout="constrained")
    ax = figure.subplots()
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[:].set_color(COLOUR_OF["muted"])
    ax.tick_params(labelsize=_SMALL, color=COLOUR_OF["muted"], labelcolor=COLOUR_OF["ink"])
    ax.grid(True, color=COLOUR_OF["grid"], linewidth=0.6)
    ax.set_axisbelow(True)
    return figure, ax
