"""Reach on trained models: how wide its enclosures are beside what inputs reach, how far plain
intervals, balls and affine forms get, and whether anything ever leaves an enclosure.

    python tests/data/train.py --units 64 --folder DIR
    python tests/campaigns/reach.py DIR/*.npz --roots 256 --generators 16384
    python tests/campaigns/reach.py DIR/*.npz --samples 10000000

The box is ± radius around the first recorded input, up to 50 steps of it. What is reached is the
most of samples, half of them corners, and of a search that follows the signs of the gradient for
each unit. Every sample is run in the format. It exits with 1 if one is outside.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify import Cell
from gruverify.arithmetic import Ball, carried
from gruverify.backends import NumpyBackend
from gruverify.formulas import bptt, sequence, step
from gruverify.models import read_grus
from gruverify.reaching import Reach, reach, rounding

Floats: TypeAlias = npt.NDArray[np.float64]

STEPS, BATCH, ROUNDS = 50, 1000, 20
#: A state is known to so much to either side, or nothing is said of it.
KNOWN = 1 / 8


def sampled(
    cell: Cell, xs: Floats, radius: float, count: int, found: Reach
) -> tuple[Floats, Floats, int]:
    """The ends (T, H) that samples reach in the cell's format, and how many states are outside."""
    rng, low, high, beyond = np.random.default_rng(0), np.inf, -np.inf, 0
    ends = (cell.format.cast(xs + sign * radius).astype(np.float64) for sign in (-1, 1))
    least, most = ends
    for number in range(max(1, count // BATCH)):
        shape = (len(xs), BATCH, xs.shape[2])
        shares = rng.choice([0.0, 1.0], shape) if number % 2 else rng.uniform(size=shape)
        given = np.clip(least + shares * (most - least), least, most)
        rounded = np.clip(cell.format.cast(given).astype(np.float64), least, most)
        outputs, _ = NumpyBackend().sequence(cell, cell.format.cast(rounded), None)
        wide = outputs.astype(np.float64)
        beyond += int(((wide < found.low) | (wide > found.high)).sum())
        low, high = np.minimum(low, wide.min(1)), np.maximum(high, wide.max(1))
    return np.asarray(low), np.asarray(high), beyond


def ascended(cell: Cell, xs: Floats, radius: float) -> tuple[Floats, Floats]:
    """The ends (H,) of the last states that the signs of the gradient lead to."""
    H, T = cell.hidden_size, len(xs)
    p, goals = cell.parameters(lambda a: a.astype(np.float64)), np.eye(H)
    towards = np.concatenate([goals, -goals])
    given, best = np.repeat(xs, 2 * H, axis=1), np.full(2 * H, -np.inf)
    for _ in range(ROUNDS):
        run = sequence(cell.variant, p, list(given), np.zeros((2 * H, H)))
        best = np.maximum(best, (run.states[T] * towards).sum(1))
        given = xs + radius * np.sign(np.stack(bptt(run, None, towards).inputs))
    return -best[H:], best[:H]


def balls_last(cell: Cell, xs: Floats, radius: float) -> int:
    """After how many steps plain balls still know some state to within 1/8."""
    mode = rounding(cell.format, {})
    p = cell.parameters(lambda a: Ball.exact(mode, a))
    h = Ball.exact(mode, np.zeros((1, cell.hidden_size)))
    for t, x in enumerate(xs):
        given = Ball(mode, x, np.full(x.shape, radius))
        h = carried(step(cell.variant, p, given, h))
        if not (h.radius < KNOWN).any():
            return t
    return len(xs)


def lasts(found: Reach) -> int:
    """After how many steps an enclosure still knows some state."""
    return found.steps if found.silent_from is None else found.silent_from


def examine(path: Path, asked: argparse.Namespace) -> int:
    """Print a model's figures; how many states were outside."""
    gru = read_grus(path)[0]
    cell = gru.stack.cells[0][0]
    with np.load(path) as file:
        xs = file["x"][:STEPS, :1].astype(np.float64)
    started = time.process_time()
    given = {"radius": asked.radius, "generators": asked.generators, "roots": asked.roots}
    found = reach(gru.stack, xs, max_memory=16.0, **given)
    seconds = time.process_time() - started
    low, high, beyond = sampled(cell, xs, asked.radius, asked.samples, found)
    lower, upper = ascended(cell, xs, asked.radius)
    outside = beyond + int(((lower < found.low[-1, 0]) | (upper > found.high[-1, 0])).sum())
    reached = np.maximum(high[-1], upper) - np.minimum(low[-1], lower)
    width, ratios = found.width[-1, 0], found.width[-1, 0] / reached
    print(f"{path.name}: {gru}, T={len(xs)}, {asked.samples:,} samples")
    times = width.max() / reached.max()
    print(
        f"  widest {width.max():.4g}, reached {reached.max():.4g}: {times:.2f}"
        f" times; of units: median {np.median(ratios):.2f}, worst {ratios.max():.2f}; "
        f"samples alone reach {(high[-1] - low[-1]).max():.4g}; {seconds:.1f} CPU s"
    )
    plain = reach(gru.stack, xs, radius=asked.radius, generators=0)
    forms = reach(gru.stack, xs, radius=asked.radius, roots=0)
    print(
        f"  steps with a state known to within 1/8: {lasts(found)}; affine forms without pairs "
        f"{lasts(forms)}, intervals {lasts(plain)}, balls {balls_last(cell, xs, asked.radius)}"
    )
    print(f"  outside: {outside} of {asked.samples * width.size * len(xs):,} states")
    return outside


def main() -> None:
    """Examine each model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--radius", type=float, default=0.01)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--generators", type=int, default=16384)
    parser.add_argument("--roots", type=int, default=256)
    asked = parser.parse_args()
    with np.errstate(all="ignore"):
        outside = sum(examine(path, asked) for path in asked.models)
    raise SystemExit(bool(outside))


if __name__ == "__main__":
    main()
