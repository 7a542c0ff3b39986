"""Which bins a case hits: read off the exact run, all its units, members and steps at once."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, candidate_bands, gate_bands
from gruverify.coverage._coverage import Coverage
from gruverify.coverage._groups import GROUPS, sequential
from gruverify.invariants import Exact, Trial

Floats: TypeAlias = npt.NDArray[np.float64]
#: The number of the level on an axis, (T, B, H).
Levels: TypeAlias = npt.NDArray[np.intp]

_FIELDS = ("a_r", "a_z", "a_c", "r", "z", "c", "h", "q")


def visits(trial: Trial) -> Coverage:
    """The hits of one trial's case; of its first step alone, where the backend has no sequence.

    Evaluations whose pre-activations overflow are at no level and are not counted.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mid, rad = _activations(
            trial.exact, len(trial.case.inputs) if sequential(trial.backend) else 1
        )
    r, z, c, known = _gates(trial.case.format, mid)
    side = _side(mid, rad)
    # Where the sign of h'-c is not certain, no bin of the cross is: the axis has - and + alone.
    decided = known & (side != 1)
    state = _state_level(trial.case.format, mid["h"])
    paths = _paths(trial.case.cell.variant.update, mid, rad)
    return Coverage(
        {
            "z×r×c": _hits("z×r×c", known, z, r, c),
            "z×|h'|×h'-c": _hits("z×|h'|×h'-c", decided, z, state, side // 2),
            "h'-c": _hits("h'-c", known, side),
            "paths": _hits("paths", known, *paths),
        }
    )


def _activations(exact: Exact, count: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Midpoints and radii of the activations of the first `count` steps, each (T, B, H)."""
    mid, rad = dict[str, Floats](), dict[str, Floats]()
    for name in _FIELDS:
        balls = [getattr(step, name) for step in exact.run.steps[:count]]
        mid[name] = np.array([ball.mid for ball in balls])
        # Pre-activations are only looked up in bands: nothing is decided by their radii.
        if name in _FIELDS[3:]:
            rad[name] = np.array([ball.radius for ball in balls])
    return mid, rad


def _gates(f: Format, mid: dict[str, Floats]) -> tuple[Levels, Levels, Levels, Any]:
    """The levels of r, z and c, and where they are known."""
    gate, candidate = _edges(f)
    # Of an overflow the ball arithmetic has no midpoint.
    known = np.isfinite(mid["a_r"] + mid["a_z"] + mid["a_c"])
    return (
        np.digitize(mid["a_r"], gate),
        np.digitize(mid["a_z"], gate),
        np.digitize(mid["a_c"], candidate),
        known,
    )


@lru_cache(maxsize=8)
def _edges(f: Format) -> tuple[Floats, Floats]:
    """The pre-activations at which a gate's next level begins, and a candidate's."""
    gate = [low for low, _ in gate_bands(f).values()]
    candidate = [low for low, _ in candidate_bands(f).values()]
    return np.array(gate[1:]), np.array(candidate[1:])


def _side(mid: dict[str, Floats], rad: dict[str, Floats]) -> Levels:
    """The sign of h'-c, as a level; 0 is in the middle, and is what the roundings of the format may
    make of it.
    """
    difference = mid["h"] - mid["c"]
    certain = np.abs(difference) > rad["h"] + rad["c"]
    return np.asarray(1 + np.sign(difference) * certain, np.intp)


def _state_level(f: Format, h: Floats) -> Levels:
    size = np.abs(h)
    # The first edge is the smallest number above 0, the last the smallest above 1: both ends are
    # exact.
    return np.digitize(size, (math.ulp(0.0), f.unit_roundoff**0.5, 0.5, math.nextafter(1.0, 2.0)))


def _paths(update: str, mid: dict[str, Floats], rad: dict[str, Floats]) -> list[Levels]:
    """For carry, update, candidate and reset: 1 where the enclosure of each factor of the
    derivative excludes 0.

    The derivatives are keep, ±(h'-c) z(1-z), take (1-c²) and that times q r(1-r).
    """
    nonzero = {name: np.abs(mid[name]) > rad[name] for name in ("z", "r", "q")}
    below_1 = {name: np.abs(mid[name]) + rad[name] < 1 for name in ("z", "r", "c")}
    if update == "keep":
        keep, take = nonzero["z"], below_1["z"]
    else:
        keep, take = below_1["z"], nonzero["z"]
    candidate = take & below_1["c"]
    # The factors of α_r in (2.4), of which each must be certain to be other than 0.
    reset = candidate & nonzero["q"] & nonzero["r"] & below_1["r"]
    moved = nonzero["z"] & below_1["z"] & (_side(mid, rad) != 1)
    return [path.astype(np.intp) for path in (keep, moved, candidate, reset)]


def _hits(group: str, which: Any, *levels: Levels) -> npt.NDArray[np.int64]:
    shape = GROUPS[group].shape
    flat = np.ravel_multi_index([level[which] for level in levels], shape)
    return np.bincount(flat, minlength=GROUPS[group].size).reshape(shape)
