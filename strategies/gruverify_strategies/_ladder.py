"""The ladder of theory.md 5: the levels to which a gate or a candidate can be driven in a
format.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from gruverify.arithmetic import Band, Format, candidate_bands, gate_bands
from gruverify.cell import Pasteable


@dataclass(frozen=True)
class Drive(Pasteable):
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

    def __repr__(self) -> str:
        if math.isinf(self.margin):
            margin = "float('inf')"
        else:
            margin = repr(self.margin)
        return f"Drive({self.level!r}, {self.at!r}, {margin}, {self.share!r})"


UNDRIVEN = Drive("", 0.0, math.inf, 1.0)


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
    """Numbers of the format on both sides of a threshold, a few ulps and some tenths away, the
    nearest first.
    """
    # u is half an ulp of 1, and an ulp doubles with each binade.
    ulp = 2 * f.unit_roundoff * 2.0 ** math.floor(math.log2(abs(threshold)))
    offsets = list[float]()
    for size in (0.0, ulp, 2 * ulp, 4 * ulp, 0.1, 0.2, 0.4):
        offsets += [size, -size]
    return list(dict.fromkeys(float(f.cast(threshold + offset)) for offset in offsets))


#: A byte says where in its level a drive is.
_PLACES = range(256)
#: How far what is near a threshold may be moved.
_NEAR = 0.125


@lru_cache(maxsize=16)
def ladder(f: Format, candidate: bool) -> dict[str, list[Drive]]:
    """By level, a drive for each byte, the first the simplest. "near" holds those around the
    thresholds.
    """
    if candidate:
        bands = candidate_bands(f)
    else:
        bands = gate_bands(f)
    # Beyond the first of these the exponential in a naive tanh overflows, beyond the second that in
    # any naive sigmoid.
    if candidate:
        outermost = -f.sigmoid_flushes
    else:
        outermost = -2 * f.sigmoid_underflows
    levels = {name: _across(f, name, band, outermost, candidate) for name, band in bands.items()}
    if candidate:
        thresholds = candidate_thresholds(f)
    else:
        thresholds = gate_thresholds(f)
    around = list[tuple[str, float]]()
    for name, threshold in thresholds.items():
        around += [(f"near-{name}", at) for at in near(f, threshold)]
    # 256 places for some 78 numbers: each is reached, the first ones by the smallest bytes.
    spread = [around[place * len(around) // len(_PLACES)] for place in _PLACES]
    close = [
        Drive(name, at, _NEAR, _share(place, candidate)) for place, (name, at) in enumerate(spread)
    ]
    return {"": [UNDRIVEN] * len(_PLACES), **levels, "near": close}


def _across(f: Format, name: str, band: Band, outermost: float, candidate: bool) -> list[Drive]:
    """Drives all over a level, but for its edges; the first is the simplest number there."""
    low, high = max(band[0], -outermost), min(band[1], outermost)
    # Nearer to an edge than a few ulps, the rounding of a drive could carry it across.
    coarsest = 4 * f.unit_roundoff * max(-low, high)
    inset = max(min((high - low) / 8, 0.5), coarsest)
    low, high = low + inset, high - inset
    spread = [low + (high - low) * place / _PLACES[-1] for place in _PLACES]
    spread[0] = _simplest(low, high)
    return [
        _drive(f, name, band, float(f.cast(at)), _share(place, candidate))
        for place, at in enumerate(spread)
    ]


def _drive(f: Format, name: str, band: Band, at: float, share: float) -> Drive:
    # A bias rounds by up to u|at|, and every weight by u.
    margin = min(at - band[0], band[1] - at) * (1 - 4 * f.unit_roundoff) - f.unit_roundoff * abs(at)
    return Drive(name, at, margin, share)


def _share(place: int, candidate: bool) -> float:
    # The recurrent bias of a candidate may be reset away: only the input's can hold its level.
    if candidate:
        return 1.0
    return (1.0, 0.0, 0.5)[place % 3]


def _simplest(low: float, high: float) -> float:
    """The number of fewest bits in an interval that is symmetric or does not hold 0."""
    step = 2.0 ** math.floor(math.log2(high - low))
    return min(max(0.0, math.ceil(low / step) * step), math.floor(high / step) * step)
