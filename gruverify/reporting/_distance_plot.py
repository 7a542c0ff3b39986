"""How far two outputs are apart, step by step, beside what rounding explains: a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gruverify.reporting._needs import needed

if TYPE_CHECKING:
    from gruverify.judging import Distance


def plot_distance(apart: Distance, file: Path) -> None:
    """Write the curves to a file; its suffix says which kind of picture.

    Raises:
        ReportUnavailable: matplotlib is not installed.
        OSError: the file cannot be written.
        ValueError: no picture has that suffix.
    """
    figure = needed("matplotlib.figure").Figure(figsize=(7.2, 4.2), layout="constrained")
    ax = figure.subplots()
    steps = np.arange(len(apart.apart))
    # What is equal has no place on a logarithmic axis.
    ax.semilogy(
        steps,
        np.where(apart.apart > 0, apart.apart, np.nan),
        color="#0072B2",
        label="largest difference",
    )
    if apart.explained is not None:
        # A bound that grew to ∞ explains anything: the line ends where it does.
        within = np.isfinite(apart.explained) & (apart.explained > 0)
        bound = np.where(within, apart.explained, np.nan)
        ax.semilogy(steps, bound, color="#D55E00", linestyle="--", label="explained by rounding")
    ax.set_xlabel("t")
    ax.set_ylabel("|difference|")
    ax.legend(frameon=False)
    figure.savefig(file)
