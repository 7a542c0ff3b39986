"""Draws the pictures of docs/explanation/memory.md: python tests/data/pictures.py"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from gruverify.diagnosis import Layer, diagnose

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "explanation"
#: Colours of Okabe and Ito, which tell on light and dark.
PARTS = {
    "all": ("all of J", "#8c8c8c", 3.0),
    "carry": ("what z keeps, alone", "#0072b2", 1.3),
    "elman": ("the candidate, alone", "#d55e00", 1.3),
    "without gates": ("both, without the gates' own terms", "#009e73", 1.3),
}
INK = "#7f7f7f"


def layer_of(name: str) -> tuple[Layer, Any]:
    """The diagnosis of a trained GRU, and its inputs."""
    with np.load(HERE / f"{name}.npz") as file:
        weights = {key: file[key] for key in file.files if key.startswith("rnn.")}
        return diagnose(weights, file["x"], formats=()).layers[0], file["x"]


def lags() -> Figure:
    """What is left of a state by lag, of each task."""
    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    for ax, name in zip(figure.subplots(1, 3, sharey=True), NAMES, strict=True):
        layer, _ = layer_of(name)
        for part, (label, colour, width) in PARTS.items():
            norms = layer.by_lag.median(part) / np.log(10)
            ax.plot(layer.by_lag.lags, norms, color=colour, linewidth=width, label=label)
        ax.axhline(-1 / np.log(10), color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
        ax.set_ylim(-3, 0.6)
        ax.set_yticks([-3, -2, -1, 0], ["0.001", "0.01", "0.1", "1"])
        plain(ax, name, "lag k")
    handles, labels = ax.get_legend_handles_labels()
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    for text in legend.get_texts():
        text.set_color(INK)
    return figure


def gates() -> Figure:
    """The update gates of the adder over one sequence, with its markers."""
    layer, x = layer_of("adding")
    figure = Figure(figsize=(8.4, 2.4), layout="constrained")
    ax = figure.subplots()
    order = np.argsort(layer.z[x[:, 0, 1] == 1].mean(0) - layer.z.mean(0))
    T, H = layer.z.shape
    box = (0.5, T + 0.5, H - 0.5, -0.5)
    ax.imshow(layer.z.T[order], cmap="Blues", vmin=0, vmax=1, aspect="auto", extent=box)
    ax.set_yticks(range(H), [str(unit) for unit in order])
    ax.set_xticks(np.flatnonzero(x[:, 0, 1]) + 1, ["marker", "marker"])
    ax.set_ylabel("unit", color=INK)
    plain(ax, "z in the adder: dark keeps, light takes in", "")
    return figure


def plain(ax: Any, title: str, label: str) -> None:
    """Colours that can be read on light and dark."""
    ax.set_title(title, color=INK, fontsize=10)
    ax.set_xlabel(label, color=INK)
    ax.tick_params(colors=INK, labelsize=8)
    ax.spines[:].set_color(INK)
    ax.spines[["top", "right"]].set_visible(False)


NAMES = ("delay", "integrator", "adding")

if __name__ == "__main__":
    settings = {"svg.hashsalt": "gruverify", "svg.fonttype": "none", "font.family": "sans-serif"}
    with mpl.rc_context(settings):
        for name, figure in (("memory-lags", lags()), ("memory-gates", gates())):
            path = DOCS / f"{name}.svg"
            figure.savefig(path, transparent=True, metadata={"Date": None})
            lines = path.read_text().splitlines()
            path.write_text("\n".join(line.rstrip() for line in lines) + "\n")
