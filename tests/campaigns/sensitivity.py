"""How small an error is found: a right cell with a relative error δ in one weight, one gate or one
gradient entry.

    python tests/campaigns/sensitivity.py --json reports/sensitivity.json --plot
    docs/sensitivity.svg

Each error is put at unit 0 with δ = 64 u and tried on the cases of the default profile. It prints
in which case it is found; and the smallest δ that would be found, for errors so small grow in
proportion: 64 u by the largest margin, over all cases and over those whose unit 0 is in each regime
of the update gate. The plot has the share of cases in which δ is found. Exits with 1 if 64 u is not
found somewhere in float32 or float64.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gruverify.arithmetic import FORMATS, Format, float32, float64, format_named, sigmoid, tanh
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import BLOCKS, VARIANTS, Cell, Gradients
from gruverify.engine import judge_trial, streams_for, trial_of
from gruverify.faults._faulty import Faulty
from gruverify.faults._stepping import stepping
from gruverify.invariants import INVARIANTS, Trial

#: Times the unit roundoff.
ERROR = 64
WATCHED = [invariant for invariant in INVARIANTS.values() if invariant.family == "agreement"]
PACKED = {"W_x": "weight_ih", "W_h": "weight_hh", "b_x": "bias_ih", "b_h": "bias_hh"}
BIASED = tuple(variant for variant in VARIANTS if variant.bias)


def scaled(block: str, array: Any, δ: float) -> Any:
    """A packed array whose first entry of the block's gate is 1+δ times what it was."""
    found = array.copy()
    row = "rzc".index(block[3]) * (len(array) // 3)
    first = (row, 0)[: array.ndim]
    found[first] = float(array[first]) * (1 + δ)
    return found


def weight(block: str, δ: float) -> Backend:
    """The error in a weight."""

    def altered(cell: Cell) -> Cell:
        name = PACKED[block[:3]]
        return replace(cell, **{name: scaled(block, getattr(cell, name), δ)})

    return Faulty(cell=altered, variants=BIASED)


def gradient(block: str, δ: float) -> Backend:
    """The error in a gradient."""

    def altered(g: Gradients, *_: Any) -> Gradients:
        name = PACKED[block[:3]]
        return replace(g, **{name: scaled(block, getattr(g, name), δ)})

    return Faulty(step_vjp=altered, sequence_vjp=altered, variants=BIASED)


def gate(line: str, δ: float) -> Backend:
    """The error in what unit 0's gate or candidate comes to."""

    def first(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def altered(a: Any) -> Any:
            found = f(a).copy()
            found[:, 0] = (found[:, 0].astype(np.float64) * (1 + δ)).astype(a.dtype)
            return found

        return altered

    return stepping(**{line: first(tanh if line == "tanh" else sigmoid)}, variants=BIASED)  # type: ignore[arg-type]


LINES = {"r": "σ_r", "z": "σ_z", "c": "tanh"}
ERRORS: dict[str, Callable[[float], Backend]] = {
    **{f"weight {block}": lambda δ, block=block: weight(block, δ) for block in BLOCKS},
    **{f"gradient {block}": lambda δ, block=block: gradient(block, δ) for block in BLOCKS},
    **{
        f"gate {name}": lambda δ, line=line: gate(line, δ)
        for name, line in (("r", "σ_r"), ("z", "σ_z"), ("c", "tanh"))
    },
}


def margins(
    make: Callable[[float], Backend], trials: list[Trial], fmt: Format
) -> list[tuple[str, float]]:
    """Of each case the regime of unit 0's update gate and the largest margin."""
    backend = make(ERROR * fmt.unit_roundoff)
    found = []
    for trial in trials:
        judgements = judge_trial(trial.with_backend(backend), WATCHED)
        largest = max(judgement.residual.margin for judgement in judgements)
        level = re.search(r"z=(\S+)", trial.case.regimes[0] if trial.case.regimes else "")
        found.append((level[1] if level else "not driven", largest))
    return found


def measured(fmt: Format, cases: int) -> dict[str, Any]:
    """For every error, in which case 64 u is found, the smallest δ that would be, and the
    margins.
    """
    trials: list[Any] = []
    stream = next(iter(streams_for(Faulty(variants=BIASED), fmt, 0, cases)))
    stream.draw(
        lambda case: trials.append(trial_of(case, NumpyBackend())),
    )
    rows = {}
    for name, make in ERRORS.items():
        found = margins(make, trials, fmt)
        case = next((number for number, (_, margin) in enumerate(found, 1) if margin > 1), None)
        by_regime = {
            r: smallest(m for level, m in found if level == r)
            for r in sorted({level for level, _ in found})
        }
        all_margins = [margin for _, margin in found]
        rows[name] = {
            "case": case,
            "smallest": smallest(all_margins),
            "regimes": by_regime,
            "margins": [round(min(margin, 1e30), 4) for margin in all_margins],
        }
        print(
            fmt.name, name, f"64 u in case {case}, smallest {rows[name]['smallest']} u", flush=True
        )
    return rows


def smallest(found: Any) -> float | None:
    """The smallest δ that would be found, in units of roundoff; None if none can be told."""
    largest = max(found, default=0.0)
    return None if largest <= 0 else float(f"{ERROR / largest:.3g}")


def plot(results: dict[str, dict[str, Any]], path: Path) -> None:
    """The share of cases in which δ is found, for each format; the median over the errors of each
    sort.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.2), sharey=True)
    levels = 2.0 ** np.arange(0, 21)
    for ax, sort in zip(axes, ("weight", "gate", "gradient"), strict=True):
        for fmt, rows in results.items():
            shares = [
                [np.mean(np.array(row["margins"]) * k / ERROR > 1) for k in levels]
                for name, row in rows.items()
                if name.startswith(sort)
            ]
            ax.plot(levels, np.median(shares, axis=0), label=fmt)
        ax.set(xscale="log", xlabel="δ / u", title=f"error in one {sort}", ylim=(0, 1))
        ax.axvline(ERROR, linestyle=":", color="grey")
    axes[0].set_ylabel("share of cases that find it")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, print, write and plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=120)
    parser.add_argument("--formats", default=",".join(fmt.name for fmt in FORMATS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    formats = [format_named(name) for name in arguments.formats.split(",")]
    results = {fmt.name: measured(fmt, arguments.cases) for fmt in formats}
    for fmt, rows in results.items():
        for sort in ("weight", "gate", "gradient"):
            found = [
                row["smallest"]
                for name, row in rows.items()
                if name.startswith(sort) and row["smallest"]
            ]
            print(
                f"{fmt} {sort}: smallest δ / u, median {statistics.median(found):g}, largest "
                f"{max(found):g}"
            )
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"cases": arguments.cases, "formats": results}, ensure_ascii=False) + "\n"
        )
    if arguments.plot:
        plot(results, arguments.plot)
    strict = [fmt.name for fmt in formats if fmt in (float32, float64)]
    sys.exit(any(row["case"] is None for name in strict for row in results[name].values()))


if __name__ == "__main__":
    main()
