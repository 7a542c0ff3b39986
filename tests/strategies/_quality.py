"""What is worth counting in a thousand default cases, and the least that each share should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from gruverify import Case

from ._trajectory import visits

COUNT = 1000

#: The levels of the ladder, from shut to open.
LEVELS = {
    "r": ("0", "subnormal", "tiny", "low", "mid", "high", "rounding", "1"),
    "z": ("0", "subnormal", "tiny", "low", "mid", "high", "rounding", "1"),
    "c": ("-1", "-high", "-mid", "mid", "high", "1"),
}


def weights(case: Case) -> list[Any]:
    """The packed parameters, in float64."""
    return [array.astype(np.float64) for array in case.cell.packed().values()]


def has_distinct_gates(case: Case) -> bool:
    gates = [gate for array in weights(case) for gate in combinations(np.split(array, 3), 2)]
    sides = list(pairwise(weights(case)[2:]))
    return not any(np.array_equal(a, b) for a, b in [*gates, *sides])


def is_dense(case: Case) -> bool:
    return float(np.mean(np.concatenate([array.ravel() for array in weights(case)]) != 0)) > 0.9


def any_of(name: str) -> Callable[[Case], bool]:
    return lambda case: bool(getattr(case, name).astype(np.float64).any())


#: By name, what a case should be, and how often at least.
SHARES: dict[str, tuple[Callable[[Case], bool], float]] = {
    "gates and sides distinct": (has_distinct_gates, 0.95),
    "weights dense": (is_dense, 0.95),
    "H >= 2": (lambda case: case.sizes["H"] >= 2, 0.85),
    "T >= 2": (lambda case: case.sizes["T"] >= 2, 0.85),
    "H and T >= 2": (lambda case: min(case.sizes["H"], case.sizes["T"]) >= 2, 0.8),
    "I >= 2": (lambda case: case.sizes["I"] >= 2, 0.8),
    "B >= 2": (lambda case: case.sizes["B"] >= 2, 0.8),
    "state not zero": (any_of("state"), 0.8),
    "inputs not zero": (any_of("inputs"), 0.95),
    "last cotangent dense": (lambda case: bool(case.d_last.astype(np.float64).all()), 0.65),
    "with biases": (lambda case: case.cell.variant.bias, 0.65),
    "units driven": (lambda case: any(case.regimes), 0.5),
}


def share(cases: Sequence[Case], name: str) -> float:
    """The share of cases of which it is true."""
    return float(np.mean([SHARES[name][0](case) for case in cases]))


def driven_to(cases: Sequence[Case]) -> Counter[str]:
    """How many units were driven to each level: "r=0", "c=-high" and so on; thresholds as
    "r=near-underflows".
    """
    return Counter(
        placement for case in cases for label in case.regimes for placement in label.split()
    )


def missing_levels(cases: Sequence[Case], least: int) -> list[str]:
    """The levels to which fewer units were driven."""
    counts = driven_to(cases)
    return [
        f"{gate}={level}"
        for gate, levels in LEVELS.items()
        for level in levels
        if counts[f"{gate}={level}"] < least
    ]


def bins(cases: Sequence[Case]) -> Any:
    """(8, 8, 6): visits of z × r × c. All 384 can be reached: each gate has a bias of its own."""
    return sum(visits(case) for case in cases)
