"""Where the states may be as steps go by: a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gruverify.reaching import Reach
from gruverify.reporting._needs import needed

#: So many units are drawn, the widest ones.
_UNITS = 6
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def plot_reach(found: Reach, file: Path) -> None:
    """Write the bands of the first box to a file; its suffix says which kind of picture.

    Raises:
        ReportUnavailable: matplotlib is not installed.
        OSError: the file cannot be written.
        ValueError: no picture has that suffix.
    """
    figure = needed("matplotlib.figure").Figure(figsize=(7.2, 4.2), layout="constrained")
    ax = figure.subplots()
    low, high, name = found.low[:, 0], found.high[:, 0], "h"
    if found.y_low is not None and found.y_high is not None:
        low, high, name = found.y_low[:, 0], found.y_high[:, 0], "y"
    low, high = (np.where(np.isfinite(end), end, np.nan) for end in (low, high))
    steps = np.arange(1, len(low) + 1)
    # What is unknown at the end counts as the widest.
    widest = np.argsort(-np.nan_to_num((high - low)[-1], nan=np.inf))[:_UNITS]
    for colour, unit in zip(_COLOURS, sorted(widest), strict=False):
        ax.fill_between(steps, low[:, unit], high[:, unit], color=colour, alpha=0.3, lw=0)
        ax.plot(steps, (low + high)[:, unit] / 2, color=colour, lw=1, label=f"{name}[{unit}]")
    ax.set_xlabel("t")
    ax.set_ylabel(f"{name} may be")
    ax.legend(frameon=False)
    figure.savefig(file)
