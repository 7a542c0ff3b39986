"""What was found, in sentences; every one is read off the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gruverify.diagnosis._claims import Claim, Correlation
from gruverify.diagnosis._diagnosis import Layer
from gruverify.diagnosis._formats import InFormat
from gruverify.diagnosis._memory import Length

#: As many units are named; of more it is said how many more.
_NAMED = 6


def verdict(layer: Layer) -> str:
    """How long a layer remembers, and by what."""
    memory = layer.memory
    alone = {part: length_in_words(length) for part, length in memory.alone.items()}
    H = len(memory.units)
    remembers = f"remembers {length_in_words(memory.length, 'about ')}"
    match memory.source:
        case "nothing":
            return f"{remembers}: each state is made of the input before it"
        case "growth":
            return (
                f"lets differences grow, by a factor of {memory.growth:.3g} per step: a state "
                f"depends on all {layer.by_lag.lags[-1]} steps that were looked at, and memory is "
                "no word for it"
            )
        case "carry":
            count = len(memory.carriers)
            verb = "carries" if count == 1 else "carry"
            return f"{remembers}, by {count} of {H} units that {verb}"
        case "diagonal":
            return (
                f"{remembers}, by units that hand their state on to themselves (the diagonal of J "
                f"alone: {alone['diagonal']}), and not by what z keeps ({alone['carry']})"
            )
        case "elman":
            return (
                f"{remembers}, through the candidate (the Elman part alone: {alone['elman']}), and "
                f"not by what z keeps ({alone['carry']})"
            )
        case "gates":
            return (
                f"{remembers}, through what the state does to the gates (their own terms alone: "
                f"{alone['gates']}), and not by what z keeps ({alone['carry']})"
            )
        case "together":
            return (
                f"{remembers}, by no path alone: what z keeps {alone['carry']}, the Elman part "
                f"{alone['elman']}, the gates' own terms {alone['gates']}"
            )


def length_in_words(length: Length, about: str = "") -> str:
    """A number of steps: "40 steps", "at least 128 steps", "less than one step"."""
    if length.steps < 1:
        return "less than one step"
    number = f"{length.steps:.0f}" if length.steps >= 10 else f"{length.steps:.2g}"
    steps = "1 step" if number == "1" else f"{number} steps"
    return f"at least {steps}" if length.at_least else f"{about}{steps}"


def claim_in_words(claim: Claim) -> str:
    """Whether a claim is true: of units, of steps, of both or of neither."""
    said = {"of units": claim.units, "of steps": claim.steps}
    true = [name for name, found in said.items() if found.holds]
    if all(math.isnan(found.rho) for found in said.values()):
        answer = "cannot be told, for the gates or the memories do not differ"
    elif true:
        answer = " and ".join(true)
    else:
        answer = "of neither units nor steps"
    numbers = ", ".join(f"{name} {_correlation(found)}" for name, found in said.items())
    return f"{claim.statement}: {answer} ({numbers})"


def _correlation(found: Correlation) -> str:
    if math.isnan(found.rho):
        return "nothing varies"
    chance = "" if found.holds or abs(found.rho) < 0.5 else f", by chance {found.chance:.2g}"
    return f"ρ = {found.rho:.2f}{chance}"


def format_in_words(found: InFormat, layer: Layer) -> str:
    """How long a format may be used, and which units latch when."""
    T, name = layer.steps, found.format.name
    if not found.finite:
        said = f"{name} overflows"
    elif found.safe < T:
        said = f"safe in {name} to {found.safe} of {T} steps"
    else:
        off = float(found.error.max())
        said = f"safe in {name} through all {T} steps: states are off by at most {off:.2g}"
    if found.latches:
        rounds = "z rounds to 1" if layer.update == "keep" else "1-z rounds to 1"
        first = min(latch.step for latch in found.latches)
        when = "from the first step on" if first == 0 else f"from step {first} on"
        named = units_named([latch.unit for latch in found.latches])
        verb = "latches" if len(found.latches) == 1 else "latch"
        said += f"; {when} {named} {verb} ({rounds})"
    return said


def units_named(units: Sequence[int]) -> str:
    """As "unit 3", "units 3, 17", or how many more there are."""
    named = ", ".join(map(str, units[:_NAMED]))
    more = f" and {len(units) - _NAMED} more" if len(units) > _NAMED else ""
    return f"unit{'s' * (len(units) > 1)} {named}{more}"
