"""Where the gates of a case really are: pre-activations along its trajectory, and the levels of the
ladder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify import Case, Format
from gruverify.arithmetic import candidate_bands, floating, gate_bands
from gruverify.formulas import activations, step
from gruverify_strategies._ladder import candidate_thresholds, gate_thresholds


def extended(array: Any) -> Any:
    return array.astype(np.longdouble)


def preactivations(case: Case) -> Iterator[dict[str, Any]]:
    """Of r, z and c (B, H) at each step, in extended precision, from the states that the format
    computes.
    """
    variant, h = case.cell.variant, case.state
    exact, in_format = case.cell.parameters(extended), case.cell.parameters(floating)
    for x in case.inputs:
        at = activations(variant, exact, extended(x), extended(h))
        yield {"r": at.a_r, "z": at.a_z, "c": at.a_c}
        h = step(variant, in_format, x, h)


def band(format: Format, gate: str, level: str) -> tuple[float, float]:
    """Between which pre-activations a level of a label holds."""
    bands = candidate_bands(format) if gate == "c" else gate_bands(format)
    if level in bands:
        return bands[level]
    thresholds = candidate_thresholds(format) if gate == "c" else gate_thresholds(format)
    at = thresholds[level.removeprefix("near-")]
    # Four ulps or 0.4 away, rounded, and weights may move it by 0.125.
    ulp = 4 * format.unit_roundoff * abs(at)
    reach = max(0.4, 4 * ulp) + ulp + 0.125
    return at - reach, at + reach


def holds(case: Case) -> bool:
    """Whether every driven gate of every member is where its label says, at every step."""
    driven = [
        (unit, *part.split("="))
        for unit, label in enumerate(case.regimes)
        for part in label.split()
    ]
    bands = {place: band(case.format, *place[1:]) for place in driven}
    return all(
        ((low <= at[gate][:, unit]) & (at[gate][:, unit] <= high)).all()
        for at in preactivations(case)
        for (unit, gate, _), (low, high) in bands.items()
    )


def visits(case: Case) -> npt.NDArray[np.int64]:
    """(8, 8, 6): how often a unit of some member was, at some step, at each level of z, r and c."""
    edges = {gate: _edges(gate_bands(case.format)) for gate in "zr"} | {
        "c": _edges(candidate_bands(case.format))
    }
    counts = np.zeros([len(edges[gate]) + 1 for gate in "zrc"], np.int64)
    for at in preactivations(case):
        np.add.at(counts, tuple(np.digitize(at[gate].ravel(), edges[gate]) for gate in "zrc"), 1)
    return counts


def _edges(bands: Mapping[str, tuple[float, float]]) -> list[float]:
    return [high for _, high in bands.values()][:-1]
