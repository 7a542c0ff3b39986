"""The ladder of theory.md 5: the levels to which a gate or a candidate can be driven in a format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gruverify.arithmetic import Format

#: A bottom and a top pre-activation.
Band = tuple[float, float]


@dataclass(frozen=True)
class Drive:
    """A pre-activation to drive a unit's gate to.

    level: its name on the ladder, or "" if the gate is not driven.
    at: the pre-activation itself, exact in the format.
    margin: how far weights, inputs and state may move it before it leaves its level.
    share: how much of it the input's bias carries; the rest is the recurrent bias'.
    """

    level: str
    at: float
    margin: float
    share: float


def gate_bands(f: Format) -> dict[str, Band]:
    """The levels of r and z, from shut to open: where σ is 0, subnormal, below u, low, middle, high, rounded to 1, and 1.

    At "0" the true gate rounds to 0; at "rounding" 1/(1+e^-a) is 1 in the format although the true gate is not.
    """
    normal = math.log(f.min_normal)
    return {
        "0": (1.5 * f.sigmoid_underflows, f.sigmoid_underflows),
        "subnormal": (f.sigmoid_underflows, normal),
        "tiny": (normal, -f.sigmoid_saturates),
        "low": (-f.sigmoid_saturates, -2.0),
        "mid": (-2.0, 2.0),
        "high": (2.0, f.sigmoid_saturates),
        "rounding": (f.sigmoid_saturates, f.sigmoid_rounds_to_one),
        "1": (f.sigmoid_rounds_to_one, -f.sigmoid_underflows),
    }


def candidate_bands(f: Format) -> dict[str, Band]:
    """The levels of the candidate: where tanh is -1, strongly negative, middling, strongly positive, and 1."""
    top = f.tanh_saturates
    return {
        "-1": (-3 * top, -top),
        "-high": (-top, -1.5),
        "mid": (-1.5, 1.5),
        "high": (1.5, top),
        "1": (top, 3 * top),
    }


def gate_thresholds(f: Format) -> dict[str, float]:
    """The pre-activations at which a gate's level changes, by what happens there."""
    return {
        "rounds-to-one": f.sigmoid_rounds_to_one,
        "saturates": f.sigmoid_saturates,
        "u": -f.sigmoid_saturates,
        "min-normal": math.log(f.min_normal),
        "flushes": f.sigmoid_flushes,
        "underflows": f.sigmoid_underflows,
    }


def candidate_thresholds(f: Format) -> dict[str, float]:
    """The pre-activations at which tanh rounds to ±1."""
    return {"1": f.tanh_saturates, "-1": -f.tanh_saturates}


def near(f: Format, threshold: float) -> list[float]:
    """Numbers of the format on both sides of a threshold, a few ulps and some tenths away, the nearest first."""
    ulp = 2 * f.unit_roundoff * 2.0 ** math.floor(math.log2(abs(threshold)))
    offsets = [size * sign for size in (0.0, ulp, 2 * ulp, 4 * ulp, 0.1, 0.2, 0.4) for sign in (1, -1)]
    return list(dict.fromkeys(float(f.cast(threshold + offset)) for offset in offsets))


#: A byte says where in its level a drive is.
PLACES = 256
UNDRIVEN = Drive("", 0.0, math.inf, 1.0)
#: How far what is near a threshold may be moved.
_NEAR = 0.125


@lru_cache(maxsize=16)
def ladder(f: Format, candidate: bool) -> dict[str, list[Drive]]:
    """By level, the drives of every place: at place 0 the simplest one. "near" holds those around the thresholds."""
    bands = candidate_bands(f) if candidate else gate_bands(f)
    thresholds = candidate_thresholds(f) if candidate else gate_thresholds(f)
    around = [(f"near-{name}", at) for name, threshold in thresholds.items() for at in near(f, threshold)]
    levels = {name: [_within(f, name, band, place, candidate) for place in range(PLACES)] for name, band in bands.items()}
    spread = (around[place * len(around) // PLACES] for place in range(PLACES))
    near_ones = [Drive(name, at, _NEAR, _share(place, candidate)) for place, (name, at) in enumerate(spread)]
    return {"": [UNDRIVEN] * PLACES, **levels, "near": near_ones}


def _within(f: Format, name: str, band: Band, place: int, candidate: bool) -> Drive:
    low, high = band
    inset = (high - low) / 8
    exact = low + inset + (high - low - 2 * inset) * place / (PLACES - 1) if place else _simplest(low + inset, high - inset)
    at = float(f.cast(exact))
    rounding = 4 * f.unit_roundoff * abs(at)
    return Drive(name, at, min(at - low, high - at) - rounding, _share(place, candidate))


def _share(place: int, candidate: bool) -> float:
    # The recurrent bias of a candidate may be reset away: only the input's can hold its level.
    return 1.0 if candidate else (1.0, 0.0, 0.5)[place % 3]


def _simplest(low: float, high: float) -> float:
    """The number of fewest bits between two of the same sign, or 0."""
    step = 2.0 ** math.floor(math.log2(high - low))
    return float(np.clip(0.0, math.ceil(low / step) * step, math.floor(high / step) * step))
