"""The ladder of theory.md 5: the levels at which a gate or a candidate of a format can be."""

from __future__ import annotations

import math
from typing import TypeAlias

from gruverify.arithmetic._formats import Format

#: The pre-activations between which a level holds.
Band: TypeAlias = tuple[float, float]


def gate_bands(f: Format) -> dict[str, Band]:
    """The levels of r and z, from shut to open: where σ is 0, subnormal, below u, low, middling,
    high, rounded to 1, 1.

    At "0" the true gate rounds to 0; at "rounding" 1/(1+e^-a) is 1 in the format although the true
    gate is not.
    """
    # σ(a) ≈ e^a there, so a gate is subnormal below the logarithm of the smallest normal number.
    normal = math.log(f.min_normal)
    return {
        "0": (-math.inf, f.sigmoid_underflows),
        "subnormal": (f.sigmoid_underflows, normal),
        "tiny": (normal, -f.sigmoid_saturates),
        "low": (-f.sigmoid_saturates, -2.0),
        "mid": (-2.0, 2.0),
        "high": (2.0, f.sigmoid_saturates),
        "rounding": (f.sigmoid_saturates, f.sigmoid_rounds_to_one),
        "1": (f.sigmoid_rounds_to_one, math.inf),
    }


def candidate_bands(f: Format) -> dict[str, Band]:
    """The levels of the candidate: where tanh is -1, strongly negative, mildly so, and the same
    above 0.
    """
    top = f.tanh_saturates
    return {
        "-1": (-math.inf, -top),
        "-high": (-top, -1.5),
        "-mid": (-1.5, 0.0),
        "mid": (0.0, 1.5),
        "high": (1.5, top),
        "1": (top, math.inf),
    }
