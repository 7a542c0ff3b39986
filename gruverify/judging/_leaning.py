"""What the errors of all steps have in common, where each of them is within its bound.

A weight that is off by δ moves the state after every step by δ ∂h/∂w, and rounding has no such
sign. So of each hypothesis, that a parameter, a gate's biases or all of a gate is a share larger
than in the file, with f what that does to a state, and bounds ρ,

    δ = Σ e f/ρ² / Σ f²/ρ²

is how much of it the errors e of all steps, members and units show. For single parameters the sums
are gradients, with cotangent e/ρ², and those with everything squared.

Right implementations lean, too, where they meet one input again and again, or rest at a fixed
point. So what was found counts by how many times it is larger than what others of them, who add up
in other orders, make of the very same steps. And what is common to all units, as a function of the
argument, may be the lean of a library's σ or tanh, as far as κ goes: it is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gruverify.arithmetic import DRAWS, RARE, USUAL, NDArray, chance
from gruverify.judging._errors import Steps, steps_of
from gruverify.judging._held import Held, Source
from gruverify.judging._suspects import Suspect, suspects_of

#: How many numbers and products each of the right runs may have.
_NUMBERS, _PRODUCTS = 2**19, 2**30


@dataclass(frozen=True)
class Leaning:
    """What the errors of a direction of a layer follow, though each is within its bound: `along`
    names parameters that are `units` units of roundoff larger than in the file, ± `error`, to go by
    the errors; `by_chance` is how often a right run leans as far along anything.
    """

    layer: int
    direction: int
    along: str
    units: float
    error: float
    by_chance: float

    def __str__(self) -> str:
        way = "larger" if self.units > 0 else "smaller"
        return (
            f"the errors follow {self.along}, as if it were {abs(self.units):.3g} ± "
            f"{self.error:.2g} u {way} than in the file: by chance in one of "
            f"10^{-math.log10(self.by_chance):.0f} right runs"
        )


def unsought(source: Source, one: Held) -> str:
    """Why no leaning is looked for in a direction; nothing if one is."""
    record, mode = source.record, source.model.mode
    if one.layer > 0 and one.layer - 1 not in record.outputs:
        return f"what layer {one.layer} reads is not recorded"
    if record.functions[one.direction] != USUAL or record.clip is not None:
        return "its functions are not σ and tanh, or clipped"
    if mode.products != "format" or mode.computes is not None:
        return "it computes in another format than it returns"
    return ""


def leaning_of(source: Source, each: Sequence[Held]) -> Leaning | None:
    """What the errors of a direction follow, the least likely by chance; None if nothing."""
    sought = [one for one in each if not unsought(source, one)]
    found = [leaning for one in sought if (leaning := _of_direction(source, one)) is not None]
    return min(found, key=lambda leaning: leaning.by_chance, default=None)


def _of_direction(source: Source, one: Held) -> Leaning | None:
    steps = steps_of(source, one)
    suspects, count = suspects_of(steps, steps.cleared)
    if not suspects:
        return None
    # That they lean is found without what functions do; named is what explains them as they are.
    named = suspects_of(steps, steps.errors)[0]
    H, I = steps.a.h.shape[1], steps.a.x.shape[1]
    steps = steps.at_most(max(min(_NUMBERS // H, _PRODUCTS // (3 * H * (H + I))), DRAWS))
    right = [steps.without_functions(errors) for errors in steps.of_right_runs(DRAWS)]
    found = [_beside(steps, suspect, right, count) for suspect in [*named, *suspects]]
    by_chance = min(one.by_chance for one in found)
    if by_chance < RARE:
        return replace(found[0], by_chance=by_chance)
    return None


def _beside(steps: Steps, suspect: Suspect, right: Sequence[NDArray], count: int) -> Leaning:
    """How far it leans beside right runs."""
    f = steps.moved(suspect.gate, suspect.part(steps)) * steps.shares
    layer, direction = steps.held.layer, steps.held.direction
    units, spread = _follows(steps.errors, f)
    if not f.any():
        return Leaning(layer, direction, suspect.along, units, spread, 1.0)
    δ, spread = _follows(steps.cleared, f)
    others = np.array([(*_follows(errors, f), _size(errors)) for errors in right])
    usual, spreads, sizes = np.sqrt((others**2).mean(0))
    # Whoever rounds more than these leans more than they do, too: where f is large, or all along.
    error = float(usual * max(1.0, spread / spreads, _size(steps.cleared - δ * f) / sizes))
    times = abs(δ) / error
    # Of many parameters at once that may still be a function.
    if suspect.whole and abs(δ) * (f * f).sum() <= steps.left_of_function(suspect.gate, f):
        times = 0.0
    return Leaning(
        layer, direction, suspect.along, units, error, chance(times, count, _carrying(f))
    )


def _carrying(f: NDArray) -> float:
    """How many numbers carry Σ f²: as many as there are where all have the same share of it."""
    squares = f.astype(np.float64) ** 2
    return float(squares.sum() ** 2 / (squares**2).sum())


def _follows(errors: NDArray, f: NDArray) -> tuple[float, float]:
    """How much of f the errors show, and how far that would be off if none had to do with another,
    by what is left of them.
    """
    size = (f * f).sum()
    if not size:  # what moves nothing at these steps
        return 0.0, 0.0
    δ = (errors * f).sum() / size
    return float(δ), float(np.sqrt((((errors - δ * f) * f) ** 2).sum()) / size)


def _size(errors: NDArray) -> float:
    """Their root mean square."""
    return float(np.sqrt((errors * errors).mean()))
